//! The variables: what the service would refuse to start with, and what DocSpace would not take.

use crate::registration::{self, NeededTriggers};

use super::{Deployment, Finding, certificate};

pub(super) fn look(deployment: &Deployment) -> Vec<Finding> {
    let mut findings: Vec<Finding> = deployment
        .problems
        .iter()
        .map(|problem| Finding::wrong(problem.variable, problem.what.clone()))
        .collect();
    if findings.is_empty() {
        findings.push(Finding::good("variables", "all of them are understood"));
    }
    let notices = deployment.notices.iter();
    findings.extend(notices.map(|notice| Finding::warning("variables", notice.clone())));
    findings.extend(clear_text(deployment));
    findings.extend(secrets(deployment));
    findings.extend(certificate::own(deployment));
    findings.extend(unknown_triggers(deployment));
    findings
}

/// The key must not travel over the network in clear text.
fn clear_text(deployment: &Deployment) -> Option<Finding> {
    let host = deployment.portal.as_ref()?.host();
    let url = reqwest::Url::parse(host).ok()?;
    let local = matches!(
        url.host_str(),
        Some("localhost" | "127.0.0.1" | "[::1]") | None
    );
    (url.scheme() == "http" && !local).then(|| {
        Finding::warning(
            "DOCSPACE_API_HOST",
            "is an http address: the key and the files' names travel in clear text; write https://",
        )
    })
}

/// Each secret must be one that the portal takes (docs/DOCSPACE.md 1.8).
fn secrets(deployment: &Deployment) -> Vec<Finding> {
    let wrong: Vec<Finding> = deployment
        .secrets
        .iter()
        .filter_map(|secret| registration::check_secret(secret).err())
        .map(|sentence| Finding::wrong("DOCSPACE_WEBHOOK_SECRET", sentence))
        .collect();
    if wrong.is_empty() && !deployment.secrets.is_empty() {
        let sentence = match deployment.secrets.len() {
            1 => "keeps DocSpace's rules".to_owned(),
            several => format!(
                "{several} secrets, as during a rotation; take the old one out when DocSpace has the new one"
            ),
        };
        return vec![Finding::good("DOCSPACE_WEBHOOK_SECRET", sentence)];
    }
    wrong
}

fn unknown_triggers(deployment: &Deployment) -> Vec<Finding> {
    let unknown = NeededTriggers::of(&deployment.rules).unknown;
    unknown
        .iter()
        .map(|trigger| {
            Finding::warning(
                "ALLOWED_TRIGGERS",
                format!("{trigger} is no trigger of DocSpace 3.7: nothing will come of it"),
            )
        })
        .collect()
}
