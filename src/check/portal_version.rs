//! The portal's version: whether it is one of those for which the service was written.

use crate::docspace::Client;
use crate::finding::Finding;

/// The first version with the envelope of today's deliveries (docs/DOCSPACE.md 9).
const OLDEST: Version = Version(3, 1);

/// The newest version whose source was read (docs/DOCSPACE.md 9).
const NEWEST: Version = Version(3, 8);

/// The first two numbers of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// Asks the portal for its version. It is what the installation's configuration says (docs/DOCSPACE.md A10.3), so nothing
/// else depends on it.
pub(super) async fn check(subject: &'static str, portal: &Client) -> Finding {
    let exchange = portal.exchanges().version().await.ok();
    let text = exchange.as_ref();
    let text = text.and_then(|exchange| exchange.response()["docSpace"].as_str());
    finding(subject, text)
}

fn finding(subject: &'static str, text: Option<&str>) -> Finding {
    let Some((text, version)) = text.and_then(|text| Some((text, Version::parse(text)?))) else {
        return Finding::warning(subject, "does not say its version");
    };
    if version < OLDEST {
        let message = format!(
            "is DocSpace {text}: before 3.1, deliveries do not name what happened, so most rules cannot match; update \
             the portal"
        );
        return Finding::warning(subject, message);
    }
    if version > NEWEST {
        let message = format!(
            "is DocSpace {text}, newer than 3.8, for which this docspace-courier was written: look for a newer \
             docspace-courier, or see with `docspace-courier rehearse` whether the portal still does what is expected"
        );
        return Finding::warning(subject, message);
    }
    Finding::ok(subject, format!("is DocSpace {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn versions_that_are_not_known_are_warned_of() {
        let check = |text, severity, part: &str| {
            let finding = finding("the portal", text);
            assert_eq!(finding.severity, severity, "{text:?}");
            assert!(finding.message.contains(part), "{}", finding.message);
        };
        check(Some("3.1.0"), Severity::Ok, "is DocSpace 3.1.0");
        check(Some("3.8.2"), Severity::Ok, "is DocSpace 3.8.2");
        check(Some("3.0.4"), Severity::Warning, "update the portal");
        check(
            Some("3.10.0"),
            Severity::Warning,
            "docspace-courier rehearse",
        );
        check(Some("4.0.0"), Severity::Warning, "newer than 3.8");
        check(Some("unknown"), Severity::Warning, "does not say");
        check(None, Severity::Warning, "does not say");
    }
}
