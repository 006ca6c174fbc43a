//! How to log.

use serde::Deserialize;

use crate::telemetry::{LogFormat, Logging};

use super::reader::Reader;

/// Default of `RUST_LOG`.
const RUST_LOG: &str = "info";

/// The variables of this part, by their names in lower case.
#[derive(Debug, Default, Deserialize)]
struct LogVariables {
    log_format: Option<String>,
    rust_log: Option<String>,
}

impl LogVariables {
    fn read(reader: &Reader<'_>) -> Self {
        // Two optional texts fit any set of variables.
        envy::from_iter(reader.variables.pairs()).unwrap_or_default()
    }
}

/// `LOG_FORMAT` and `RUST_LOG`; as text if `LOG_FORMAT` is not valid, so that problems can be logged, too.
pub(super) fn logging(reader: &mut Reader<'_>) -> Logging {
    let filter = LogVariables::read(reader).rust_log;
    Logging {
        format: log_format(reader).unwrap_or(LogFormat::Text),
        filter: filter.unwrap_or_else(|| RUST_LOG.to_owned()),
    }
}

/// `LOG_FORMAT`.
pub(super) fn log_format(reader: &mut Reader<'_>) -> Option<LogFormat> {
    let Some(text) = LogVariables::read(reader).log_format else {
        return Some(LogFormat::Text);
    };
    match text.to_ascii_lowercase().as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => {
            reader.problem("LOG_FORMAT", format!("must be text or json, not {text}"));
            None
        }
    }
}
