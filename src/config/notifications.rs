//! Whom to notify and how: email, chat, pipeline and the operator.
//!
//! Their addresses may contain passwords and tokens, so no problem quotes them.

use secrecy::SecretString;

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
        chat: reader.web_address("NOTIFY_WEBHOOK_URL"),
        pipeline: pipeline(reader),
        operators: reader.email_addresses("OPERATOR_EMAIL"),
    }
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
