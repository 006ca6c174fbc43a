//! Configuration: the only code that reads the environment.
//!
//! [`Settings`] contains the variables as text and has one method for each part of the configuration, which returns
//! the checked part or everything wrong with it. [`Config`] is all parts. Tests pass name/value pairs.

use crate::db::Location;
use crate::finding::Finding;
use crate::pipeline::PipelineSettings;
use crate::rules::Rule;
use crate::signature::WebhookSecret;

// Text.
mod env_edit;
mod env_file;
pub(crate) mod variables;
mod warnings;

// Text to values.
mod problems;
mod reader;

// Parts.
mod database;
mod environment_rules;
mod limits;
mod listeners;
mod logging;
mod mail;
mod notifications;
mod portal;
mod rules;
mod rules_file;

// All parts.
mod parts;
mod settings;

pub use env_edit::{UnwritableValue, VariableChange, change_variables};
pub use env_file::EnvFileError;
pub use environment_rules::{copy_rule, invoice_rule};
pub use limits::Limits;
pub use listeners::{AdminListener, PublicListener};
pub use notifications::NotificationConfig;
pub use parts::ConfigParts;
pub use portal::PortalConfig;
pub use problems::ConfigError;
pub use rules::{Rules, RulesSource};
pub use settings::Settings;

/// The checked configuration of the service.
#[derive(Debug)]
pub struct Config {
    /// The portal and the key to it.
    pub portal: PortalConfig,
    /// `DOCSPACE_WEBHOOK_SECRET`: one secret, or two during a rotation.
    pub secrets: Vec<WebhookSecret>,
    /// The rules of the environment and of `RULES_FILE`, in this order.
    pub rules: Vec<Rule>,
    /// The pipelines that rules of the file call, by their keys.
    pub pipelines: Vec<(String, PipelineSettings)>,
    /// Where the rules come from.
    pub rules_source: RulesSource,
    /// Email, chat, pipeline and the operator.
    pub notifications: NotificationConfig,
    /// Where the store is.
    pub database: Location,
    /// The listener for deliveries.
    pub public: PublicListener,
    /// The operator's listener.
    pub admin: AdminListener,
    /// Attempts and times.
    pub limits: Limits,
    /// Warnings, such as variables that have no effect.
    pub warnings: Vec<Finding>,
}

impl TryFrom<ConfigParts> for Config {
    type Error = ConfigError;

    fn try_from(parts: ConfigParts) -> Result<Self, ConfigError> {
        ConfigError::of(&parts.findings)?;
        parts.logging?;
        Ok(Self {
            portal: parts.portal?,
            secrets: parts.secrets?,
            rules: parts.rules.rules,
            pipelines: parts.rules.pipelines,
            rules_source: parts.rules_source?,
            notifications: parts.notifications?,
            database: parts.database?,
            public: parts.public?,
            admin: parts.admin?,
            limits: parts.limits?,
            warnings: parts.findings,
        })
    }
}

impl TryFrom<&Settings> for Config {
    type Error = ConfigError;

    fn try_from(settings: &Settings) -> Result<Self, ConfigError> {
        settings.parts().try_into()
    }
}

impl Config {
    /// Checks name/value pairs, of which later ones take precedence.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, ConfigError> {
        Self::try_from(&Settings::from_pairs(pairs))
    }
}

#[cfg(test)]
mod tests;
