//! Whom to notify and how: email, chat, pipeline and the operator.
//!
//! Their addresses may contain passwords and tokens, so no problem quotes them.

use jiff::tz::TimeZone;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::notify::chat::ChatFormat;
use crate::notify::mail::SmtpSettings;
use crate::notify::{Language, PartialLocale};
use crate::pipeline::{PipelineSettings, Signer};

use super::mail::mail;
use super::reader::Reader;

/// The channels for notifications and alerts.
#[derive(Debug, Default)]
pub struct NotificationConfig {
    /// `SMTP_URL`, `MAIL_FROM` and `SMTP_CA_FILE`; without them a notification is a log line.
    pub mail: Option<SmtpSettings>,
    /// `NOTIFY_WEBHOOK_URL`.
    pub chat: Option<SecretString>,
    /// `PIPELINE_URL` and `PIPELINE_SECRET`.
    pub pipeline: Option<PipelineSettings>,
    /// `OPERATOR_EMAIL`: the recipients of alerts.
    pub operators: Vec<String>,
    /// `LANGUAGE` and `TIME_ZONE`.
    pub locale: PartialLocale,
}

/// The channels for notifications and alerts.
pub(super) fn notifications(reader: &mut Reader<'_>) -> NotificationConfig {
    NotificationConfig {
        mail: mail(reader),
        chat: chat(reader),
        pipeline: pipeline(reader),
        operators: reader.email_addresses("OPERATOR_EMAIL"),
        locale: PartialLocale {
            language: language(reader),
            zone: time_zone(reader),
        },
    }
}

/// The language. Other programs read the variable, too, so that it can have a value that is not meant for this one.
fn language(reader: &mut Reader<'_>) -> Option<Language> {
    const NAME: &str = "LANGUAGE";

    let tag = reader.get(NAME)?;
    let language = Language::of_tag(tag);
    if language.is_none() {
        let known: Vec<&str> = Language::tags().collect();
        let message = format!(
            "is {tag}, and built-in emails exist in {}: they are in the portal's language, or else in English",
            known.join(", ")
        );
        reader.warning(NAME, message);
    }
    language
}

fn time_zone(reader: &mut Reader<'_>) -> Option<TimeZone> {
    const NAME: &str = "TIME_ZONE";

    let name = reader.get(NAME)?;
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        let message =
            format!("is not the name of a time zone such as Europe/Berlin or UTC: {name}");
        reader.problem(NAME, message);
    }
    zone
}

fn chat(reader: &mut Reader<'_>) -> Option<SecretString> {
    const NAME: &str = "NOTIFY_WEBHOOK_URL";

    let address = reader.web_address(NAME)?;
    let url: Option<Url> = address.expose_secret().parse().ok();
    if let Some(problem) = url.as_ref().and_then(ChatFormat::problem) {
        reader.problem(NAME, problem);
        return None;
    }
    Some(address)
}

fn pipeline(reader: &mut Reader<'_>) -> Option<PipelineSettings> {
    let signer = reader.get("PIPELINE_SECRET").map(Signer::new);
    if let Some(Err(error)) = &signer {
        reader.problem("PIPELINE_SECRET", format!("cannot be used: {error}"));
    }
    Some(PipelineSettings {
        name: "pipeline".to_owned(),
        url: reader.web_address("PIPELINE_URL")?,
        signer: signer.and_then(Result::ok),
    })
}
