//! The receiver, reached as DocSpace reaches it: by HEAD at its public address, without redirects and
//! within 10 s (docs/DOCSPACE.md 1.8).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::tls::TlsInfo;

use crate::registration;
use crate::webhook::GREETING;

use super::portal::innermost;
use super::{Deployment, Finding, certificate};

/// How long DocSpace waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn look(deployment: &Deployment, webhooks: &[String]) -> Vec<Finding> {
    let mut addresses: Vec<&String> = deployment.url.iter().chain(webhooks).collect();
    addresses.sort();
    addresses.dedup();
    let mut findings = Vec::new();
    for address in addresses {
        match reqwest::Url::parse(address) {
            Ok(url) => findings.extend(try_out(url, deployment.clock.now()).await),
            Err(error) => findings.push(Finding::wrong(
                address,
                format!("is no address: {error}; register another one"),
            )),
        }
    }
    findings
}

async fn try_out(url: reqwest::Url, now: Timestamp) -> Vec<Finding> {
    let subject = url.to_string();
    let mut findings = Vec::new();
    let Ok(refused) = registration::refused_addresses(&url).await else {
        let sentence =
            "its host is unknown to DNS here: at such a moment DocSpace switches the webhook off";
        return vec![Finding::wrong(subject, sentence)];
    };
    if let Some(address) = refused.first() {
        findings.push(Finding::warning(
            &subject,
            format!(
                "resolves to {address}, a private address, which DocSpace refuses unless it was \
                 configured otherwise: use a public one or a tunnel"
            ),
        ));
    }
    match head_and_get(&url).await {
        Ok(answer) => {
            let certificate = answer.certificate.as_deref();
            findings.extend(certificate.and_then(|der| certificate::shown(&subject, der, now)));
            findings.push(judge(subject, &answer));
        }
        Err(error) => findings.push(Finding::wrong(
            subject,
            format!(
                "does not answer ({}): see that the service runs, and that the proxy before it passes \
                 /webhook on",
                innermost(&error)
            ),
        )),
    }
    findings
}

/// What came back.
struct Answer {
    status: StatusCode,
    /// Whether it was us who answered.
    is_ours: bool,
    /// The certificate it came with, over HTTPS.
    certificate: Option<Vec<u8>>,
}

async fn head_and_get(url: &reqwest::Url) -> reqwest::Result<Answer> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .tls_info(true)
        .build()?;
    let answer = client.head(url.clone()).send().await?;
    let status = answer.status();
    let shown = answer.extensions().get::<TlsInfo>();
    let certificate = shown.and_then(|shown| Some(shown.peer_certificate()?.to_vec()));
    // Of whatever answers there no more is read than our greeting would take.
    let is_ours = status.is_success()
        && client
            .get(url.clone())
            .send()
            .await?
            .chunk()
            .await?
            .is_some_and(|start| start == GREETING);
    Ok(Answer {
        status,
        is_ours,
        certificate,
    })
}

fn judge(subject: String, answer: &Answer) -> Finding {
    let status = answer.status;
    match (status.is_success(), answer.is_ours) {
        (true, true) => Finding::good(subject, "docspace-courier answers there"),
        (true, false) => Finding::wrong(
            subject,
            "something answers there that is not docspace-courier: pass this path on to the service",
        ),
        (false, _) if status.is_redirection() => Finding::wrong(
            subject,
            format!(
                "answers {status}, and DocSpace follows no redirects: register the final address"
            ),
        ),
        (false, _) => Finding::wrong(
            subject,
            format!(
                "answers HEAD with {status}, and DocSpace wants 200: let the proxy pass HEAD and POST of \
                 this path on to the service"
            ),
        ),
    }
}
