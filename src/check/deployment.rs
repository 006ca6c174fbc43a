//! What is checked: every part of the configuration that is valid.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{ConfigParts, Settings};
use crate::docspace::Client;
use crate::finding::Finding;
use crate::ids::FolderId;
use crate::rules::Rule;
use crate::signature::WebhookSecret;

/// A deployment of the service.
#[derive(Debug)]
pub struct Deployment {
    pub(super) config: ConfigParts,
    /// `None` if the portal's address or key is missing or not valid.
    pub(super) portal: Option<Arc<Client>>,
    /// The file that `--env-file` names.
    pub(super) env_file: Option<PathBuf>,
    /// The public URL of the service, if it was given.
    pub(super) url: Option<String>,
    pub(super) clock: Clock,
}

impl Deployment {
    /// The deployment with this configuration, valid or not.
    pub fn new(settings: &Settings, url: Option<String>, clock: Clock) -> Self {
        let config = settings.parts();
        let portal = config
            .portal
            .as_ref()
            .ok()
            .and_then(|portal| portal.client(clock.clone()).ok());
        Self {
            config,
            env_file: settings.env_file().map(Path::to_owned),
            portal: portal.map(Arc::new),
            url,
            clock,
        }
    }

    /// The deployment with these variables.
    pub fn from_pairs(pairs: &[(String, String)], url: Option<String>, clock: Clock) -> Self {
        Self::new(&Settings::from_pairs(pairs), url, clock)
    }

    /// What is wrong with the configuration itself, and what is probably unintended.
    pub fn configuration_findings(&self) -> &[Finding] {
        &self.config.findings
    }

    /// Where the service listens for deliveries, if that is valid.
    pub fn public_address(&self) -> Option<SocketAddr> {
        let public = self.config.public.as_ref().ok();
        public.map(|public| public.address)
    }

    /// The portal, if its address and the key are valid.
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.portal.as_ref()
    }

    /// The rules that are valid.
    pub fn rules(&self) -> &[Rule] {
        &self.config.rules.rules
    }

    /// Which variables and rules name a folder, such as "`INCOMING_FOLDER_ID`, rule invoice".
    pub(super) fn users_of(&self, folder: &FolderId) -> String {
        let variables = self.config.folder_variables.iter();
        let variables = variables.filter(|(_, id)| id == folder);
        let mut users: Vec<String> = variables.map(|(name, _)| (*name).to_owned()).collect();
        for rule in self.rules() {
            let mut destinations = rule.actions.iter();
            let writes =
                destinations.any(|action| action.properties.named_folder() == Some(folder));
            if writes || rule.watched_folders().any(|watched| watched == folder) {
                users.push(format!("rule {}", rule.name));
            }
        }
        users.join(", ")
    }

    /// The secrets of the webhook, if they are set.
    pub(super) fn secrets(&self) -> &[WebhookSecret] {
        self.config.secrets.as_deref().unwrap_or_default()
    }
}
