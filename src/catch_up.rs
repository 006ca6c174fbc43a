//! Catch-up: fetches events that DocSpace could not deliver.
//!
//! DocSpace retries a delivery for 31 s and then gives up, but keeps it in its log; from there the event is
//! stored in the inbox under the same idempotency key (`catch_up/delivery_log.rs`). While a webhook is
//! disabled or deleted, nothing is logged; then the watched rooms are listed, and files that changed in that time
//! and that no delivery reported are stored as uploads (`catch_up/listing.rs`). The effect key prevents that
//! anything is done twice (docs/DOCSPACE.md 1.5, 1.6, 8).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::db::{Db, Sql, StoreError};
use crate::docspace::{self, Client, WebhookConfig};
use crate::inbox;
use crate::instances::{self, LeaderRole};
use crate::rules::ActiveRules;
use crate::signature::WebhookSecret;
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

mod delivery_log;
mod error;
mod listing;
mod progress;
mod report;

pub use error::CatchUpError;
pub use listing::{CALLS_PER_RUN, ListingProgress, listing_progress};
use listing::{Lister, Listing};
use progress::CatchUpProgress;
pub use progress::webhook_is_disabled;
pub use report::{CatchUpReport, WebhookState};

/// The wait after a run that failed, saw deliveries that were still under way, or did not list all rooms.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// How far a listing goes back before the time up to which every change is known: deliveries take a while, and
/// the portal's dates have whole seconds.
const LISTING_OVERLAP: SignedDuration = SignedDuration::from_mins(1);

/// Catches up with one portal.
#[derive(Clone, Debug)]
pub struct CatchUp {
    /// The store.
    pub db: Db,
    /// The portal.
    pub portal: Arc<Client>,
    /// The rules, which name the watched rooms and folders.
    pub rules: ActiveRules,
    /// The webhook's secrets, by which its deliveries are recognised.
    pub secrets: Vec<WebhookSecret>,
    /// How far back events are fetched. Whether older ones were handled is no longer known.
    pub retention: Duration,
    /// The most calls to the portal that a run makes to list rooms; see [`CALLS_PER_RUN`].
    pub calls_per_run: u32,
    /// The time of day.
    pub clock: Clock,
    /// Notified of new events.
    pub wake: Arc<Wake>,
}

/// When a run lists the watched rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRooms {
    /// If the webhook may have been disabled since the last run.
    IfNeeded,
    /// In any case.
    Always,
}

impl CatchUp {
    /// Catches up at once and then at this interval, until stopped.
    pub async fn run(self, interval: Duration, stop: CancellationToken) {
        let mut list_rooms = ListRooms::Always;
        let mut last_state = None;
        while !stop.is_cancelled() {
            let wait = match self.run_if_leader(list_rooms).await {
                Ok(Some(report)) => {
                    report.log(&mut last_state);
                    // A listing that began before the start may not include what happened since.
                    if !report.continued {
                        list_rooms = ListRooms::IfNeeded;
                    }
                    if report.under_way > 0 || report.listing.is_some() {
                        RETRY_INTERVAL.min(interval)
                    } else {
                        interval
                    }
                }
                // The client has logged why the circuit is open.
                Ok(None) | Err(CatchUpError::Portal(docspace::Error::CircuitOpen { .. })) => {
                    RETRY_INTERVAL.min(interval)
                }
                Err(error) => {
                    warn!(error = %ErrorChain(&error), "catching up failed; retrying");
                    RETRY_INTERVAL.min(interval)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn run_if_leader(
        &self,
        list_rooms: ListRooms,
    ) -> Result<Option<CatchUpReport>, CatchUpError> {
        if !instances::holds_role(&self.db, LeaderRole::CatchUp).await? {
            return Ok(None);
        }
        self.run_once(list_rooms).await.map(Some)
    }

    /// Catches up once.
    pub async fn run_once(&self, list_rooms: ListRooms) -> Result<CatchUpReport, CatchUpError> {
        let now = self.clock.now();
        let progress = self.db.read(CatchUpProgress::load).await?;
        let mut next = progress.clone();
        let mut report = CatchUpReport::default();

        match self.portal.webhooks().list().await {
            Ok(webhooks) => {
                let own = self
                    .read_logs(&webhooks, &progress, now, &mut report)
                    .await?;
                next.log_read_at = Some(self.portal.to_portal_time(now));
                next.modified_on = own
                    .into_iter()
                    .map(|webhook| (webhook.id.0, webhook.modified_on))
                    .collect();
            }
            Err(docspace::Error::Forbidden) => report.webhook = WebhookState::Hidden,
            Err(error) => return Err(error.into()),
        }

        next.webhook_disabled = report.webhook == WebhookState::Disabled;
        next.listing_due |= next.webhook_disabled
            || progress.webhook_disabled
            || next.modified_on != progress.modified_on;
        if let Some(complete_until) = progress.complete_until {
            self.list(list_rooms, complete_until, &mut next, now, &mut report)
                .await?;
        } else {
            // Before the first run, no event can have been missed.
            next.complete_until = Some(self.portal.to_portal_time(now));
            next.listing_due = false;
            self.db.write(move |sql| next.save(sql)).await?;
        }
        self.wake.inbox.notify_one();
        Ok(report)
    }

    /// Continues the listing of the watched rooms, or begins one if it is due, and stores the progress.
    async fn list(
        &self,
        list_rooms: ListRooms,
        complete_until: Timestamp,
        next: &mut CatchUpProgress,
        now: Timestamp,
        report: &mut CatchUpReport,
    ) -> Result<(), CatchUpError> {
        let current = self.db.read(Listing::load).await?;
        report.continued = current.is_some();
        let is_due = next.listing_due || list_rooms == ListRooms::Always;
        let listing = match current {
            Some(listing) => self.continue_listing(listing, next.listing_due).await?,
            None if is_due => self.begin_listing(complete_until, next, now).await?,
            None => {
                next.complete_until = Some(self.portal.to_portal_time(now));
                let next = next.clone();
                return Ok(self.db.write(move |sql| next.save(sql)).await?);
            }
        };
        let lister = Lister {
            db: &self.db,
            portal: &self.portal,
            now,
            webhooks_checked_at: self.portal.to_portal_time(now),
            calls_left: self.calls_per_run,
        };
        let run = lister.run(listing).await?;
        report.found = Some(run.found);
        let next = next.clone();
        let save = move |sql: &Sql| {
            let mut next = next.clone();
            if let Some(listing) = &run.completed
                && listing.end(sql)?
            {
                next.complete_until = Some(listing.started_at);
            }
            next.save(sql)?;
            listing_progress(sql)
        };
        report.listing = self.db.write(save).await?;
        Ok(())
    }

    /// The listing that was not completed. If the webhook may have been disabled since it began, the log need not have
    /// what the listing finds from now on; what it has read is read again by the next one, which is due.
    async fn continue_listing(
        &self,
        listing: Listing,
        may_have_been_disabled: bool,
    ) -> Result<Listing, StoreError> {
        if !may_have_been_disabled || listing.may_have_been_disabled {
            return Ok(listing);
        }
        self.db
            .write(move |sql| listing.note_that_webhook_may_have_been_disabled(sql))
            .await
    }

    async fn begin_listing(
        &self,
        complete_until: Timestamp,
        next: &mut CatchUpProgress,
        now: Timestamp,
    ) -> Result<Listing, StoreError> {
        let since = self.since(Some(complete_until), LISTING_OVERLAP, now);
        let started_at = self.portal.to_portal_time(now);
        let listing = Listing::new(started_at, since, next.listing_due);
        next.listing_due = false;
        let (progress, new) = (next.clone(), listing.clone());
        let watched = self.rules.watched_folders();
        let begin = move |sql: &Sql| {
            new.begin(sql, &watched)?;
            progress.save(sql)
        };
        self.db.write(begin).await?;
        Ok(listing)
    }

    /// Reads the logs of our webhooks, which it returns.
    async fn read_logs(
        &self,
        webhooks: &[WebhookConfig],
        progress: &CatchUpProgress,
        now: Timestamp,
        report: &mut CatchUpReport,
    ) -> Result<Vec<WebhookConfig>, CatchUpError> {
        let delivered = self.db.read(inbox::webhooks).await?;
        let own =
            delivery_log::own_webhooks(&self.portal, &self.secrets, webhooks, &delivered).await?;
        report.webhook = state(&own, !delivered.is_empty());
        let since = self.since(progress.log_read_at, delivery_log::READING_OVERLAP, now);
        for webhook in &own {
            let counts =
                delivery_log::fetch(&self.db, &self.portal, webhook.id, since, now).await?;
            report.undelivered += counts.undelivered;
            report.under_way += counts.under_way;
            report.fetched += counts.fetched;
        }
        Ok(own)
    }

    /// From when on to look, on the portal's clock: some time before the last run, but not before what is
    /// retained.
    fn since(&self, last: Option<Timestamp>, overlap: SignedDuration, now: Timestamp) -> Timestamp {
        let retention = SignedDuration::try_from(self.retention).unwrap_or(SignedDuration::MAX);
        let now = self.portal.to_portal_time(now);
        let oldest = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
        let from = last.and_then(|last| last.checked_sub(overlap).ok());
        from.map_or(oldest, |from| from.max(oldest))
    }
}

fn state(own: &[WebhookConfig], has_delivered: bool) -> WebhookState {
    if own.iter().any(|webhook| webhook.enabled) {
        WebhookState::Enabled
    } else if has_delivered || !own.is_empty() {
        WebhookState::Disabled
    } else {
        WebhookState::NotFound
    }
}
