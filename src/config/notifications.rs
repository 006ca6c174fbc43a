//! Whom to notify and how: email, chat, pipeline and the operator.
//!
//! Their addresses may contain passwords and tokens, so no problem quotes them.

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::notify::chat::ChatFormat;
use crate::notify::mail::SmtpSettings;
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
}

/// The channels for notifications and alerts.
pub(super) fn notifications(reader: &mut Reader<'_>) -> NotificationConfig {
    NotificationConfig {
        mail: mail(reader),
        chat: chat(reader),
        pipeline: pipeline(reader),
        operators: reader.email_addresses("OPERATOR_EMAIL"),
    }
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
