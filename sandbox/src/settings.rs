//! How a portal is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// How a portal is set up.
#[derive(Clone, Debug)]
pub struct PortalSettings {
    /// Added to every API call; none by default.
    pub latency: Duration,
    /// How long a copy or move takes; 20 ms by default.
    pub operation_time: Duration,
    /// The waits before the retries of a delivery; 1, 2, 4, 8 and 16 s by default.
    pub retry_waits: Vec<Duration>,
    /// How long a receiver may take to respond; 100 s by default.
    pub delivery_timeout: Duration,
    /// The source of every time the portal shows; the system clock by default.
    pub time: TimeSource,
    /// The secret of the webhooks; a random one by default.
    pub secret: Option<String>,
    /// The API key, with which the service account also signs in as its password; a random one by default.
    pub api_key: Option<String>,
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            operation_time: Duration::from_millis(20),
            retry_waits: [1, 2, 4, 8, 16].map(Duration::from_secs).to_vec(),
            delivery_timeout: Duration::from_secs(100),
            time: TimeSource::system(),
            secret: None,
            api_key: None,
        }
    }
}

/// Where the portal takes the time of day from. Waiting (latency, retries, operations) is not affected.
#[derive(Clone)]
pub struct TimeSource(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl TimeSource {
    /// Takes the time from a function, such as one that reads a clock which a test moves.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The system clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// The time of day in whole seconds, as the portal's database keeps it.
    pub(super) fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TimeSource(…)")
    }
}
