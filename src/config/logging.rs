//! How to log.

use crate::telemetry::{LogFormat, Logging, check_filter};

use super::reader::Reader;

/// Default of `RUST_LOG`.
const RUST_LOG: &str = "info";

/// `LOG_FORMAT` and `RUST_LOG`.
pub(super) fn logging(reader: &mut Reader<'_>) -> Option<Logging> {
    let format = log_format(reader);
    let filter = reader.get("RUST_LOG").unwrap_or(RUST_LOG);
    if let Err(what) = check_filter(filter) {
        reader.problem("RUST_LOG", what);
    }
    Some(Logging {
        format: format?,
        filter: filter.to_owned(),
    })
}

/// As text if `LOG_FORMAT` is not valid, and with the default filter if `RUST_LOG` is not valid.
pub(super) fn logging_or_default(reader: &mut Reader<'_>) -> Logging {
    let filter = reader.get("RUST_LOG");
    let filter = filter.filter(|filter| check_filter(filter).is_ok());
    Logging {
        format: log_format(reader).unwrap_or(LogFormat::Text),
        filter: filter.unwrap_or(RUST_LOG).to_owned(),
    }
}

fn log_format(reader: &mut Reader<'_>) -> Option<LogFormat> {
    match reader
        .get("LOG_FORMAT")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("text") => Some(LogFormat::Text),
        Some("json") => Some(LogFormat::Json),
        Some(other) => {
            reader.problem("LOG_FORMAT", format!("must be text or json, not {other}"));
            None
        }
    }
}
