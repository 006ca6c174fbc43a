//! Whether an enabled webhook delivers, or is about to be disabled.
//!
//! After three days without success, one failed delivery disables it (docs/DOCSPACE.md 1.6). Its times are accurate
//! to a day, so two days are worth a warning.

use jiff::{SignedDuration, Timestamp};

use crate::docspace::{Client, WebhookConfig};
use crate::registration::RejectedDelivery;

use super::deployment::Deployment;
use crate::finding::Finding;

/// Days without success that are worth a warning.
const MAX_QUIET_DAYS: i64 = 2;

/// How much of the portal's note about a failure is shown, in characters.
const MAX_NOTE_LENGTH: usize = 120;

pub(super) async fn check(
    deployment: &Deployment,
    portal: &Client,
    webhook: &WebhookConfig,
) -> Vec<Finding> {
    let now = portal.to_portal_time(deployment.clock.now());
    let rejected = RejectedDelivery::find(portal, webhook, deployment.secrets()).await;
    let Some(rejected) = rejected else {
        return vec![deliveries(webhook, now)];
    };
    vec![
        failing(webhook, now, "the cause is below"),
        rejection(webhook, rejected),
    ]
}

/// What the times of the webhook say about its deliveries.
fn deliveries(webhook: &WebhookConfig, now: Timestamp) -> Finding {
    let subject = format!("webhook {}", webhook.id);
    if webhook.is_failing() && webhook.is_changed_since_failure() {
        return Finding::warning(
            subject,
            "its last delivery failed, but it was changed since, so that may be fixed: upload a file and check again",
        );
    }
    if webhook.is_failing() {
        return failing(
            webhook,
            now,
            "check that the service is running and reachable",
        );
    }
    let days = quiet_days(webhook, now);
    if days >= MAX_QUIET_DAYS {
        return Finding::warning(
            subject,
            format!(
                "nothing was delivered for {days} days, and after three days a single failure disables it: keep \
                 the service running, and upload a file now and then"
            ),
        );
    }
    match webhook.last_success_on {
        Some(_) => Finding::ok(subject, "its last delivery succeeded"),
        None => Finding::ok(
            subject,
            "has not delivered anything yet: upload a file, and run `docspace-courier events list`",
        ),
    }
}

/// Whole days without a delivery that succeeded.
fn quiet_days(webhook: &WebhookConfig, now: Timestamp) -> i64 {
    let last_good_at = webhook.last_success_on.or(webhook.created_on);
    let quiet = last_good_at.map_or(SignedDuration::ZERO, |at| now.duration_since(at));
    quiet.as_hours() / 24
}

/// The finding that the last delivery failed, with the portal's note and what to do.
fn failing(webhook: &WebhookConfig, now: Timestamp, hint: &str) -> Finding {
    let note: String = webhook
        .last_failure_content
        .iter()
        .flat_map(|note| note.chars())
        .take(MAX_NOTE_LENGTH)
        .collect();
    let note = note.trim().trim_end_matches('.');
    let days = quiet_days(webhook, now);
    let consequence = if days >= MAX_QUIET_DAYS {
        format!("none has succeeded for {days} days, so the next failure disables it")
    } else {
        "after three days without success DocSpace disables it".to_owned()
    };
    Finding::warning(
        format!("webhook {}", webhook.id),
        format!("its last delivery failed ({note}), and {consequence}: {hint}"),
    )
}

/// The finding that the service, or a proxy before it, rejects deliveries.
fn rejection(webhook: &WebhookConfig, rejected: RejectedDelivery) -> Finding {
    let RejectedDelivery {
        status,
        has_other_secret,
    } = rejected;
    let url = &webhook.uri;
    let message = match status {
        _ if has_other_secret => format!(
            "uses a different secret than DOCSPACE_WEBHOOK_SECRET; fix it with `docspace-courier register --url {url} \
             --set-secret`"
        ),
        401 => format!(
            "its deliveries are rejected with 401, although they are signed with DOCSPACE_WEBHOOK_SECRET as it is here: \
             restart the service, which has another value, and see that no proxy changes bodies or headers on the way \
             to {url}"
        ),
        403 => format!(
            "its deliveries are rejected with 403: if REQUIRE_HTTPS is set, the proxy must set X-Forwarded-Proto; {url} \
             must not require a login"
        ),
        404 | 405 => format!(
            "its deliveries are rejected with {status}: the proxy must forward POST to {url} with this path to the service"
        ),
        status => format!(
            "its deliveries are rejected with {status}: see the log of the service and of the proxy at {url}"
        ),
    };
    Finding::error(format!("webhook {}", webhook.id), message)
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;

    use super::*;

    #[test]
    fn quiet_failing_and_healthy_webhooks() {
        let now = "2026-03-10T12:00:00Z".parse().unwrap();
        let check = |members: &str, severity: Severity, word: &str| {
            let webhook = format!(r#"{{"id": 7, {members}}}"#);
            let webhook: WebhookConfig = serde_json::from_str(&webhook).unwrap();
            let finding = deliveries(&webhook, now);
            assert_eq!(finding.severity, severity, "{members}: {}", finding.message);
            assert!(finding.message.contains(word), "{}", finding.message);
        };
        let created = r#""createdOn": "2026-03-10T09:00:00+00:00""#;
        check(created, Severity::Ok, "not delivered anything yet");
        let old = r#""createdOn": "2026-03-01T09:00:00+00:00""#;
        check(old, Severity::Warning, "9 days");
        let success =
            r#""createdOn": "2026-03-01T09:00:00+00:00", "lastSuccessOn": "2026-03-10T10:00:00""#;
        check(success, Severity::Ok, "succeeded");
        let failure = format!(r#"{success}, "lastFailureOn": "2026-03-10T11:00:00+00:00""#);
        check(&failure, Severity::Warning, "after three days");
        let recovered = format!(r#"{success}, "lastFailureOn": "2026-03-09T11:00:00+00:00""#);
        check(&recovered, Severity::Ok, "succeeded");
        let failing = format!(r#"{old}, "lastFailureOn": "2026-03-09T11:00:00+00:00""#);
        check(&failing, Severity::Warning, "the next failure disables it");
    }
}
