//! Every part of the configuration by itself.

use crate::db::Location;
use crate::signature::WebhookSecret;
use crate::telemetry::LogFormat;

use super::limits::Limits;
use super::listeners::{AdminListener, PublicListener};
use super::notifications::NotificationConfig;
use super::portal::PortalConfig;
use super::problems::{ConfigError, Problem};
use super::rules::{Rules, RulesSource};

/// Every part of the configuration by itself, valid or not.
#[derive(Debug)]
pub struct ConfigParts {
    /// The portal and the key to it.
    pub portal: Result<PortalConfig, ConfigError>,
    /// `DOCSPACE_WEBHOOK_SECRET`.
    pub secrets: Result<Vec<WebhookSecret>, ConfigError>,
    /// The rules that are valid.
    pub rules: Rules,
    pub(super) rule_problems: Vec<Problem>,
    pub(super) rules_source: Result<RulesSource, ConfigError>,
    /// Email, chat, pipeline and the operator.
    pub notifications: Result<NotificationConfig, ConfigError>,
    /// Where the store is.
    pub database: Result<Location, ConfigError>,
    /// The listener for deliveries.
    pub public: Result<PublicListener, ConfigError>,
    pub(super) admin: Result<AdminListener, ConfigError>,
    pub(super) limits: Result<Limits, ConfigError>,
    pub(super) log_format: Result<LogFormat, ConfigError>,
    /// Warnings, such as variables that have no effect.
    pub notices: Vec<String>,
}

impl ConfigParts {
    /// The problems of all parts.
    pub fn problems(&self) -> Vec<Problem> {
        fn of<T>(part: &Result<T, ConfigError>) -> &[Problem] {
            part.as_ref().err().map_or(&[], |error| &error.problems)
        }

        [
            of(&self.portal),
            of(&self.secrets),
            &self.rule_problems,
            of(&self.rules_source),
            of(&self.notifications),
            of(&self.database),
            of(&self.public),
            of(&self.admin),
            of(&self.limits),
            of(&self.log_format),
        ]
        .concat()
    }
}
