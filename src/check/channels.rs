//! Mail, chat and pipeline: whether they can be reached and take our login. Nobody is told anything.

use reqwest::StatusCode;
use secrecy::SecretString;

use crate::notify::mail::{self, Mailer};
use crate::outgoing::{Failure, HttpEndpoint};

use super::{Deployment, Finding};

pub(super) async fn look(deployment: &Deployment) -> Vec<Finding> {
    let Some(tell) = &deployment.tell else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Some(settings) = &tell.mail {
        findings.push(mail(settings.clone()).await);
    }
    if let Some(url) = &tell.chat {
        findings.push(destination("NOTIFY_WEBHOOK_URL", "the chat", url.clone()).await);
    }
    if let Some(pipeline) = &tell.pipeline {
        let url = pipeline.url.clone();
        findings.push(destination("PIPELINE_URL", "the pipeline", url).await);
    }
    for (_, pipeline) in &deployment.pipelines {
        let url = pipeline.url.clone();
        findings.push(destination("RULES_FILE", "a pipeline of the rules file", url).await);
    }
    findings
}

async fn mail(settings: mail::SmtpSettings) -> Finding {
    let server = format!("{}:{}", settings.host, settings.port);
    let mailer = match Mailer::new(settings) {
        Ok(mailer) => mailer,
        Err(error) => return Finding::wrong("SMTP_URL", format!("{error}")),
    };
    match mailer.test_connection().await {
        Ok(()) => Finding::good("SMTP_URL", format!("{server} takes the login, and mail")),
        Err(failure) => Finding::wrong(
            "SMTP_URL",
            format!(
                "{server}: {}; notifications wait, and become dead letters after MAX_ATTEMPTS",
                failure.reason()
            ),
        ),
    }
}

async fn destination(variable: &str, name: &'static str, url: SecretString) -> Finding {
    let destination = match HttpEndpoint::new(url, name) {
        Ok(destination) => destination,
        Err(error) => return Finding::wrong(variable, error.to_string()),
    };
    judge(variable, name, destination.probe().await)
}

/// Few programs know what to say to HEAD, so most answers only show that somebody is there.
fn judge(variable: &str, name: &str, answer: Result<StatusCode, Failure>) -> Finding {
    match answer {
        Err(failure) => Finding::wrong(
            variable,
            format!("{}: see that it runs, and its address", failure.reason()),
        ),
        Ok(status) if status.is_redirection() => Finding::wrong(
            variable,
            format!(
                "{name} redirects ({}), which is not followed: name the address it redirects to",
                status.as_u16()
            ),
        ),
        Ok(status) if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
            Finding::warning(
                variable,
                format!(
                    "{name} answers, but with {}: see what is wrong with it",
                    status.as_u16()
                ),
            )
        }
        Ok(_) => Finding::good(variable, format!("{name} answers")),
    }
}
