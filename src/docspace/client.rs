//! The client: sends one request to the portal and reads the response.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Response, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::http_headers;
use crate::metrics::Metrics;

use super::breaker::{BreakerState, OpenReason};
use super::budget::{Budget, CallKind};
use super::error::Error;
use super::gate::Gate;
use super::path;
use super::unclaimed_results::UnclaimedResults;

/// Timeout of a read. Images are slow: the portal opens them to measure them (docs/DOCSPACE.md 5.2).
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a write. It is long, because after a timeout the outcome of the write is unknown.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// Timeout of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The path that returns the key's user. It needs a login, so it also shows whether the portal accepts the key
/// (docs/DOCSPACE.md 6).
pub(super) const CURRENT_USER: &str = "people/@self";

/// A client for one portal with one API key.
///
/// The calls are grouped: [`Client::files`], [`Client::operations`], [`Client::webhooks`],
/// [`Client::delivery_log`] and [`Client::account`].
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    /// The portal's address, without a slash at its end.
    host: String,
    key: SecretString,
    clock: Clock,
    gate: Gate,
    metrics: Arc<Metrics>,
    /// How far the portal's clock is ahead of ours, from its last response.
    clock_skew_ms: AtomicI64,
    pub(super) unclaimed: UnclaimedResults,
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
            gate: Gate::new(clock.clone()),
            clock,
            metrics: Arc::default(),
            clock_skew_ms: AtomicI64::new(0),
            unclaimed: UnclaimedResults::default(),
        })
    }

    /// Counts calls in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The portal's address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Succeeds if calls are let through now. Sends the probe if the circuit is half-open.
    ///
    /// Each call does this by itself; asking first avoids starting work that could not go on.
    pub async fn ready(&self) -> Result<(), Error> {
        self.gate.ready(self.probe()).await
    }

    /// The state of the circuit breaker.
    pub fn breaker_state(&self) -> BreakerState {
        self.gate.breaker_state()
    }

    /// Why the circuit is open or half-open; `None` if it is closed.
    pub fn open_reason(&self) -> Option<OpenReason> {
        self.gate.open_reason()
    }

    /// Whether the circuit closed since this was last called.
    pub fn take_recovered(&self) -> bool {
        self.gate.take_recovered()
    }

    /// Our own limits on calls.
    pub fn budget(&self) -> &Budget {
        self.gate.budget()
    }

    /// How many of the portal's writes a day are left, as far as the writes since midnight UTC are known.
    pub fn writes_left_today(&self) -> u64 {
        self.budget().writes_left_today(self.clock.now())
    }

    /// How many calls can start at once now.
    pub fn calls_left(&self) -> u32 {
        self.budget().calls_left(self.clock.now())
    }

    /// The time before which no write should start, because the day's writes run out.
    pub fn no_write_before(&self) -> Option<Timestamp> {
        self.budget().no_write_before(self.clock.now())
    }

    /// Converts a time of our clock to the portal's clock, to about a second.
    pub fn to_portal_time(&self, time: Timestamp) -> Timestamp {
        time.checked_add(self.clock_skew()).unwrap_or(time)
    }

    /// How far the portal's clock is ahead of ours, from its last response; to about a second.
    pub fn clock_skew(&self) -> SignedDuration {
        SignedDuration::from_millis(self.clock_skew_ms.load(Ordering::Relaxed))
    }

    /// Reads what is at a path.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let envelope = self.send(Method::GET, path, None::<&()>).await?;
        Ok(envelope.response)
    }

    /// Sends one request through the gate.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        let outcome = self.send_unrecorded(method, path, body).await;
        self.gate.record(&outcome);
        outcome
    }

    /// Like [`Client::send`], for a call whose failure shows neither that the portal is down nor that it
    /// refuses the key.
    pub(super) async fn send_unrecorded<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        let call = match method {
            Method::GET => CallKind::Read,
            Method::POST | Method::PUT => CallKind::Write,
            _ => CallKind::Delete,
        };
        let _permit = self.gate.admit(call, self.probe()).await?;
        self.transmit(method, path, body).await
    }

    /// Finds out whether the portal can be called again. Passes the budget, but not the breaker.
    async fn probe(&self) -> Result<(), Error> {
        let probe = async {
            let _permit = self.gate.reserve(CallKind::Read).await?;
            self.transmit::<IgnoredAny>(Method::GET, CURRENT_USER, None::<&()>)
                .await
                .map(drop)
        };
        // The future of each call contains that of a probe, which few calls send.
        Box::pin(probe).await
    }

    async fn transmit<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        let timeout = match method {
            Method::GET => READ_TIMEOUT,
            _ => WRITE_TIMEOUT,
        };
        let mut request = self
            .http
            .request(method.clone(), format!("{}/api/2.0/{path}", self.host))
            .bearer_auth(self.key.expose_secret())
            .header(header::ACCEPT, "application/json")
            .timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await;
        let status = response.as_ref().ok().map(|it| it.status().as_u16());
        self.metrics
            .count_portal_call(method.as_str(), &path::route(path), status);
        self.read(response.map_err(Error::unreachable)?).await
    }

    /// Checks the status and decodes the body.
    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let now = self.clock.now();
        if let Some(date) = http_headers::date(response.headers()) {
            let skew_ms = date.as_millisecond() - now.as_millisecond();
            self.clock_skew_ms.store(skew_ms, Ordering::Relaxed);
        }
        let status = response.status();
        if status != StatusCode::OK {
            let retry_after = http_headers::retry_after(response.headers(), now);
            return Err(Error::from_status(status, retry_after));
        }
        let body = response.bytes().await.map_err(Error::unreachable)?;
        serde_json::from_slice(&body).map_err(|source| Error::Unreadable { source })
    }
}

/// What the portal wraps each successful response in (docs/DOCSPACE.md 5.1).
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) response: T,
    /// The length of the whole list, if the response is a page of one.
    pub(super) total: Option<u64>,
}
