//! How to log.

use super::problems::{ConfigError, Problem};
use super::settings::Settings;

/// Default of `RUST_LOG`.
const RUST_LOG: &str = "info";

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one JSON object per line.
    Json,
}

/// `LOG_FORMAT` and `RUST_LOG`.
#[derive(Clone, Debug)]
pub struct Logging {
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `RUST_LOG`.
    pub filter: String,
}

impl Settings {
    /// How to log; as text if `LOG_FORMAT` is not valid, so that problems can be logged, too.
    pub fn logging(&self) -> Logging {
        Logging {
            format: self.log_format().unwrap_or(LogFormat::Text),
            filter: self.variable("RUST_LOG").unwrap_or(RUST_LOG).to_owned(),
        }
    }

    /// `LOG_FORMAT`.
    pub fn log_format(&self) -> Result<LogFormat, ConfigError> {
        let format = self.variable("LOG_FORMAT").map(str::to_ascii_lowercase);
        match format.as_deref() {
            None | Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            Some(other) => Err(ConfigError {
                problems: vec![Problem {
                    variable: "LOG_FORMAT",
                    what: format!("must be text or json, not {other}"),
                }],
            }),
        }
    }
}
