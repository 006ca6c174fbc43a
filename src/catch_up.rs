//! Catch up: fetches what DocSpace could not deliver.
//!
//! After 31 s of retries DocSpace gives a delivery up, but keeps it in its log; from there it is put
//! into the inbox under the same idempotency key (`catch_up/delivery_log.rs`). While a webhook is
//! switched off or deleted nothing is logged at all; then the watched rooms are listed, and files of
//! that time that nobody told us of are put into the inbox (`catch_up/listing.rs`). The effect key keeps
//! both from doing anything twice (docs/DOCSPACE.md 1.5, 1.6, 8).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::db::{Sql, SqlError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::{self, BreakerState, Client, WebhookConfig};
use crate::inbox;
use crate::instances::{self, LeaderRole};
use crate::rules::ActiveRules;
use crate::signature::WebhookSecret;
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

mod delivery_log;
mod listing;

/// The wait after a turn that failed or left deliveries alone that were still under way.
const SOON: Duration = Duration::from_secs(30);

/// Under which name its memory is stored.
const MEMORY: &str = "catch_up";

/// How far a listing reaches back before the last time all was well: deliveries take a while, and the
/// portal's dates are cut to seconds.
const LISTING_SLACK: SignedDuration = SignedDuration::from_mins(1);

/// What catching up works with.
#[derive(Clone, Debug)]
pub struct CatchUp {
    /// The store.
    pub db: Db,
    /// The portal.
    pub portal: Arc<Client>,
    /// The rules, which name the rooms and folders they watch.
    pub rules: ActiveRules,
    /// The secrets of our webhook, by which its deliveries are known.
    pub secrets: Vec<WebhookSecret>,
    /// How far back anything is fetched: longer ago, we have forgotten what was done.
    pub retention: Duration,
    /// The time of day.
    pub clock: Clock,
    /// Told of every new event.
    pub wake: Arc<Wake>,
}

/// How much one turn looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The delivery log; the rooms only when the webhook was off.
    Routine,
    /// The rooms, too.
    Thorough,
}

/// What one turn found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CatchUpReport {
    /// How our webhook was found.
    pub webhook: WebhookState,
    /// Undelivered rows of the log that were looked at.
    pub undelivered: usize,
    /// Those of them that DocSpace may still deliver itself.
    pub under_way: usize,
    /// Those of them that were new to us.
    pub fetched: usize,
    /// Files of the watched rooms that nobody had told us of; `None` when the rooms were not listed.
    pub found: Option<usize>,
}

/// How our webhook was found in the portal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It is there and switched on.
    On,
    /// It is switched off, or was deleted after it had delivered to us.
    Off,
    /// No webhook of the portal is known to be ours.
    NotFound,
    /// The key has no right to read webhooks.
    #[default]
    Hidden,
}

/// Why a turn ended early.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// The portal could not be asked.
    #[error("asking the portal for what it could not deliver")]
    Portal(#[from] docspace::Error),
    /// The store could not be used.
    #[error("storing what the portal could not deliver")]
    Store(#[from] StoreError),
}

/// What is remembered from turn to turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    /// The last turn that read the whole log, in milliseconds.
    read_log_at: Option<i64>,
    /// The last time our webhook was known to be on, in milliseconds.
    well_at: Option<i64>,
    /// Whether it was off at the last turn.
    was_off: bool,
    /// When each of our webhooks was last changed: somebody may have switched it off and on again.
    modified_on: BTreeMap<i64, Option<String>>,
}

impl CatchUp {
    /// Catches up at once and from time to time until told to stop.
    pub async fn run(self, interval: Duration, stop: CancellationToken) {
        let mut depth = Depth::Thorough;
        let mut last_state = None;
        while !stop.is_cancelled() {
            let wait = match self.turn_if_allowed(depth).await {
                Some(Ok(report)) => {
                    report.log(&mut last_state);
                    depth = Depth::Routine;
                    if report.under_way > 0 {
                        SOON.min(interval)
                    } else {
                        interval
                    }
                }
                Some(Err(error)) => {
                    warn!(error = %ErrorChain(&error), "catching up failed; trying again");
                    SOON.min(interval)
                }
                None => SOON.min(interval),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn turn_if_allowed(&self, depth: Depth) -> Option<Result<CatchUpReport, CatchUpError>> {
        match instances::holds_role(&self.db, LeaderRole::CatchUp).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error.into())),
        }
        match self.portal.breaker_state() {
            BreakerState::Open(..) => None,
            BreakerState::Closed | BreakerState::HalfOpen(_) => Some(self.turn(depth).await),
        }
    }

    /// Catches up once.
    pub async fn turn(&self, depth: Depth) -> Result<CatchUpReport, CatchUpError> {
        let now = self.clock.now();
        let memory = self.db.read(recall).await?;
        let mut next = memory.clone();
        let mut report = CatchUpReport::default();

        match self.portal.webhooks().await {
            Ok(webhooks) => {
                let seen = self.db.read(inbox::webhooks).await?;
                let ours = delivery_log::ours(self, &webhooks, &seen).await?;
                report.webhook = state(&ours, !seen.is_empty());
                for webhook in &ours {
                    let since = self.reach(memory.read_log_at, delivery_log::REACH_BACK, now);
                    delivery_log::fetch(self, webhook.id, since, now, &mut report).await?;
                }
                next.read_log_at = Some(now.as_millisecond());
                next.modified_on = ours
                    .iter()
                    .map(|hook| (hook.id.0, hook.modified_on.clone()))
                    .collect();
            }
            Err(docspace::Error::Forbidden) => report.webhook = WebhookState::Hidden,
            Err(error) => return Err(error.into()),
        }

        next.was_off = report.webhook == WebhookState::Off;
        let changed = next.modified_on != memory.modified_on;
        let list = depth == Depth::Thorough || next.was_off || memory.was_off || changed;
        // Before the first turn nothing can have been missed.
        if list && memory.well_at.is_some() {
            let since = self.reach(memory.well_at, LISTING_SLACK, now);
            report.found = Some(listing::find(self, since, now).await?);
        }
        if !next.was_off || memory.well_at.is_none() {
            next.well_at = Some(now.as_millisecond());
        }
        self.db.write(move |sql| remember(sql, &next)).await?;
        self.wake.inbox.notify_one();
        Ok(report)
    }

    /// How far back to look, on the portal's clock.
    fn reach(&self, from_ms: Option<i64>, slack: SignedDuration, now: Timestamp) -> Timestamp {
        let retention = SignedDuration::try_from(self.retention).unwrap_or(SignedDuration::MAX);
        let oldest = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
        let from = from_ms
            .and_then(|from| Timestamp::from_millisecond(from).ok())
            .and_then(|from| from.checked_sub(slack).ok())
            .unwrap_or(oldest);
        self.portal.to_portal_time(from.max(oldest))
    }
}

fn state(ours: &[WebhookConfig], had_one: bool) -> WebhookState {
    if ours.iter().any(|webhook| webhook.enabled) {
        WebhookState::On
    } else if had_one || !ours.is_empty() {
        WebhookState::Off
    } else {
        WebhookState::NotFound
    }
}

/// Whether our webhook was found switched off or deleted at the last turn.
pub fn webhook_is_off(sql: &Sql) -> Result<bool, SqlError> {
    Ok(recall(sql)?.was_off)
}

fn recall(sql: &Sql) -> Result<Memory, SqlError> {
    let text: Option<String> = sql.query_optional(
        "SELECT value FROM state WHERE key = :key",
        &[(":key", MEMORY.into())],
        |row| row.get(0),
    )?;
    // What another version wrote is as good as nothing: the next turn looks further back.
    Ok(text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

fn remember(sql: &Sql, memory: &Memory) -> Result<(), SqlError> {
    let text = serde_json::to_string(memory).expect("the memory is plain data");
    sql.execute(
        "INSERT INTO state (key, value) VALUES (:key, :value)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        &[(":key", MEMORY.into()), (":value", (&text).into())],
    )?;
    Ok(())
}

impl CatchUpReport {
    /// Says what was found; the webhook's state only when it changed.
    fn log(&self, last_state: &mut Option<WebhookState>) {
        let fetched = self.fetched + self.found.unwrap_or(0);
        if fetched > 0 {
            info!(
                from_log = self.fetched,
                from_rooms = self.found.unwrap_or(0),
                "fetched what had not been delivered"
            );
        }
        if last_state.replace(self.webhook) == Some(self.webhook) {
            return;
        }
        match self.webhook {
            WebhookState::On => info!("the portal's webhook is on"),
            WebhookState::Off => error!(
                "THE PORTAL'S WEBHOOK IS SWITCHED OFF OR DELETED: nothing is delivered; \
                 the watched rooms are listed instead. Switch it on again in DocSpace"
            ),
            WebhookState::NotFound => warn!(
                "no webhook of the portal is known to be ours; register one with this service's address"
            ),
            WebhookState::Hidden => warn!(
                "the API key may not read webhooks (it needs the scope *:read): \
                 deliveries that never arrive cannot be fetched"
            ),
        }
    }
}
