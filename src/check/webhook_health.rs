//! Whether a webhook that is on delivers, or is about to be switched off.
//!
//! After three days without success one failed delivery switches it off (docs/DOCSPACE.md 1.6). Its times are
//! right to within a day, so two days are enough for a word.

use jiff::{SignedDuration, Timestamp};

use crate::docspace::{Client, WebhookConfig};
use crate::signature::{self, SIGNATURE_HEADER, SignatureError};

use super::{Deployment, Finding};

/// Days without success that deserve a word.
const QUIET_DAYS: i64 = 2;

/// The longest part of the portal's note about a failure that is shown, in characters.
const LONGEST_NOTE: usize = 120;

pub(super) async fn look(
    deployment: &Deployment,
    portal: &Client,
    webhook: &WebhookConfig,
) -> Vec<Finding> {
    let now = portal.to_portal_time(deployment.clock.now());
    let mut findings = vec![deliveries(webhook, now)];
    if is_failing(webhook) {
        findings.extend(other_secret(deployment, portal, webhook).await);
    }
    findings
}

fn is_failing(webhook: &WebhookConfig) -> bool {
    webhook.last_failure_on.is_some() && webhook.last_failure_on > webhook.last_success_on
}

fn deliveries(webhook: &WebhookConfig, now: Timestamp) -> Finding {
    let subject = format!("webhook {}", webhook.id);
    let well_at = webhook.last_success_on.or(webhook.created_on);
    let quiet = well_at.map_or(SignedDuration::ZERO, |well_at| now.duration_since(well_at));
    let days = quiet.as_hours() / 24;
    if is_failing(webhook) {
        let note: String = webhook
            .last_failure_content
            .iter()
            .flat_map(|note| note.chars())
            .take(LONGEST_NOTE)
            .collect();
        let note = note.trim().trim_end_matches('.');
        let rest = if days >= QUIET_DAYS {
            format!("none succeeded for {days} days, so the next failure switches it off")
        } else {
            "after three days of that DocSpace switches it off".to_owned()
        };
        return Finding::warning(
            subject,
            format!(
                "its last delivery failed ({note}); {rest}: see that the service runs and is reached"
            ),
        );
    }
    if days >= QUIET_DAYS {
        return Finding::warning(
            subject,
            format!(
                "nothing was delivered for {days} days, and after three a single failure switches it off: \
                 keep the service running, and upload a file now and then"
            ),
        );
    }
    match webhook.last_success_on {
        Some(_) => Finding::good(subject, "its last delivery succeeded"),
        None => Finding::good(
            subject,
            "has delivered nothing yet: upload a file, and `events list` shows it",
        ),
    }
}

/// Whether what could not be delivered was signed with another secret than ours.
async fn other_secret(
    deployment: &Deployment,
    portal: &Client,
    webhook: &WebhookConfig,
) -> Option<Finding> {
    let rows = portal.delivery_log().undelivered(webhook.id).await.ok()?;
    let (row, header) = rows
        .iter()
        .find_map(|row| Some((row, row.header(SIGNATURE_HEADER)?)))?;
    let body = row.request_payload.as_bytes();
    let verified = signature::verify(&deployment.secrets, Some(header.as_bytes()), body);
    (verified == Err(SignatureError::Mismatch)).then(|| {
        Finding::wrong(
            format!("webhook {}", webhook.id),
            format!(
                "signs with another secret than DOCSPACE_WEBHOOK_SECRET: \
                 `docspace-courier register --url {} --set-secret` gives it ours",
                webhook.uri
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    #[test]
    fn quiet_failing_and_well() {
        let now = "2026-03-10T12:00:00Z".parse().unwrap();
        let check = |members: &str, mark: Mark, word: &str| {
            let webhook = format!(r#"{{"id": 7, {members}}}"#);
            let webhook: WebhookConfig = serde_json::from_str(&webhook).unwrap();
            let finding = deliveries(&webhook, now);
            assert_eq!(finding.mark, mark, "{members}: {}", finding.sentence);
            assert!(finding.sentence.contains(word), "{}", finding.sentence);
        };
        let created = r#""createdOn": "2026-03-10T09:00:00+00:00""#;
        check(created, Mark::Good, "nothing yet");
        let old = r#""createdOn": "2026-03-01T09:00:00+00:00""#;
        check(old, Mark::Warning, "9 days");
        let success =
            r#""createdOn": "2026-03-01T09:00:00+00:00", "lastSuccessOn": "2026-03-10T10:00:00""#;
        check(success, Mark::Good, "succeeded");
        let failure = format!(r#"{success}, "lastFailureOn": "2026-03-10T11:00:00+00:00""#);
        check(&failure, Mark::Warning, "after three days");
        let recovered = format!(r#"{success}, "lastFailureOn": "2026-03-09T11:00:00+00:00""#);
        check(&recovered, Mark::Good, "succeeded");
        let failing = format!(r#"{old}, "lastFailureOn": "2026-03-09T11:00:00+00:00""#);
        check(&failing, Mark::Warning, "the next failure switches it off");
    }
}
