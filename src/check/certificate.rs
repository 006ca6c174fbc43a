//! The certificates: that of the public listener, and the one that whoever calls it is shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::server::tls::{TlsError, Validity};

use super::{Deployment, Finding};

/// The certificate of `TLS_CERT_FILE`, where there is one that can be read.
pub(super) fn own(deployment: &Deployment) -> Option<Finding> {
    let certificate = deployment.tls.as_ref()?.load().ok()?;
    let now = deployment.clock.now();
    Some(judge("TLS_CERT_FILE", certificate.validity, now))
}

/// The certificate that an address shows; a finding only if something is wrong with it.
pub(super) fn shown(address: &str, certificate: &[u8], now: Timestamp) -> Option<Finding> {
    let validity = Validity::of(certificate)?;
    let worth_saying = validity.check(now).is_err() || validity.expires_soon(now);
    worth_saying.then(|| judge(address, validity, now))
}

fn judge(subject: &str, validity: Validity, now: Timestamp) -> Finding {
    let ends_on = validity.not_after.to_zoned(TimeZone::UTC).date();
    match validity.check(now) {
        Err(TlsError::NotYetValid(not_before)) => Finding::wrong(
            subject,
            format!(
                "the certificate is valid only from {not_before}: look at this machine's clock"
            ),
        ),
        Err(_) => Finding::wrong(
            subject,
            format!(
                "the certificate ended on {ends_on}, and DocSpace does not accept it: renew it"
            ),
        ),
        Ok(()) if validity.expires_soon(now) => Finding::warning(
            subject,
            format!(
                "the certificate ends on {ends_on}, within 14 days: see that its renewal works"
            ),
        ),
        Ok(()) => Finding::good(subject, format!("the certificate is valid until {ends_on}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    #[test]
    fn the_end_is_said_in_time() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let validity = Validity {
            not_before: time("2026-01-01T00:00:00Z"),
            not_after: time("2026-03-31T00:00:00Z"),
        };
        let check = |now: &str, expected: Mark, words: &str| {
            let finding = judge("it", validity, time(now));
            assert_eq!(finding.mark, expected, "{now}");
            assert!(finding.sentence.contains(words), "{}", finding.sentence);
        };
        check("2025-12-31T23:59:59Z", Mark::Wrong, "only from 2026-01-01");
        check("2026-01-01T00:00:00Z", Mark::Good, "until 2026-03-31");
        check("2026-03-17T00:00:00Z", Mark::Good, "until 2026-03-31");
        check("2026-03-17T00:00:01Z", Mark::Warning, "within 14 days");
        check("2026-03-31T00:00:00Z", Mark::Wrong, "ended on 2026-03-31");
    }
}
