//! Check: tries a deployment from outside, and says of each finding what to do about it.
//!
//! Every part is looked at by itself, however wrong the others are, and gives plain [`Finding`]s; one
//! file a part. Nothing is changed in the portal, nor in what the store keeps. No printing here.

use std::sync::Arc;

use serde::Serialize;

use crate::clock::Clock;
use crate::config::{self, Config, NotificationConfig, Problem};
use crate::db::Location;
use crate::docspace::Client;
use crate::pipeline;
use crate::rules::Rule;
use crate::server::tls::TlsFiles;
use crate::signature::WebhookSecret;

mod certificate;
mod channels;
mod configuration;
mod cycles;
mod destinations;
mod portal;
mod receiver;
mod sources;
mod store;
mod webhook;
mod webhook_health;

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is as it should be.
    Good,
    /// It works, or may work; somebody should look.
    Warning,
    /// It does not work.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is to be taken.
    pub mark: Mark,
    /// What was looked at, such as a variable or `folder 341029`.
    pub subject: String,
    /// What was found, and what to do about it.
    pub sentence: String,
}

impl Finding {
    fn new(mark: Mark, subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            mark,
            subject: subject.into(),
            sentence: sentence.into(),
        }
    }

    fn good(subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::new(Mark::Good, subject, sentence)
    }

    fn warning(subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::new(Mark::Warning, subject, sentence)
    }

    fn wrong(subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::new(Mark::Wrong, subject, sentence)
    }
}

/// The findings about one part of the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The part.
    pub name: &'static str,
    /// What was found, in the order in which to mend it.
    pub findings: Vec<Finding>,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Part by part.
    pub sections: Vec<Section>,
}

impl CheckReport {
    /// How many findings have this mark.
    pub fn count(&self, mark: Mark) -> usize {
        let findings = self.sections.iter().flat_map(|section| &section.findings);
        findings.filter(|finding| finding.mark == mark).count()
    }
}

/// What is checked: as much of the configuration as can be understood.
#[derive(Debug)]
pub struct Deployment {
    problems: Vec<Problem>,
    notices: Vec<String>,
    database: Option<Location>,
    portal: Option<Arc<Client>>,
    secrets: Vec<WebhookSecret>,
    rules: Vec<Rule>,
    /// The pipelines of the rules file, by their keys.
    pipelines: Vec<(String, pipeline::PipelineSettings)>,
    /// Mail, chat and pipeline; `None` while the configuration is wrong.
    tell: Option<NotificationConfig>,
    /// The certificate of the public listener, if it has one.
    tls: Option<TlsFiles>,
    /// The address that DocSpace is to send to, where it is given.
    url: Option<String>,
    clock: Clock,
}

impl Deployment {
    /// Reads the variables, and notes what is wrong with them.
    pub fn from_pairs(pairs: &[(String, String)], url: Option<String>, clock: Clock) -> Self {
        let (problems, notices, tell, tls) = match Config::from_pairs(pairs) {
            Ok(config) => (Vec::new(), config.notices, Some(config.tell), config.tls),
            Err(error) => (error.problems, Vec::new(), None, None),
        };
        let rules = config::rules_from_pairs(pairs);
        let portal = config::portal_from_pairs(pairs)
            .ok()
            .and_then(|portal| Client::new(&portal.host, portal.key, clock.clone()).ok());
        Self {
            problems,
            notices,
            database: config::database_from_pairs(pairs).ok(),
            portal: portal.map(Arc::new),
            secrets: config::secrets_from_pairs(pairs).unwrap_or_default(),
            rules: rules.rules,
            pipelines: rules.pipelines,
            tell,
            tls,
            url,
            clock,
        }
    }
}

/// Looks at every part.
pub async fn run(deployment: &Deployment) -> CheckReport {
    let store = store::look(deployment).await;
    let portal = portal::look(deployment).await;
    let (mut rooms, mut webhook) = (Vec::new(), webhook::Webhook::default());
    if let Some(client) = &portal.usable {
        rooms.extend(sources::look(deployment, client).await);
        rooms.extend(destinations::look(deployment, client).await);
        rooms.extend(cycles::look(deployment, client).await);
        webhook = webhook::look(deployment, client, &store.delivered).await;
    }
    let receiver = receiver::look(deployment, &webhook.addresses).await;
    let outlets = channels::look(deployment).await;
    let sections = [
        ("Configuration", configuration::look(deployment)),
        ("Store", store.findings),
        ("Portal", portal.findings),
        ("Rooms and folders", rooms),
        ("Webhook", webhook.findings),
        ("Receiver", receiver),
        ("Mail, chat and pipeline", outlets),
    ];
    CheckReport {
        sections: sections
            .into_iter()
            .filter(|(_, findings)| !findings.is_empty())
            .map(|(name, findings)| Section { name, findings })
            .collect(),
    }
}
