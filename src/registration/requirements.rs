//! What the portal requires of a webhook (docs/DOCSPACE.md 1.4, 1.8), and which triggers the rules need.

use crate::docspace::triggers;
use crate::event::Trigger;
use crate::rules::Rule;
use crate::signature::WebhookSecret;
use crate::webhook::WEBHOOK_PATH;

/// The length of a secret, in characters.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 8..=30;

/// The longest name, in characters.
pub const MAX_NAME_LENGTH: usize = 50;

/// The triggers that a set of rules needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededTriggers {
    /// The sum of their bits; 0 if there are no rules. (For a webhook, 0 means all triggers.)
    pub bits: i64,
    /// Those that DocSpace does not have.
    pub unknown: Vec<Trigger>,
}

impl NeededTriggers {
    /// The triggers that these rules need.
    pub fn of(rules: &[Rule]) -> Self {
        let mut needed = Self {
            bits: 0,
            unknown: Vec::new(),
        };
        for trigger in rules.iter().flat_map(|rule| &rule.triggers) {
            match triggers::bit(trigger.as_str()) {
                0 if needed.unknown.contains(trigger) => {}
                0 => needed.unknown.push(trigger.clone()),
                bit => needed.bits |= bit,
            }
        }
        needed
    }

    /// The needed bits that are missing from a webhook with this sum of triggers.
    pub fn missing_from(&self, subscribed: i64) -> i64 {
        if subscribed == 0 {
            0
        } else {
            self.bits & !subscribed
        }
    }
}

/// The names of a sum of triggers, separated by commas; 0 means all.
pub fn trigger_names(sum: i64) -> String {
    if sum == 0 {
        "all triggers".to_owned()
    } else {
        triggers::names(sum).join(", ")
    }
}

/// Checks whether the portal takes a secret. The portal's password policy may require more.
pub fn check_secret(secret: &WebhookSecret) -> Result<(), String> {
    let text = secret.expose();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "has characters that DocSpace does not accept: use ASCII letters, digits and punctuation"
                .to_owned(),
        );
    }
    if !SECRET_LENGTH.contains(&text.len()) {
        return Err(format!(
            "has {} characters; DocSpace takes 8 to 30",
            text.len()
        ));
    }
    Ok(())
}

/// Checks whether a URL can be the public address of this service.
pub fn check_url(url: &str) -> Result<(), String> {
    let parsed = reqwest::Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            format!("{url} is not a valid address, such as https://your.host{WEBHOOK_PATH}")
        })?;
    let path = parsed.path();
    if !path
        .strip_suffix('/')
        .unwrap_or(path)
        .ends_with(WEBHOOK_PATH)
    {
        return Err(format!(
            "{url} must end in {WEBHOOK_PATH}, where the service receives deliveries"
        ));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(format!("{url} must not have a query or a fragment"));
    }
    Ok(())
}

/// Checks whether the portal takes a name.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME_LENGTH {
        return Err(format!("a name has 1 to {MAX_NAME_LENGTH} characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::copy_rule;
    use crate::ids::FolderId;

    #[test]
    fn secrets_are_checked() {
        let check = |secret: &str, fits: bool| {
            let outcome = check_secret(&WebhookSecret::new(secret));
            assert_eq!(outcome.is_ok(), fits, "{secret}: {outcome:?}");
        };
        check("12345678", true);
        check("1234567", false);
        check(&"x".repeat(30), true);
        check(&"x".repeat(31), false);
        check("with space 1", false);
        check("Übergröße-1", false);
    }

    #[test]
    fn addresses_are_checked() {
        let check = |url: &str, fits: bool| {
            let outcome = check_url(url);
            assert_eq!(outcome.is_ok(), fits, "{url}: {outcome:?}");
        };
        check("https://your.host/webhook", true);
        check("http://your.host:3000/docspace/webhook", true);
        check("https://your.host/", false);
        check("https://your.host/webhook/", true);
        check("https://your.host/webhook//", false);
        check("https://your.host/webhook?x=1", false);
        check("ftp://your.host/webhook", false);
        check("your.host/webhook", false);
    }

    #[test]
    fn the_rules_determine_the_triggers() {
        let rules = ["file.uploaded", "file.created", "file.reviewed"].map(|name| {
            let triggers = vec![Trigger::new(name), Trigger::new("file.uploaded")];
            copy_rule(FolderId::from(1), FolderId::from(2), triggers)
        });
        let needed = NeededTriggers::of(&rules);
        assert_eq!(needed.bits, 128 | 256);
        assert_eq!(needed.unknown, [Trigger::new("file.reviewed")]);
        assert_eq!(needed.missing_from(0), 0);
        assert_eq!(needed.missing_from(256 | 512), 128);
        assert_eq!(trigger_names(needed.bits), "file.created, file.uploaded");
    }
}
