//! Check: tests a deployment from outside and suggests a fix for each problem.
//!
//! Each part of the deployment has a file and is tested however wrong other parts are. Nothing is changed in the
//! portal or in the contents of the store. Nothing is printed here.

use std::sync::Arc;

use crate::check::report::Section;
use crate::docspace::Client;
use crate::finding::Finding;

// What is checked, and what is found.
mod deployment;
mod report;

// The parts.
mod certificate;
mod channels;
mod configuration;
mod cycles;
mod destinations;
mod file_modes;
mod folders;
mod key_reach;
mod portal;
mod portal_version;
mod receiver;
mod sources;
mod store;
mod webhook;
mod webhook_health;

pub use deployment::Deployment;
pub use report::CheckReport;

/// Checks the portal and the key alone. Also returns the portal, if further requests make sense.
pub async fn check_portal(deployment: &Deployment) -> (Vec<Finding>, Option<Arc<Client>>) {
    let checked = portal::check(deployment).await;
    (checked.findings, checked.usable)
}

/// Checks email, chat and pipelines alone.
pub async fn check_channels(deployment: &Deployment) -> Vec<Finding> {
    channels::check(deployment).await
}

/// Checks every part.
pub async fn run(deployment: &Deployment) -> CheckReport {
    let store = store::check(deployment).await;
    let portal = portal::check(deployment).await;
    let (mut rooms, mut webhook) = (Vec::new(), webhook::WebhookCheck::default());
    if let Some(client) = &portal.usable {
        rooms.extend(sources::check(deployment, client).await);
        rooms.extend(destinations::check(deployment, client).await);
        rooms.extend(cycles::check(deployment, client).await);
        rooms.extend(key_reach::check(deployment, client).await);
        webhook = webhook::check(deployment, client, &store).await;
    }
    let receiver = receiver::check(deployment, &webhook.urls, store.history).await;
    let channels = channels::check(deployment).await;
    let sections = [
        ("Configuration", configuration::check(deployment)),
        ("Store", store.findings),
        ("Files", file_modes::check(deployment)),
        ("Portal", portal.findings),
        ("Rooms and folders", rooms),
        ("Webhook", webhook.findings),
        ("Receiver", receiver),
        ("Email, chat and pipeline", channels),
    ];
    CheckReport {
        sections: sections
            .into_iter()
            .filter(|(_, findings)| !findings.is_empty())
            .map(|(name, findings)| Section { name, findings })
            .collect(),
    }
}
