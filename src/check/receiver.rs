//! The receiver, requested as DocSpace does it: with HEAD at its public URL, without redirects and within 10 s
//! (docs/DOCSPACE.md 1.8).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::tls::TlsInfo;
use reqwest::{StatusCode, Url};

use crate::http_client;
use crate::registration;
use crate::root_cause::cause_in_words;
use crate::server::file_limit;
use crate::webhook::GREETING;

use super::certificate;
use super::deployment::Deployment;
use super::store::ServiceHistory;
use crate::finding::Finding;

/// How long DocSpace waits for the response to HEAD.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn check(
    deployment: &Deployment,
    webhook_urls: &[String],
    history: ServiceHistory,
) -> Vec<Finding> {
    let mut urls: Vec<&String> = deployment.url.iter().chain(webhook_urls).collect();
    urls.sort();
    urls.dedup();
    let mut findings = Vec::new();
    if let Err(low) = file_limit::raise() {
        let message = format!("{low}; the service's own may differ from that of this command");
        findings.push(Finding::warning(
            "the limit on open files (ulimit -n)",
            message,
        ));
    }
    for text in urls {
        match Url::parse(text) {
            Ok(url) => findings.extend(check_url(url, history, deployment.clock.now()).await),
            Err(error) => findings.push(Finding::error(
                text,
                format!("is not a valid URL ({error}): register another one"),
            )),
        }
    }
    findings
}

async fn check_url(url: Url, history: ServiceHistory, now: Timestamp) -> Vec<Finding> {
    let subject = url.to_string();
    let mut findings = Vec::new();
    let Ok(refused) = registration::refused_addresses(&url).await else {
        let message =
            "its host is not found by DNS here; DocSpace disables a webhook when that happens";
        return vec![Finding::error(subject, message)];
    };
    if let Some(address) = refused.first() {
        findings.push(Finding::warning(
            &subject,
            format!(
                "resolves to {address}, a private address, which DocSpace rejects unless it is configured \
                 otherwise: use a public address or a tunnel"
            ),
        ));
    }
    match head_and_get(&url).await {
        Ok(response) => {
            let certificate = response.certificate.as_deref();
            let finding =
                certificate.and_then(|der| certificate::check_presented(&subject, der, now));
            findings.extend(finding);
            findings.push(judge(subject, &response));
        }
        Err(_) if history == ServiceHistory::NeverRun => findings.push(Finding::warning(
            subject,
            "does not respond, because the service has not run yet: start it and check again",
        )),
        Err(error) => findings.push(Finding::error(
            subject,
            format!(
                "does not respond ({}): check that the service is running and that the proxy before it \
                 forwards /webhook",
                cause_in_words(&error)
            ),
        )),
    }
    findings
}

struct ReceiverResponse {
    /// Of HEAD.
    status: StatusCode,
    /// Whether the response to GET is this service's.
    is_courier: bool,
    /// The certificate of the server, if it uses HTTPS.
    certificate: Option<Vec<u8>>,
}

async fn head_and_get(url: &Url) -> reqwest::Result<ReceiverResponse> {
    let client = http_client::builder(url.as_str())
        .timeout(TIMEOUT)
        .tls_info(true)
        .build()?;
    let response = client.head(url.clone()).send().await?;
    let status = response.status();
    let tls = response.extensions().get::<TlsInfo>();
    let certificate = tls.and_then(|tls| Some(tls.peer_certificate()?.to_vec()));
    // The first chunk contains our whole greeting; of a foreign server no more is read.
    let is_courier = status.is_success()
        && client
            .get(url.clone())
            .send()
            .await?
            .chunk()
            .await?
            .is_some_and(|start| start == GREETING);
    Ok(ReceiverResponse {
        status,
        is_courier,
        certificate,
    })
}

fn judge(subject: String, response: &ReceiverResponse) -> Finding {
    let status = response.status;
    match (status.is_success(), response.is_courier) {
        (true, true) => Finding::ok(subject, "docspace-courier responds"),
        (true, false) => Finding::error(
            subject,
            "responds, but is not docspace-courier: forward this path to the service",
        ),
        (false, _) if status.is_redirection() => Finding::error(
            subject,
            format!(
                "responds with {status}, but DocSpace follows no redirects: register the final URL"
            ),
        ),
        (false, _) => Finding::error(
            subject,
            format!(
                "responds to HEAD with {status}, but DocSpace requires 200: let the proxy forward HEAD and POST \
                 of this path to the service"
            ),
        ),
    }
}
