//! Certificates: that of the public listener, and those that clients of the service see.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::server::tls::{TlsError, Validity};

use super::deployment::Deployment;
use crate::finding::Finding;

/// Checks the certificate of `TLS_CERT_FILE`, if there is one that can be read.
pub(super) fn check(deployment: &Deployment) -> Option<Finding> {
    let listener = deployment.config.public.as_ref().ok()?;
    let certificate = listener.tls.as_ref()?.load().ok()?;
    let now = deployment.clock.now();
    Some(judge("TLS_CERT_FILE", certificate.validity, now))
}

/// Checks the certificate that a server presented; a finding only if there is something to fix.
pub(super) fn check_presented(subject: &str, der: &[u8], now: Timestamp) -> Option<Finding> {
    let validity = Validity::of(der)?;
    let needs_action = validity.check(now).is_err() || validity.expires_soon(now);
    needs_action.then(|| judge(subject, validity, now))
}

fn judge(subject: &str, validity: Validity, now: Timestamp) -> Finding {
    let ends_on = validity.not_after.to_zoned(TimeZone::UTC).date();
    match validity.check(now) {
        Err(TlsError::NotYetValid(not_before)) => Finding::error(
            subject,
            format!("the certificate is not valid before {not_before}: check this machine's clock"),
        ),
        Err(_) => Finding::error(
            subject,
            format!("the certificate expired on {ends_on}, and DocSpace rejects it: renew it"),
        ),
        Ok(()) if validity.expires_soon(now) => Finding::warning(
            subject,
            format!(
                "the certificate expires on {ends_on}, within 14 days: check that it is renewed"
            ),
        ),
        Ok(()) => Finding::ok(subject, format!("the certificate is valid until {ends_on}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;

    use super::*;

    #[test]
    fn expiry_is_reported_in_time() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let validity = Validity {
            not_before: time("2026-01-01T00:00:00Z"),
            not_after: time("2026-03-31T00:00:00Z"),
        };
        let check = |now: &str, expected: Severity, words: &str| {
            let finding = judge("it", validity, time(now));
            assert_eq!(finding.severity, expected, "{now}");
            assert!(finding.message.contains(words), "{}", finding.message);
        };
        check(
            "2025-12-31T23:59:59Z",
            Severity::Error,
            "not valid before 2026-01-01",
        );
        check("2026-01-01T00:00:00Z", Severity::Ok, "until 2026-03-31");
        check("2026-03-17T00:00:00Z", Severity::Ok, "until 2026-03-31");
        check("2026-03-17T00:00:01Z", Severity::Warning, "within 14 days");
        check(
            "2026-03-31T00:00:00Z",
            Severity::Error,
            "expired on 2026-03-31",
        );
    }
}
