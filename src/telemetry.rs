//! Logs: one line per occurrence, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, Logging};

mod error_chain;

pub use error_chain::ErrorChain;

/// Starts logging to standard error. A filter that cannot be parsed is replaced by the default and logged.
pub fn start(logging: &Logging) {
    let (filter, filter_error) = match EnvFilter::try_new(&logging.filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match logging.format {
        LogFormat::Text => subscriber.with_target(false).finish().try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).finish().try_init(),
    };
    if started.is_ok()
        && let Some(error) = filter_error
    {
        tracing::warn!(error = %ErrorChain(&error), "RUST_LOG is not valid; using info");
    }
}
