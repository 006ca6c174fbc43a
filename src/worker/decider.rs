//! Decides events: evaluates the rules, and writes down their decisions and the planned actions.
//!
//! Events that need nothing from the portal are decided together; the others behind them, several at a
//! time. An event is never ignored for lack of a fact: it waits, or becomes a dead letter when the portal
//! keeps refusing the lookup.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::backoff::backoff;
use crate::circuit_breaker::BreakerState;
use crate::clock::Clock;
use crate::db::{Db, SqlError, StoreError};
use crate::docspace::{Client, Error, ErrorClass};
use crate::event::Event;
use crate::facts::{FactError, FactFinder, SharedLookups};
use crate::ids::{EventPosition, FileId};
use crate::inbox::{self, Origin, Undecided};
use crate::metrics::Metrics;
use crate::outbox;
use crate::rules::{ActiveRules, Decision, EventDecisions, Facts, RuleSet};
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

use super::progress::{Progress, log_store_error, wait_for_work};

mod outcome;

use outcome::EventOutcome;

/// The most events decided in one transaction.
const BATCH: u32 = 128;

/// The most events whose facts are looked up at the same time; attempts need the portal, too.
const CONCURRENT_LOOKUPS: usize = 15;

/// The longest an event waits for an open circuit breaker; a successful probe ends the wait early.
const MAX_BREAKER_WAIT: Duration = Duration::from_secs(30);

/// How long an event waits when the breaker closed again meanwhile.
const CLOSED_BREAKER_WAIT: Duration = Duration::from_secs(1);

/// How long an event waits while the copy that may have caused it is not complete.
const ORIGIN_WAIT: Duration = Duration::from_secs(1);

/// The pause after a batch while deliveries wait for the store: a sender waits for those.
const BACKPRESSURE_PAUSE: Duration = Duration::from_millis(50);

/// Decides the events of the inbox.
#[derive(Debug)]
pub(super) struct Decider {
    pub(super) db: Db,
    pub(super) portal: Arc<Client>,
    pub(super) rules: ActiveRules,
    pub(super) facts: Arc<FactFinder>,
    pub(super) clock: Clock,
    pub(super) wake: Arc<Wake>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) max_attempts: u32,
    /// How long it is known what was done.
    pub(super) retention: Duration,
}

/// An event that cannot be decided from the cache.
struct Pending {
    undecided: Undecided,
    event: Event,
    origin: Origin,
}

impl Pending {
    fn facts(&self) -> Facts<'_> {
        Facts {
            caused_by: self.origin.rules(),
            ..Facts::delivered(&self.event, &self.undecided.body)
        }
    }
}

/// A batch of events, as far as it can be decided without the portal.
#[derive(Default)]
struct EventBatch {
    /// Whether there are actions that create files, which may have caused the events.
    create_files: bool,
    outcomes: Vec<(Undecided, EventOutcome)>,
    /// Those of one file together, in their order.
    pending: Vec<Vec<Pending>>,
    /// Where in `pending` the events of a file are.
    pending_files: HashMap<FileId, usize>,
}

impl Decider {
    /// Decides events until `stop` is cancelled.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.decide_next().await {
                Ok(Progress::Worked) => {
                    if self.db.has_backlog() {
                        tokio::time::sleep(BACKPRESSURE_PAUSE).await;
                    }
                    continue;
                }
                Ok(Progress::Idle) => {}
                Err(error) => log_store_error(&error),
            }
            let now = self.clock.now();
            let next_due = self.db.read(move |sql| inbox::next_due(sql, now)).await;
            let next_due = next_due.ok().flatten();
            wait_for_work(&self.wake.inbox, next_due, &self.clock, &stop).await;
        }
    }

    /// Decides a batch of events that are due.
    pub(super) async fn decide_next(&self) -> Result<Progress, StoreError> {
        let now = self.clock.now();
        let due = self.db.read(move |sql| {
            let events = inbox::undecided(sql, now, BATCH)?;
            let create_files = !events.is_empty() && outbox::create_files(sql)?;
            Ok((events, create_files))
        });
        let (events, create_files) = due.await?;
        if events.is_empty() {
            return Ok(Progress::Idle);
        }
        let rules = self.rules.get();
        let mut batch = EventBatch {
            create_files,
            ..EventBatch::default()
        };
        for undecided in events {
            self.decide_from_cache(&rules, undecided, &mut batch)
                .await?;
        }
        self.record(batch.outcomes).await?;
        self.decide_with_lookups(&rules, batch.pending).await?;
        Ok(Progress::Worked)
    }

    async fn decide_from_cache(
        &self,
        rules: &RuleSet,
        undecided: Undecided,
        batch: &mut EventBatch,
    ) -> Result<(), StoreError> {
        let Some(event) = self.parse(&undecided) else {
            let outcome = EventOutcome::Dead("the stored body is not a JSON object".to_owned());
            batch.outcomes.push((undecided, outcome));
            return Ok(());
        };
        match self.is_outdated(&undecided, &event).await {
            Ok(false) => {}
            Ok(true) => {
                let reason = outdated_reason(&undecided, self.retention);
                let outcome = self.decided(rules.ignore(&reason), &Facts::of(&event));
                batch.outcomes.push((undecided, outcome));
                return Ok(());
            }
            Err(error) => {
                let reason = format!(
                    "it seems older than RETENTION_DAYS, but the portal's time is not known: {error}"
                );
                let outcome = self.lookup_failed(&undecided, &error, reason);
                batch.outcomes.push((undecided, outcome));
                return Ok(());
            }
        }
        let file = event.entry.as_ref().map(|entry| entry.id.clone());
        let origin = self.origin(rules, &event, batch.create_files).await?;
        if origin == Origin::Undetermined {
            let outcome = self.wait_for_origin(&undecided);
            batch.outcomes.push((undecided, outcome));
            return Ok(());
        }
        let pending = Pending {
            undecided,
            event,
            origin,
        };
        // An event behind a pending one of the same file keeps its order.
        let pending_before = file.as_ref().and_then(|file| batch.pending_files.get(file));
        if let Some(of_file) = pending_before {
            batch.pending[*of_file].push(pending);
            return Ok(());
        }
        let mut facts = pending.facts();
        let decisions = self
            .facts
            .evaluate_from_cache(&mut facts, |facts| rules.decide(facts));
        if let Ok(decisions) = decisions {
            let outcome = self.decided(decisions, &facts);
            batch.outcomes.push((pending.undecided, outcome));
        } else {
            let position = batch.pending.len();
            batch
                .pending_files
                .extend(file.map(|file| (file, position)));
            batch.pending.push(vec![pending]);
        }
        Ok(())
    }

    /// Decides events that need the portal, those of one file in their order, and records each decision as
    /// soon as it is made.
    async fn decide_with_lookups(
        &self,
        rules: &RuleSet,
        pending: Vec<Vec<Pending>>,
    ) -> Result<(), StoreError> {
        let lookups = SharedLookups::default();
        let deciding = pending.into_iter().map(async |of_file| {
            let mut outcomes = Vec::with_capacity(of_file.len());
            for pending in of_file {
                let outcome = self.decide_one(rules, &lookups, &pending).await;
                outcomes.push((pending.undecided, outcome));
            }
            outcomes
        });
        let mut decided = stream::iter(deciding)
            .buffer_unordered(CONCURRENT_LOOKUPS)
            .ready_chunks(CONCURRENT_LOOKUPS);
        while let Some(outcomes) = decided.next().await {
            self.record(outcomes.into_iter().flatten().collect())
                .await?;
        }
        Ok(())
    }

    async fn decide_one(
        &self,
        rules: &RuleSet,
        lookups: &SharedLookups,
        pending: &Pending,
    ) -> EventOutcome {
        let mut facts = pending.facts();
        let decide = |facts: &Facts<'_>| rules.decide(facts);
        match self.facts.evaluate(lookups, &mut facts, decide).await {
            Ok(decisions) => self.decided(decisions, &facts),
            Err(error) => self.without_facts(&pending.undecided, &error),
        }
    }

    fn decided(&self, decisions: Vec<Decision>, facts: &Facts<'_>) -> EventOutcome {
        EventOutcome::Decided(EventDecisions {
            by_rule: decisions,
            room: self.facts.known_room(facts),
        })
    }

    /// Parses a stored body. It was parsed before it was stored, so this fails only if the store was changed.
    fn parse(&self, undecided: &Undecided) -> Option<Event> {
        let mut event = Event::parse(&undecided.body).ok()?;
        if event.happened_at.is_none() {
            event.happened_at = Some(undecided.position.at);
        }
        if let Some(trigger) = &event.trigger {
            self.facts.invalidate_after(trigger);
        }
        Some(event)
    }

    /// Whether an event was older than the retention period when it was received: what was done for it may be
    /// forgotten already. A person who has it replayed wants it nevertheless.
    async fn is_outdated(&self, undecided: &Undecided, event: &Event) -> Result<bool, Error> {
        let oldest = undecided.received_at.checked_sub(self.retention);
        let (Some(happened_at), Ok(oldest), None) =
            (event.happened_at, oldest, undecided.replayed_at)
        else {
            return Ok(false);
        };
        let is_older = || happened_at < self.portal.to_portal_time(oldest);
        if !is_older() {
            return Ok(false);
        }
        self.portal.learn_portal_time().await?;
        Ok(is_older())
    }

    /// Where the event comes from, if a rule listens to such events at all.
    async fn origin(
        &self,
        rules: &RuleSet,
        event: &Event,
        create_files: bool,
    ) -> Result<Origin, StoreError> {
        if !inbox::may_be_own_effect(event, create_files) || !rules.listens_to(event) {
            return Ok(Origin::External);
        }
        let event = event.clone();
        self.db.read(move |sql| inbox::origin(sql, &event)).await
    }

    fn wait_for_origin(&self, undecided: &Undecided) -> EventOutcome {
        EventOutcome::Postponed {
            failures: undecided.failures,
            until: self.clock.now() + ORIGIN_WAIT,
            reason: "one of our own copies, which is not complete yet, may have caused it"
                .to_owned(),
        }
    }

    fn without_facts(&self, undecided: &Undecided, error: &FactError) -> EventOutcome {
        let reason = error.to_string();
        match error {
            FactError::CircuitOpen(_) => self.wait_for_breaker(undecided, reason),
            FactError::LookupFailed { error, .. } => self.lookup_failed(undecided, error, reason),
            FactError::TooManyLookups(_) => EventOutcome::Dead(reason),
        }
    }

    fn lookup_failed(&self, undecided: &Undecided, error: &Error, reason: String) -> EventOutcome {
        let postponed = |failures: u32, wait: Duration, reason: String| EventOutcome::Postponed {
            failures,
            until: self.clock.now() + wait,
            reason,
        };
        match error.class() {
            ErrorClass::Ambiguous | ErrorClass::Permanent => {
                let failures = undecided.failures + 1;
                if failures >= self.max_attempts {
                    return EventOutcome::Dead(reason);
                }
                postponed(failures, backoff(failures, fastrand::f64()), reason)
            }
            ErrorClass::Retry if self.portal.open_reason().is_none() => {
                let wait = backoff(1, fastrand::f64());
                postponed(undecided.failures, wait, reason)
            }
            ErrorClass::BudgetExhausted(wait) => postponed(undecided.failures, wait, reason),
            ErrorClass::Withdrawn => postponed(undecided.failures, Duration::ZERO, reason),
            ErrorClass::Retry
            | ErrorClass::RateLimited(_)
            | ErrorClass::CircuitOpen(_)
            | ErrorClass::KeyRefused => self.wait_for_breaker(undecided, reason),
        }
    }

    fn wait_for_breaker(&self, undecided: &Undecided, reason: String) -> EventOutcome {
        let now = self.clock.now();
        let until = match self.portal.breaker_state() {
            BreakerState::Open(_, until) => until.min(now + MAX_BREAKER_WAIT),
            BreakerState::Closed | BreakerState::HalfOpen(_) => now + CLOSED_BREAKER_WAIT,
        };
        EventOutcome::Postponed {
            failures: undecided.failures,
            until,
            reason,
        }
    }

    /// Records outcomes in one commit. If the store refuses one of them for good, the others are recorded without
    /// it, and its event becomes a dead letter.
    async fn record(&self, outcomes: Vec<(Undecided, EventOutcome)>) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let outcomes = Arc::new(outcomes);
        let all = 0..outcomes.len();
        match self.write(&outcomes, all.clone()).await {
            Err(error) if error.is_permanent() => {}
            recorded => return recorded,
        }
        for one in all {
            let Err(error) = self.write(&outcomes, one..one + 1).await else {
                continue;
            };
            if !error.is_permanent() {
                return Err(error);
            }
            let reason = format!("the store refuses its decision: {}", ErrorChain(&error));
            let dead = vec![(outcomes[one].0.clone(), EventOutcome::Dead(reason))];
            self.write(&Arc::new(dead), 0..1).await?;
        }
        Ok(())
    }

    /// Writes some of the outcomes down in one commit, then logs and counts them.
    async fn write(
        &self,
        outcomes: &Arc<Vec<(Undecided, EventOutcome)>>,
        some: Range<usize>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (to_write, range) = (Arc::clone(outcomes), some.clone());
        let recorded = self
            .db
            .write(move |sql| {
                let outcomes = to_write[range.clone()].iter();
                outcomes
                    .map(|(undecided, outcome)| outcome.write(sql, undecided, now))
                    .collect::<Result<Vec<_>, SqlError>>()
            })
            .await?;
        for ((undecided, outcome), decisions) in outcomes[some].iter().zip(&recorded) {
            outcome.log(undecided.position.event, decisions);
            if let Some(label) = outcome.label(decisions) {
                self.metrics.count_event(label);
            }
        }
        self.wake.outbox.notify_one();
        Ok(())
    }
}

fn outdated_reason(undecided: &Undecided, retention: Duration) -> String {
    let EventPosition { at, event, .. } = undecided.position;
    let days = retention.as_secs() / 86_400;
    format!(
        "it happened at {at:.0}, longer ago than RETENTION_DAYS ({days}), so it may have been acted on already; \
         `docspace-courier events replay {event}` acts on it nevertheless"
    )
}
