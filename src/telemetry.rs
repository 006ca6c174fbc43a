//! Logs: one line per occurrence, as text or JSON.
//!
//! A log that is closed, full or not read never blocks or fails the service: lines are dropped instead.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};

use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

mod error_chain;
mod log_writer;

pub use error_chain::ErrorChain;
use log_writer::LogWriter;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// The configuration of the log.
#[derive(Clone, Debug)]
pub struct Logging {
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `RUST_LOG`.
    pub filter: String,
}

/// The words that are levels in a filter.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Checks a value of `RUST_LOG`. A word that is not a level would be taken for a target, and a filter that names
/// only targets logs nothing of all others; so a misspelt level would silence the log.
pub fn check_filter(filter: &str) -> Result<(), String> {
    let words = filter.split(',').map(str::trim);
    let is_level = |word: &str| {
        LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level)) || word.parse::<u8>().is_ok()
    };
    for word in words.filter(|word| !word.contains(['=', '[', ']', '{', '}'])) {
        if !is_level(word) {
            return Err(format!(
                "contains “{word}”, which is neither a level ({}) nor TARGET=LEVEL",
                LEVELS.join(", ")
            ));
        }
    }
    let parsed = EnvFilter::try_new(filter);
    parsed
        .map(drop)
        .map_err(|error| format!("is not valid: {error}"))
}

/// The writer of the process-wide subscriber.
static WRITER: OnceLock<Arc<LogWriter>> = OnceLock::new();

/// Starts logging to standard error. A filter that is not valid is replaced by `info`. Does nothing if logging was
/// started before.
pub fn start(logging: &Logging) {
    let writer = Arc::new(LogWriter::start(io::stderr()));
    let filter = EnvFilter::try_new(&logging.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        // By default, a failed write is reported with `eprintln!`, which panics if that fails too.
        .log_internal_errors(false)
        .with_writer(Arc::clone(&writer));
    let started = match logging.format {
        LogFormat::Text => subscriber.with_target(false).finish().try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).finish().try_init(),
    };
    if started.is_ok() && WRITER.set(writer).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Waits until all lines are written, but not for long: standard error may be blocked. To be called before
/// the process exits.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush();
    }
}

/// Total number of log lines dropped because standard error was closed, full, or not read.
pub fn dropped_lines() -> u64 {
    WRITER.get().map_or(0, |writer| writer.dropped())
}

/// Logs a panic. The default hook writes to standard error itself, which blocks while that is not read.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("unknown");
    let location = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    error!(
        location,
        backtrace = backtrace.as_ref().map(tracing::field::display),
        "panicked: {message}"
    );
}
