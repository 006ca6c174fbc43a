//! The variables: the findings with which `serve` refuses to start or warns, and what is valid.

use crate::finding::Finding;

use super::certificate;
use super::deployment::Deployment;

pub(super) fn check(deployment: &Deployment) -> Vec<Finding> {
    let mut findings = deployment.config.findings.clone();
    if findings.is_empty() {
        findings.push(Finding::ok("variables", "all values are valid"));
    }
    findings.extend(secrets(deployment));
    findings.extend(certificate::check(deployment));
    findings
}

fn secrets(deployment: &Deployment) -> Option<Finding> {
    let message = match deployment.secrets().len() {
        0 => return None,
        1 => "meets DocSpace's requirements".to_owned(),
        several => format!(
            "contains {several} secrets, as during a rotation; remove the old one once the webhook has the new one"
        ),
    };
    Some(Finding::ok("DOCSPACE_WEBHOOK_SECRET", message))
}
