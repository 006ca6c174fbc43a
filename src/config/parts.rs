//! Every part of the configuration by itself.

use crate::db::Location;
use crate::finding::Finding;
use crate::ids::FolderId;
use crate::signature::WebhookSecret;
use crate::telemetry::Logging;

use super::limits::Limits;
use super::listeners::{AdminListener, PublicListener};
use super::notifications::NotificationConfig;
use super::portal::PortalConfig;
use super::problems::ConfigError;
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
    /// The variables that name a room or folder, with their values.
    pub folder_variables: Vec<(&'static str, FolderId)>,
    pub(super) rules_source: Result<RulesSource, ConfigError>,
    /// Email, chat, pipeline and the operator.
    pub notifications: Result<NotificationConfig, ConfigError>,
    /// Where the store is.
    pub database: Result<Location, ConfigError>,
    /// The listener for deliveries.
    pub public: Result<PublicListener, ConfigError>,
    pub(super) admin: Result<AdminListener, ConfigError>,
    pub(super) limits: Result<Limits, ConfigError>,
    pub(super) logging: Result<Logging, ConfigError>,
    /// All errors and warnings, each once.
    pub findings: Vec<Finding>,
}
