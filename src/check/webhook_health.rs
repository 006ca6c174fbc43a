//! Whether an enabled webhook delivers, or is about to be disabled.
//!
//! After three days without success, one failed delivery disables it (docs/DOCSPACE.md 1.6). Its times are accurate
//! to a day, so two days are worth a warning.

use jiff::{SignedDuration, Timestamp};

use crate::docspace::{Client, LogRow, WebhookConfig};
use crate::signature::{self, SIGNATURE_HEADER, SignatureError};

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
    let mut findings = vec![deliveries(webhook, now)];
    if is_failing(webhook) {
        findings.extend(rejection(deployment, portal, webhook).await);
    }
    findings
}

fn is_failing(webhook: &WebhookConfig) -> bool {
    webhook.last_failure_on.is_some() && webhook.last_failure_on > webhook.last_success_on
}

fn deliveries(webhook: &WebhookConfig, now: Timestamp) -> Finding {
    let subject = format!("webhook {}", webhook.id);
    let last_good_at = webhook.last_success_on.or(webhook.created_on);
    let quiet = last_good_at.map_or(SignedDuration::ZERO, |at| now.duration_since(at));
    let days = quiet.as_hours() / 24;
    if is_failing(webhook) {
        let note: String = webhook
            .last_failure_content
            .iter()
            .flat_map(|note| note.chars())
            .take(MAX_NOTE_LENGTH)
            .collect();
        let note = note.trim().trim_end_matches('.');
        let consequence = if days >= MAX_QUIET_DAYS {
            format!("none has succeeded for {days} days, so the next failure disables it")
        } else {
            "after three days without success DocSpace disables it".to_owned()
        };
        return Finding::warning(
            subject,
            format!(
                "its last delivery failed ({note}), and {consequence}: check that the service is running and \
                 reachable"
            ),
        );
    }
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

/// A finding if the service, or a proxy before it, rejects deliveries: the newest failed one was answered with 4xx.
async fn rejection(
    deployment: &Deployment,
    portal: &Client,
    webhook: &WebhookConfig,
) -> Option<Finding> {
    let rows = portal.delivery_log().undelivered(webhook.id).await.ok()?;
    let newest = rows.first()?;
    let rejecting = (400..500).contains(&newest.status);
    let has_other_secret = rows.iter().any(|row| is_signed_otherwise(row, deployment));
    if !rejecting && !has_other_secret {
        return None;
    }
    let url = &webhook.uri;
    let message = match newest.status {
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
            "its deliveries are rejected with {}: the proxy must forward POST to {url} with this path to the service",
            newest.status
        ),
        status => format!(
            "its deliveries are rejected with {status}: see the log of the service and of the proxy at {url}"
        ),
    };
    Some(Finding::error(format!("webhook {}", webhook.id), message))
}

/// Whether the last attempt was signed with a secret that is not configured.
fn is_signed_otherwise(row: &LogRow, deployment: &Deployment) -> bool {
    row.header(SIGNATURE_HEADER).is_some_and(|header| {
        let body = row.request_payload.as_bytes();
        let verified = signature::verify(deployment.secrets(), Some(header.as_bytes()), body);
        verified == Err(SignatureError::Mismatch)
    })
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
