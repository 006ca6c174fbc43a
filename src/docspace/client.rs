//! The client for a portal.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::de::IgnoredAny;

use crate::certificates::TrustedCertificates;
use crate::circuit_breaker::BreakerState;
use crate::clock::Clock;
use crate::metrics::Metrics;

use super::account::ApiKeyAccount;
use super::budget::{Budget, RecordCalls};
use super::call::PortalCall;
use super::delivery_log::DeliveryLog;
use super::error::Error;
use super::exchanges::Exchanges;
use super::files::Files;
use super::links::Links;
use super::members::Members;
use super::new_rooms::NewRooms;
use super::open_reason::OpenReason;
use super::operations::Operations;
use super::people::People;
use super::rule_calls::RuleCalls;
use super::transport::{Transport, probe_path};
use super::unclaimed_results::UnclaimedResults;
use super::webhooks::Webhooks;

/// A client for one portal with one API key. Its calls are grouped by what they are about.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    unclaimed: UnclaimedResults,
}

impl Client {
    /// A client for the portal at this address, such as `https://yourportal.onlyoffice.com`.
    pub fn new(host: &str, key: SecretString, clock: Clock) -> reqwest::Result<Self> {
        Self::trusting(None, host, key, clock)
    }

    /// A client that trusts further certificates.
    pub fn trusting(
        trusted: Option<&TrustedCertificates>,
        host: &str,
        key: SecretString,
        clock: Clock,
    ) -> reqwest::Result<Self> {
        Ok(Self {
            transport: Transport::new(host, key, trusted, clock)?,
            unclaimed: UnclaimedResults::default(),
        })
    }

    /// Counts calls in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.transport.metrics = metrics;
        self
    }

    /// Changes how long the response to a read may take.
    #[must_use]
    pub fn with_read_timeout(mut self, timeout: Duration) -> Self {
        self.transport.read_timeout = timeout;
        self
    }

    /// Records calls with this function before they are made, so that a restart forgets none.
    #[must_use]
    pub fn recording_calls(mut self, record: RecordCalls) -> Self {
        self.transport.gate.budget_mut().record_with(record);
        self
    }

    /// Calls about files, folders and rooms.
    pub fn files(&self) -> Files<'_> {
        Files::new(&self.transport)
    }

    /// Calls about external links to files.
    pub fn links(&self) -> Links<'_> {
        Links::new(&self.transport)
    }

    /// Calls about the members of rooms.
    pub fn members(&self) -> Members<'_> {
        Members::new(&self.transport)
    }

    /// Calls that create rooms, and that find a new one.
    pub fn new_rooms(&self) -> NewRooms<'_> {
        NewRooms::new(&self.transport)
    }

    /// Calls about people and groups.
    pub fn people(&self) -> People<'_> {
        People::new(&self.transport)
    }

    /// Calls that a rule names by their path.
    pub fn rule_calls(&self) -> RuleCalls<'_> {
        RuleCalls::new(&self.transport)
    }

    /// Calls that copy and move files.
    pub fn operations(&self) -> Operations<'_> {
        Operations::new(&self.transport, &self.unclaimed)
    }

    /// Calls about webhooks.
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks::new(&self.transport)
    }

    /// Calls about the log of deliveries.
    pub fn delivery_log(&self) -> DeliveryLog<'_> {
        DeliveryLog::new(&self.transport)
    }

    /// Calls about the API key and its user.
    pub fn account(&self) -> ApiKeyAccount<'_> {
        ApiKeyAccount::new(&self.transport)
    }

    /// Calls whose whole response is shown, whatever its status.
    pub fn exchanges(&self) -> Exchanges<'_> {
        Exchanges::new(&self.transport)
    }

    /// The portal's address.
    pub fn host(&self) -> &str {
        &self.transport.host
    }

    /// Whether calls are let through now and the portal's time is known. Sends nothing: [`Client::ready`] finds out.
    pub fn is_ready(&self) -> bool {
        self.breaker_state() == BreakerState::Closed && self.transport.clock_skew().is_some()
    }

    /// Succeeds if calls are let through now. Sends the probe if the circuit is half-open, or if no response has
    /// shown the portal's time yet.
    ///
    /// Each call sends the probe of a half-open circuit by itself.
    pub async fn ready(&self) -> Result<(), Error> {
        self.transport.ready().await
    }

    /// The state of the circuit breaker.
    pub fn breaker_state(&self) -> BreakerState<OpenReason> {
        self.transport.gate.breaker_state()
    }

    /// Why the circuit is open or half-open; `None` if it is closed.
    pub fn open_reason(&self) -> Option<OpenReason> {
        self.transport.gate.open_reason()
    }

    /// Whether the circuit closed since [`Client::forget_recovery`] was last called.
    pub fn has_recovered(&self) -> bool {
        self.transport.gate.has_recovered()
    }

    /// Forgets that the circuit closed, once that was acted on.
    pub fn forget_recovery(&self) {
        self.transport.gate.forget_recovery();
    }

    /// Whether the portal accepted the key when it last showed that; false before its first response.
    pub fn has_accepted_key(&self) -> bool {
        self.transport.gate.has_accepted_key()
    }

    /// Our own limits on calls.
    pub fn budget(&self) -> &Budget {
        self.transport.gate.budget()
    }

    /// How many of the portal's writes a day are left, as far as the writes since midnight UTC are known.
    pub fn writes_left_today(&self) -> u64 {
        self.budget().writes_left_today(self.transport.clock.now())
    }

    /// How many calls can start at once now.
    pub fn calls_left(&self) -> u32 {
        self.budget().calls_left(self.transport.clock.now())
    }

    /// Whether work in the background can call the portal without delaying other work.
    pub fn has_spare_calls(&self) -> bool {
        self.budget().has_spare_calls(self.transport.clock.now())
    }

    /// The time before which no write should start, because the day's writes run out.
    pub fn no_write_before(&self) -> Option<Timestamp> {
        self.budget().no_write_before(self.transport.clock.now())
    }

    /// The time on the portal's clock, to about a second.
    pub fn portal_time(&self) -> Timestamp {
        self.to_portal_time(self.transport.clock.now())
    }

    /// Converts a time of our clock to the portal's clock, to about a second.
    pub fn to_portal_time(&self, time: Timestamp) -> Timestamp {
        time.checked_add(self.clock_skew()).unwrap_or(time)
    }

    /// How far the portal's clock is ahead of ours, from its last response; to about a second.
    pub fn clock_skew(&self) -> SignedDuration {
        self.transport.clock_skew().unwrap_or_default()
    }

    /// Makes a call to learn the portal's time, unless a response has shown it already.
    pub async fn learn_portal_time(&self) -> Result<(), Error> {
        if self.transport.clock_skew().is_some() {
            return Ok(());
        }
        let probe = self
            .transport
            .read::<IgnoredAny>(PortalCall::list(probe_path()));
        probe.await.map(drop)
    }
}
