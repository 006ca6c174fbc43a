//! Backfill: applies rules to files that exist already.
//!
//! A person orders it; the running service does it, one instance at a time. It lists the files of a room or folder
//! (docs/DOCSPACE.md A11.1), lets the rules decide about each as if it had just been uploaded, and plans the
//! actions under the same effect keys, so that nothing is done twice. A page and the position after it are stored
//! together: after a restart it continues where it was. It lists no further while enough of its actions wait, so it
//! stays behind live work and within the day's writes, and uses the same memory however many files there are.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::db::{Db, Sql, SqlError};
use crate::docspace::{self, Client};
use crate::facts::FactFinder;
use crate::ids::EventPosition;
use crate::inbox;
use crate::instances::{self, LeaderRole};
use crate::outbox;
use crate::rules::{ActiveRules, RuleSet};
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

mod estimate;
mod progress;
mod request;
mod sample;
mod scan;
mod stored;

pub use estimate::{Cost, done_at};
pub use progress::Counts;
use progress::Cursor;
pub use request::{BackfillRequest, RequestError, is_about_uploads};
use sample::SAMPLE_SIZE;
pub use sample::SampledFile;
pub use scan::ScanError;
use scan::{Scan, ScannedPage};
pub use stored::{Backfill, BackfillState, latest, order, stop};

/// Actions of a backfill that wait or run before it lists no further: one full call runs and the next is collected.
const MAX_WAITING: u64 = 2 * docspace::FILES_IN_ONE_LARGE_CALL as u64;

/// The wait until waiting actions or used-up calls are looked at again.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// The wait until an order of a person is looked for again.
const IDLE_WAIT: Duration = Duration::from_secs(2);

/// The wait after a failure.
const RETRY_WAIT: Duration = Duration::from_secs(30);

/// What one step of a backfill did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillStep {
    /// No backfill is under way.
    Idle,
    /// Other work comes first.
    Busy,
    /// A page was read.
    Page,
    /// The backfill ended.
    Ended,
}

/// What a backfill would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// What would be ordered.
    pub request: BackfillRequest,
    /// How much was read and found.
    #[serde(flatten)]
    pub counts: Counts,
    /// What carrying it out costs.
    pub cost: Cost,
    /// The first files for which something would be done.
    pub sample: Vec<SampledFile>,
}

/// Carries out backfills.
#[derive(Clone, Debug)]
pub struct Backfiller {
    /// The store.
    pub db: Db,
    /// The portal.
    pub portal: Arc<Client>,
    /// The active rules.
    pub rules: ActiveRules,
    /// Finds out what rules need and a listing does not say.
    pub facts: Arc<FactFinder>,
    /// The time of day.
    pub clock: Clock,
    /// Notified of new actions.
    pub wake: Arc<Wake>,
}

impl Backfiller {
    /// Carries out what is ordered, until stopped.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let wait = match self.step_as_leader().await {
                Ok(BackfillStep::Page | BackfillStep::Ended) => Duration::ZERO,
                Ok(BackfillStep::Busy) => BUSY_WAIT,
                Ok(BackfillStep::Idle) => IDLE_WAIT,
                // The client has logged why the circuit is open.
                Err(ScanError::Portal(docspace::Error::CircuitOpen { .. })) => RETRY_WAIT,
                Err(error) => {
                    warn!(error = %ErrorChain(&error), "a backfill cannot go on; retrying");
                    RETRY_WAIT
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn step_as_leader(&self) -> Result<BackfillStep, ScanError> {
        let is_ordered = self.db.read(stored::running).await?.is_some();
        if !is_ordered || !instances::holds_role(&self.db, LeaderRole::Backfill).await? {
            return Ok(BackfillStep::Idle);
        }
        self.step().await
    }

    /// Reads the next page of the current backfill, and plans what the rules say about its files.
    pub async fn step(&self) -> Result<BackfillStep, ScanError> {
        let read = self
            .db
            .read(|sql| Ok((stored::running(sql)?, outbox::background_actions(sql)?)));
        let (Some(backfill), waiting) = read.await? else {
            return Ok(BackfillStep::Idle);
        };
        if waiting >= MAX_WAITING || !self.portal.has_spare_calls() {
            return Ok(BackfillStep::Busy);
        }
        let active = self.rules.get();
        let rules = match backfill.request.rules(active.rules()) {
            Ok(rules) => rules,
            Err(error) => {
                let reason = error.to_string();
                warn!(backfill.id = backfill.id, reason, "the backfill is stopped");
                let now = self.clock.now();
                self.db
                    .write(move |sql| stored::stop_running(sql, &reason, now))
                    .await?;
                return Ok(BackfillStep::Ended);
            }
        };
        let scan = self.scan(&rules, &backfill.request);
        let page = scan.page(&backfill.cursor).await?;
        let is_last = page.next.is_none();
        let now = self.clock.now();
        let id = backfill.id;
        let stored = self
            .db
            .write(move |sql| store_page(sql, &backfill, &page, now));
        if !stored.await? {
            return Ok(BackfillStep::Busy);
        }
        self.wake.outbox.notify_one();
        if is_last {
            info!(backfill.id = id, "the backfill has read all files");
            return Ok(BackfillStep::Ended);
        }
        Ok(BackfillStep::Page)
    }

    /// Finds out what a backfill would do. Changes nothing.
    pub async fn survey(
        &self,
        rules: &RuleSet,
        request: BackfillRequest,
    ) -> Result<Survey, ScanError> {
        let mut counts = Counts::default();
        let mut sample = Vec::new();
        let mut cursor = Some(Cursor::default());
        while let Some(current) = cursor.take() {
            let page = self.scan(rules, &request).page(&current).await?;
            counts.add(page.counts);
            let unsampled = SAMPLE_SIZE - sample.len();
            sample.extend(page.found.iter().take(unsampled).map(SampledFile::of));
            cursor = page.next;
        }
        Ok(Survey {
            request,
            counts,
            cost: Cost::of(counts),
            sample,
        })
    }

    fn scan<'a>(&'a self, rules: &'a RuleSet, request: &'a BackfillRequest) -> Scan<'a> {
        Scan {
            db: &self.db,
            portal: &self.portal,
            facts: &self.facts,
            rules,
            request,
        }
    }
}

/// Stores what a page contained and the position after it, unless another instance did so or the backfill was
/// stopped: then nothing is changed, and the result is `false`.
fn store_page(
    sql: &Sql,
    backfill: &Backfill,
    page: &ScannedPage,
    now: Timestamp,
) -> Result<bool, SqlError> {
    if !stored::advance(sql, backfill, page.next.as_ref(), page.counts, now)? {
        return Ok(false);
    }
    for found in &page.found {
        let room = found.room.as_ref();
        let event =
            inbox::insert_decided(sql, &found.event, &found.body, room, &found.decisions, now)?;
        let position = EventPosition {
            event,
            at: found.event.happened_at.unwrap_or(now),
            sequence: None,
        };
        for decision in &found.decisions {
            if let Some(planned) = &decision.planned {
                outbox::plan_in_background(sql, position, &decision.rule, planned, now)?;
            }
        }
    }
    // The reading stops at so many, whether or not a call is full.
    let is_enough = outbox::background_actions(sql)? >= MAX_WAITING;
    if is_enough || page.next.is_none() {
        outbox::release_all_calls(sql, now)?;
    } else {
        outbox::release_full_calls(sql, now)?;
    }
    Ok(true)
}
