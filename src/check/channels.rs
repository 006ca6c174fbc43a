//! Email, chat and pipelines: whether they respond and accept the login. Nothing is sent.

use reqwest::StatusCode;
use secrecy::SecretString;

use crate::notify::chat::Chat;
use crate::notify::mail::{Mailer, SmtpSettings};
use crate::outgoing::{Failure, HttpEndpoint};

use super::deployment::Deployment;
use crate::finding::{Finding, Severity};
use crate::rules::{ActionPlan, ChannelId};

pub(super) async fn check(deployment: &Deployment) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(channels) = &deployment.config.notifications {
        if let Some(settings) = &channels.mail {
            findings.push(mail_server(settings.clone()).await);
        }
        if let Some(url) = &channels.chat {
            findings.push(chat(url).await);
        }
        if let Some(pipeline) = &channels.pipeline {
            findings.push(endpoint("PIPELINE_URL", "the pipeline", &pipeline.url).await);
        }
    }
    for (key, pipeline) in &deployment.config.rules.pipelines {
        let channel = ChannelId::PipelineOfRule(key.clone());
        let calls = |action: &ActionPlan| action.properties.channel.as_ref() == Some(&channel);
        for rule in deployment.rules() {
            if rule.actions.iter().any(calls) {
                let subject = format!("rule {}", rule.name);
                findings.push(endpoint(&subject, "the pipeline", &pipeline.url).await);
            }
        }
    }
    findings
}

async fn mail_server(settings: SmtpSettings) -> Finding {
    let server = format!("{}:{}", settings.host, settings.port);
    let mailer = match Mailer::new(settings) {
        Ok(mailer) => mailer,
        Err(error) => return Finding::error("SMTP_URL", error.to_string()),
    };
    match mailer.test_connection().await {
        Ok(()) => Finding::ok("SMTP_URL", format!("{server} accepts connection and login")),
        Err(failure) => Finding::error(
            "SMTP_URL",
            format!(
                "{server}: {}; emails wait until it is fixed",
                failure.reason()
            ),
        ),
    }
}

async fn chat(url: &SecretString) -> Finding {
    let finding = endpoint("NOTIFY_WEBHOOK_URL", "the chat", url).await;
    match Chat::new(url.clone()) {
        Ok(chat) if finding.severity == Severity::Ok => {
            let format = chat.format();
            let message = format!(
                "{}; it gets messages in the format of {format}",
                finding.message
            );
            Finding::ok("NOTIFY_WEBHOOK_URL", message)
        }
        _ => finding,
    }
}

async fn endpoint(variable: &str, name: &'static str, url: &SecretString) -> Finding {
    match HttpEndpoint::new(url.clone(), name) {
        Ok(endpoint) => judge(variable, name, endpoint.probe().await),
        Err(error) => Finding::error(variable, error.to_string()),
    }
}

/// Few programs support HEAD, so most responses show only that something is there.
fn judge(variable: &str, name: &str, response: Result<StatusCode, Failure>) -> Finding {
    match response {
        Err(failure) => Finding::error(
            variable,
            format!(
                "{}: check that it is running, and its address",
                failure.reason()
            ),
        ),
        Ok(status) if status.is_redirection() => Finding::error(
            variable,
            format!(
                "{name} redirects ({}), and redirects are not followed: set the final address",
                status.as_u16()
            ),
        ),
        Ok(status) if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
            Finding::warning(
                variable,
                format!(
                    "{name} responds with an error ({}): check it",
                    status.as_u16()
                ),
            )
        }
        Ok(_) => Finding::ok(variable, format!("{name} responds")),
    }
}
