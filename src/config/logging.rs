//! How to log.

use serde::Deserialize;

use crate::telemetry::{LogFormat, Logging, check_filter};

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
    fn read(reader: &mut Reader<'_>) -> Self {
        let names = ["LOG_FORMAT", "RUST_LOG"];
        let values = names.map(|name| Some((name.to_owned(), reader.get(name)?.to_owned())));
        // Two optional texts fit any set of variables.
        envy::from_iter(values.into_iter().flatten()).unwrap_or_default()
    }

    fn format(&self, reader: &mut Reader<'_>) -> Option<LogFormat> {
        let format = self.log_format.as_deref().map(str::to_ascii_lowercase);
        match format.as_deref() {
            None | Some("text") => Some(LogFormat::Text),
            Some("json") => Some(LogFormat::Json),
            Some(other) => {
                reader.problem("LOG_FORMAT", format!("must be text or json, not {other}"));
                None
            }
        }
    }
}

/// `LOG_FORMAT` and `RUST_LOG`.
pub(super) fn logging(reader: &mut Reader<'_>) -> Option<Logging> {
    let variables = LogVariables::read(reader);
    let format = variables.format(reader);
    let filter = variables.rust_log.unwrap_or_else(|| RUST_LOG.to_owned());
    if let Err(what) = check_filter(&filter) {
        reader.problem("RUST_LOG", what);
    }
    Some(Logging {
        format: format?,
        filter,
    })
}

/// As text if `LOG_FORMAT` is not valid, and with the default filter if `RUST_LOG` is not valid.
pub(super) fn logging_or_default(reader: &mut Reader<'_>) -> Logging {
    let variables = LogVariables::read(reader);
    let format = variables.format(reader);
    let filter = variables
        .rust_log
        .filter(|filter| check_filter(filter).is_ok());
    Logging {
        format: format.unwrap_or(LogFormat::Text),
        filter: filter.unwrap_or_else(|| RUST_LOG.to_owned()),
    }
}
