//! The DocSpace client: the only code that knows the portal's API paths and its answers.
//!
//! One request per call, never a retry over minutes and never a rule: what to do about a failure is
//! said by [`Error`], and done by the worker. The breaker hears of every answer, and every call is taken
//! from the budget that keeps the portal's limits.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Response, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::telemetry::ErrorChain;

mod breaker;
mod budget;
mod delivery_log;
mod error;
mod fileops;
mod files;
mod route;
pub(crate) mod triggers;
mod webhooks;

use breaker::Breaker;
pub use breaker::{BreakerState, OpenReason};
pub use budget::Budget;
use budget::Call;
pub use delivery_log::{LogPage, LogRow};
pub use error::{Error, ErrorClass, WriteOutcome};
pub use fileops::{
    Conflict, FILES_IN_ONE_CALL, Operation, OperationId, OperationKind, OperationState, Results,
};
pub use files::{
    FileInfo, FolderInfo, FolderPage, FolderRights, KeyInfo, LONGEST_COMMENT, Person,
    editor_address, folder_address,
};
pub use webhooks::{WebhookConfig, WebhookSettings};

/// Longest wait for the answer to a read. Images are slow: the server opens them to measure them.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for the answer to a write. Giving up early leaves the outcome open, so it is long.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A portal, and the key to it.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    /// The portal's address without a slash at its end.
    host: String,
    key: SecretString,
    budget: Budget,
    clock: Clock,
    breaker: Breaker,
    metrics: Arc<Metrics>,
    recovered: AtomicBool,
    /// How far the portal's clock is ahead of ours, in milliseconds, from its last answer.
    ahead_ms: AtomicI64,
    /// Finished operations that a read of all operations took away from whoever waits for them.
    found: Mutex<Vec<Operation>>,
    /// Held while a half-open breaker is probed.
    probing: tokio::sync::Mutex<()>,
}

impl Client {
    /// A client for the portal at this address, such as `https://yourportal.onlyoffice.com`.
    pub fn new(host: &str, key: SecretString, clock: Clock) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("docspace-courier/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            host: host.trim_end_matches('/').to_owned(),
            key,
            budget: Budget::default(),
            clock,
            breaker: Breaker::default(),
            metrics: Arc::default(),
            recovered: AtomicBool::new(false),
            ahead_ms: AtomicI64::new(0),
            found: Mutex::default(),
            probing: tokio::sync::Mutex::default(),
        })
    }

    /// The same client, whose calls are counted here.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The portal's address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the portal may be called just now. Calls are made without it too, and heard of.
    pub fn breaker_state(&self) -> BreakerState {
        self.breaker.breaker_state(self.clock.now())
    }

    /// Why the portal is left alone just now, if it is.
    pub fn open_reason(&self) -> Option<OpenReason> {
        self.breaker.why()
    }

    /// The calls that may still be made.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// How many writes of the portal's 10,000 a day are left, counting those we know of since midnight UTC.
    pub fn writes_left_today(&self) -> u64 {
        self.budget.writes_left_today(self.clock.now())
    }

    /// How many calls may be made at once just now; after that they flow evenly.
    pub fn calls_left(&self) -> u32 {
        self.budget.calls_left(self.clock.now())
    }

    /// Until when no write should be begun, because those of the day run out.
    pub fn no_write_before(&self) -> Option<Timestamp> {
        self.budget.no_write_before(self.clock.now())
    }

    /// Whether the portal became well again since this was last asked.
    pub fn take_recovered(&self) -> bool {
        self.recovered.swap(false, Ordering::Relaxed)
    }

    /// Whether the breaker lets calls through, after a probe where one is due.
    pub async fn is_available(&self) -> bool {
        match self.breaker_state() {
            BreakerState::Closed => true,
            BreakerState::Open(..) => false,
            BreakerState::HalfOpen(_) => {
                let _probing = self.probing.lock().await;
                // Another caller may have probed meanwhile.
                match self.breaker_state() {
                    BreakerState::Closed => true,
                    BreakerState::Open(..) => false,
                    BreakerState::HalfOpen(_) => self.probe().await,
                }
            }
        }
    }

    /// Finds out whether a portal that was left alone is well again.
    pub async fn probe(&self) -> bool {
        match self.current_user().await {
            Ok(_) => true,
            // The key is good and only lacks the scope to be asked who it is.
            Err(error)
                if matches!(error.class(), ErrorClass::Ambiguous | ErrorClass::Permanent) =>
            {
                self.note_outcome(None);
                true
            }
            Err(_) => false,
        }
    }

    /// A moment of our clock as the portal's clock shows it, to about a second.
    pub fn to_portal_time(&self, moment: Timestamp) -> Timestamp {
        moment.checked_add(self.clock_skew()).unwrap_or(moment)
    }

    /// How far the portal's clock is ahead of ours, from its last answer; to about a second.
    pub fn clock_skew(&self) -> SignedDuration {
        SignedDuration::from_millis(self.ahead_ms.load(Ordering::Relaxed))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<ApiResponse<T>, Error> {
        self.send(Method::GET, path, None::<&()>).await
    }

    /// Sends one request when its turn has come, and tells the breaker how it went.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<ApiResponse<T>, Error> {
        let (call, timeout) = match method {
            Method::GET => (Call::Read, READ_TIMEOUT),
            Method::POST | Method::PUT => (Call::Write, WRITE_TIMEOUT),
            _ => (Call::Delete, WRITE_TIMEOUT),
        };
        let turn = self.budget.turn(call).await;
        let start = self
            .budget
            .take(call, self.clock.now())
            .map_err(|wait| Error::BudgetExhausted { wait })?;
        self.clock.sleep_until(start).await;
        let mut request = self
            .http
            .request(method.clone(), format!("{}/api/2.0/{path}", self.host))
            .bearer_auth(self.key.expose_secret())
            .header(header::ACCEPT, "application/json")
            .timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.metrics
            .count_portal_call(method.as_str(), &route::route(path), status);
        let answer = self.receive(answer).await;
        drop(turn);
        self.note_outcome(answer.as_ref().err());
        answer
    }

    /// Checks the status and decodes the answer.
    async fn receive<T: DeserializeOwned>(
        &self,
        response: reqwest::Result<Response>,
    ) -> Result<T, Error> {
        let response = response.map_err(Error::unreachable)?;
        self.note_clock(&response);
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Error::from_status(status, retry_after(&response)));
        }
        let body = response.bytes().await.map_err(Error::unreachable)?;
        serde_json::from_slice(&body).map_err(|source| Error::Unreadable { source })
    }

    fn note_outcome(&self, error: Option<&Error>) {
        match error {
            None if self.breaker.note_success() => {
                info!("the portal is well again");
                self.recovered.store(true, Ordering::Relaxed);
            }
            None => {}
            Some(error) => {
                if let Some(why) = self.breaker.note_failure(error, self.clock.now()) {
                    warn!(error = %ErrorChain(error), "{}; everything that needs it waits", why.as_str());
                }
            }
        }
    }

    fn note_clock(&self, response: &Response) {
        let date = response
            .headers()
            .get(header::DATE)
            .and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(parse_http_date) {
            let ahead = date.as_millisecond() - self.clock.now().as_millisecond();
            self.ahead_ms.store(ahead, Ordering::Relaxed);
        }
    }
}

fn parse_http_date(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// The success envelope (docs/DOCSPACE.md 5.1).
#[derive(Debug, serde::Deserialize)]
struct ApiResponse<T> {
    response: T,
    total: Option<u64>,
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// An id as a part of a path; third-party ids hold `|` and more (docs/DOCSPACE.md 2.3).
fn path_segment(id: &str) -> String {
    let mut segment = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_clock_is_read_from_its_answers() {
        let read = parse_http_date("Mon, 02 Mar 2026 09:14:31 GMT");
        assert_eq!(read, "2026-03-02T09:14:31Z".parse().ok());
        assert_eq!(parse_http_date("yesterday"), None);
    }

    #[test]
    fn third_party_ids_are_escaped() {
        assert_eq!(path_segment("1482901"), "1482901");
        assert_eq!(path_segment("drive-12-|1Zk/ü"), "drive-12-%7C1Zk%2F%C3%BC");
    }
}
