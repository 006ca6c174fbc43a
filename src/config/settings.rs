//! The settings of a process: its variables, and each part of the configuration that they define.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::db::Location;
use crate::finding::{Finding, Severity};
use crate::signature::WebhookSecret;
use crate::telemetry::Logging;

use super::database::database;
use super::env_file::{self, EnvFileError};
use super::limits::limits;
use super::listeners::{admin_address, admin_listener, public_listener};
use super::logging::{logging, logging_or_default};
use super::notifications::notifications;
use super::parts::ConfigParts;
use super::portal::{PortalConfig, portal, secrets};
use super::problems::ConfigError;
use super::reader::Reader;
use super::rules::{Rules, folder_variables, rules, rules_source, valid_rules};
use super::variables::Variables;
use super::warnings::{none_is_set, warnings};

/// The variables and the contents of the files that they name, read once.
///
/// Each method reads one part of the configuration, or everything wrong with it, however wrong other parts are.
#[derive(Clone, Debug)]
pub struct Settings {
    variables: Variables,
    env_file: Option<PathBuf>,
}

impl Settings {
    /// Reads the variables of a file, if one is given, and of the process. The latter take precedence.
    pub fn from_process(env_file: Option<&Path>) -> Result<Self, EnvFileError> {
        let pairs = env_file
            .map(env_file::read)
            .transpose()?
            .unwrap_or_default();
        Ok(Self {
            env_file: env_file.map(Path::to_owned),
            ..Self::of_process(pairs)
        })
    }

    /// Takes the variables of the text that a file has or will have, and those of the process.
    pub fn from_process_and_text(env_file: &Path, text: &str) -> Result<Self, EnvFileError> {
        Ok(Self {
            env_file: Some(env_file.to_owned()),
            ..Self::of_process(env_file::read_text(env_file, text)?)
        })
    }

    fn of_process(mut pairs: Vec<(String, String)>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the only place that reads the environment"
        )]
        let process = std::env::vars_os();
        // The names of the service are UTF-8, and a value that is not is reported.
        pairs.extend(process.filter_map(|(name, value)| {
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        }));
        Self::from_pairs(&pairs)
    }

    /// Takes name/value pairs, of which later ones take precedence.
    pub fn from_pairs(pairs: &[(String, String)]) -> Self {
        Self {
            variables: Variables::from_pairs(pairs),
            env_file: None,
        }
    }

    /// The file of variables, if one is given.
    pub fn env_file(&self) -> Option<&Path> {
        self.env_file.as_deref()
    }

    /// The value of a variable of the service, set directly or in a file; `None` also if it cannot be read.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.value(name).ok().flatten()
    }

    fn read<T>(&self, part: fn(&mut Reader<'_>) -> Option<T>) -> Result<T, ConfigError> {
        Reader::read(&self.variables, &mut Vec::new(), part).map_err(|mut error| {
            error.warnings.extend(none_is_set(&self.variables));
            error
        })
    }

    /// Every part, each read once.
    pub fn parts(&self) -> ConfigParts {
        let mut findings: Vec<Finding> = Vec::new();
        let variables = &self.variables;
        // Before the rules are read, so that a change in between is noticed.
        let rules_source = Reader::read(variables, &mut findings, |reader| {
            Some(rules_source(reader))
        });
        let portal = Reader::read(variables, &mut findings, portal);
        let secrets = Reader::read(variables, &mut findings, secrets);
        let (rules, found) = valid_rules(variables, None);
        findings.extend(found);
        let mut parts = ConfigParts {
            portal,
            secrets,
            rules_source,
            notifications: Reader::read(variables, &mut findings, |reader| {
                Some(notifications(reader))
            }),
            database: Reader::read(variables, &mut findings, database),
            public: Reader::read(variables, &mut findings, public_listener),
            admin: Reader::read(variables, &mut findings, admin_listener),
            limits: Reader::read(variables, &mut findings, limits),
            logging: Reader::read(variables, &mut findings, logging),
            findings: Vec::new(),
            rules,
            folder_variables: folder_variables(variables),
        };
        findings.extend(warnings(variables, &parts.rules));
        for finding in findings {
            if !parts.findings.contains(&finding) {
                parts.findings.push(finding);
            }
        }
        parts
            .findings
            .sort_by_key(|finding| finding.severity != Severity::Error);
        parts
    }

    /// The portal.
    pub fn portal(&self) -> Result<PortalConfig, ConfigError> {
        self.read(portal)
    }

    /// The webhook's secret, or two during a rotation.
    pub fn secrets(&self) -> Result<Vec<WebhookSecret>, ConfigError> {
        self.read(secrets)
    }

    /// The rules, with `RULES_FILE` as it is now.
    pub fn rules(&self) -> Result<Rules, ConfigError> {
        rules(&self.variables)
    }

    /// Where the store is.
    pub fn database(&self) -> Result<Location, ConfigError> {
        self.read(database)
    }

    /// Where the store would be with another `DATABASE_URL`.
    pub fn database_at(&self, url: &str) -> Result<Location, ConfigError> {
        let variables = self.variables.with("DATABASE_URL", url);
        Reader::read(&variables, &mut Vec::new(), database)
    }

    /// The address of the operator's listener, even if its token is missing.
    pub fn admin_address(&self) -> Result<SocketAddr, ConfigError> {
        self.read(admin_address)
    }

    /// The account on this machine that runs the process, as the shell or `sudo` names it.
    pub fn account(&self) -> Option<&str> {
        let names = ["SUDO_USER", "LOGNAME", "USER"];
        names.iter().find_map(|name| self.variables.text(name))
    }

    /// How to log, even if `LOG_FORMAT` or `RUST_LOG` is not valid.
    pub fn logging(&self) -> Logging {
        logging_or_default(&mut Reader::new(&self.variables))
    }

    /// Whether `RUST_LOG` asks for logs.
    pub fn has_log_filter(&self) -> bool {
        self.variables.is_set("RUST_LOG")
    }
}
