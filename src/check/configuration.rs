//! The variables: what the service or DocSpace would reject.

use crate::loopback::is_loopback;
use crate::registration::{self, NeededTriggers};

use super::certificate;
use super::deployment::Deployment;
use super::finding::Finding;

pub(super) fn check(deployment: &Deployment) -> Vec<Finding> {
    let problems = deployment.config.problems().into_iter();
    let mut findings: Vec<Finding> = problems
        .map(|problem| Finding::error(problem.variable, problem.what))
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok("variables", "all values are valid"));
    }
    let notices = deployment.config.notices.iter();
    findings.extend(notices.map(|notice| Finding::warning("variables", notice)));
    findings.extend(plain_text(deployment));
    findings.extend(secrets(deployment));
    findings.extend(certificate::check(deployment));
    findings.extend(unknown_triggers(deployment));
    findings
}

/// The key must not be sent over the network in plain text.
fn plain_text(deployment: &Deployment) -> Option<Finding> {
    let host = deployment.portal.as_ref()?.host();
    let url = reqwest::Url::parse(host).ok()?;
    let is_remote = !url.host_str().is_some_and(is_loopback);
    (url.scheme() == "http" && is_remote).then(|| {
        Finding::warning(
            "DOCSPACE_API_HOST",
            "starts with http://, so the key and file titles are sent in plain text; use https://",
        )
    })
}

/// Each secret must be one that the portal accepts (docs/DOCSPACE.md 1.8).
fn secrets(deployment: &Deployment) -> Vec<Finding> {
    const SUBJECT: &str = "DOCSPACE_WEBHOOK_SECRET";

    let secrets = deployment.secrets();
    let rejected: Vec<Finding> = secrets
        .iter()
        .filter_map(|secret| registration::check_secret(secret).err())
        .map(|reason| Finding::error(SUBJECT, reason))
        .collect();
    match secrets.len() {
        _ if !rejected.is_empty() => rejected,
        0 => Vec::new(),
        1 => vec![Finding::ok(SUBJECT, "meets DocSpace's requirements")],
        several => vec![Finding::ok(
            SUBJECT,
            format!(
                "contains {several} secrets, as during a rotation; remove the old one once the webhook has the \
                 new one"
            ),
        )],
    }
}

fn unknown_triggers(deployment: &Deployment) -> Vec<Finding> {
    let unknown = NeededTriggers::of(deployment.rules()).unknown;
    let findings = unknown.iter().map(|trigger| {
        Finding::warning(
            "ALLOWED_TRIGGERS",
            format!("{trigger} is not a trigger of DocSpace 3.7 and has no effect"),
        )
    });
    findings.collect()
}
