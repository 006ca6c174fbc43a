//! The variables of who is told, and by which ways: mail, chat, pipeline and operators.
//!
//! Their addresses may hold passwords and tokens, so no problem quotes one.

use lettre::Address;
use secrecy::SecretString;

use crate::notify;
use crate::pipeline::{self, Signer};

use super::mail::mail;
use super::problems::Problems;
use super::raw::Raw;

/// Who is told, and by which ways.
#[derive(Debug, Default)]
pub struct NotificationConfig {
    /// `SMTP_URL`, `MAIL_FROM` and `SMTP_CA_FILE`; without them a notification is a line of the log.
    pub mail: Option<notify::mail::SmtpSettings>,
    /// `NOTIFY_WEBHOOK_URL`.
    pub chat: Option<SecretString>,
    /// `PIPELINE_URL` and `PIPELINE_SECRET`.
    pub pipeline: Option<pipeline::PipelineSettings>,
    /// `OPERATOR_EMAIL`.
    pub operators: Vec<String>,
}

pub(super) fn tell(raw: &Raw, problems: &mut Problems) -> NotificationConfig {
    NotificationConfig {
        mail: mail(raw, problems),
        chat: web_address(
            "NOTIFY_WEBHOOK_URL",
            raw.notify_webhook_url.as_deref(),
            problems,
        ),
        pipeline: pipeline(raw, problems),
        operators: addresses("OPERATOR_EMAIL", raw.operator_email.as_deref(), problems),
    }
}

/// What has no effect because something else is not set.
pub(super) fn notices(raw: &Raw) -> Vec<String> {
    let without = |name: &str, value: &Option<String>, missing: &str, other: &Option<String>| {
        (value.is_some() && other.is_none())
            .then(|| format!("{name} has no effect without {missing}"))
    };
    [
        without(
            "OPERATOR_EMAIL",
            &raw.operator_email,
            "SMTP_URL",
            &raw.smtp_url,
        ),
        without("MAIL_FROM", &raw.mail_from, "SMTP_URL", &raw.smtp_url),
        without(
            "PIPELINE_SECRET",
            &raw.pipeline_secret,
            "PIPELINE_URL",
            &raw.pipeline_url,
        ),
        without(
            "PIPELINE_URL",
            &raw.pipeline_url,
            "CLIENT_ROOT_ID",
            &raw.client_root_id,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Several addresses, separated by commas or white space; each once.
pub(super) fn addresses(
    variable: &'static str,
    text: Option<&str>,
    problems: &mut Problems,
) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    let words = text
        .unwrap_or_default()
        .split([',', ';', ' ', '\t', '\n', '\r']);
    for word in words.filter(|word| !word.is_empty()) {
        if word.parse::<Address>().is_err() {
            problems.add(variable, format!("is no e-mail address: {word}"));
        } else if !addresses.iter().any(|known| known == word) {
            addresses.push(word.to_owned());
        }
    }
    addresses
}

fn pipeline(raw: &Raw, problems: &mut Problems) -> Option<pipeline::PipelineSettings> {
    let signer = raw.pipeline_secret.as_deref().map(Signer::new);
    if let Some(Err(error)) = &signer {
        problems.add("PIPELINE_SECRET", format!("cannot be used: {error}"));
    }
    let url = web_address("PIPELINE_URL", raw.pipeline_url.as_deref(), problems)?;
    let signer = signer.and_then(Result::ok);
    Some(pipeline::PipelineSettings { url, signer })
}

fn web_address(
    variable: &'static str,
    text: Option<&str>,
    problems: &mut Problems,
) -> Option<SecretString> {
    let text = text?;
    let url = reqwest::Url::parse(text).ok();
    if url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        Some(text.into())
    } else {
        problems.add(
            variable,
            "is no address that begins with https:// or http://",
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_addresses() {
        let check = |text: &str, expected: &[&str]| {
            let mut problems = Problems::default();
            let found = addresses("MANAGER_EMAIL", Some(text), &mut problems);
            assert_eq!(found, expected, "{text}");
            problems.or(()).unwrap();
        };
        check("", &[]);
        check("a@x.example", &["a@x.example"]);
        check(
            "a@x.example, b@x.example;c@x.example  a@x.example",
            &["a@x.example", "b@x.example", "c@x.example"],
        );
    }
}
