//! How to log.

use crate::telemetry::{LogFormat, Logging};

use super::reader::Reader;

/// Default of `RUST_LOG`.
const RUST_LOG: &str = "info";

/// `LOG_FORMAT` and `RUST_LOG`; as text if `LOG_FORMAT` is not valid, so that problems can be logged, too.
pub(super) fn logging(reader: &mut Reader<'_>) -> Logging {
    Logging {
        format: log_format(reader).unwrap_or(LogFormat::Text),
        filter: reader.get("RUST_LOG").unwrap_or(RUST_LOG).to_owned(),
    }
}

/// `LOG_FORMAT`.
pub(super) fn log_format(reader: &mut Reader<'_>) -> Option<LogFormat> {
    const NAME: &str = "LOG_FORMAT";

    let Some(text) = reader.get(NAME) else {
        return Some(LogFormat::Text);
    };
    match text.to_ascii_lowercase().as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => {
            reader.problem(NAME, format!("must be text or json, not {text}"));
            None
        }
    }
}
