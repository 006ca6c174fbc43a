//! Decides events: asks the rules, and the portal for what the delivery does not tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::OnceCell;
use tracing::{info, warn};

use crate::db::{Sql, SqlError, StoreError};
use crate::docspace::{BreakerState, Error, ErrorClass, FileInfo};
use crate::event::Event;
use crate::ids::{FileId, FolderId};
use crate::inbox::{self, DecisionOutcome, InboxId, Origin, RecordedDecision, Undecided};
use crate::rules::{Decision, Facts, Lookup, MissingFact, RuleSet};

use super::{Step, Worker, backoff};

/// Events decided in one transaction at the most.
const BATCH: u32 = 128;

/// The longest an event waits for a portal that is left alone; ended early when a probe finds it well.
const WAIT_FOR_PORTAL: Duration = Duration::from_secs(30);

/// How long an event waits for a portal that is well again already.
const WAIT_FOR_NOTHING: Duration = Duration::from_secs(1);

/// Events whose questions are asked side by side; attempts need reads, too.
const QUESTIONS_AT_A_TIME: usize = 15;

/// Questions to the portal for one event: its folder's path, its file, the path of where that is now, and
/// who we are.
const QUESTIONS: usize = 4;

/// How long an event waits that may tell of our own work, until that is known.
const WAIT_FOR_OURSELVES: Duration = Duration::from_secs(1);

/// What deciding one event came to.
enum Decided {
    Decisions(Vec<Decision>),
    Later {
        failures: u32,
        until: Timestamp,
        reason: String,
    },
    Dead(String),
}

/// What is known about an event so far.
#[derive(Default)]
struct Known {
    file: Option<Lookup<FileInfo>>,
    path: Option<Lookup<Vec<FolderId>>>,
}

/// An event that cannot be decided from memory.
struct Asked {
    undecided: Undecided,
    event: Event,
    origin: Origin,
}

type PathAnswer = Result<Lookup<Vec<FolderId>>, Arc<Error>>;

/// One round of deciding: by one set of rules, and each folder is asked about once. A failure is an answer,
/// too.
struct Round {
    rules: Arc<RuleSet>,
    folders: Mutex<HashMap<FolderId, Arc<OnceCell<PathAnswer>>>>,
}

impl Round {
    fn by(rules: Arc<RuleSet>) -> Self {
        Self {
            rules,
            folders: Mutex::default(),
        }
    }

    fn of(&self, folder: &FolderId) -> Arc<OnceCell<PathAnswer>> {
        let mut asked = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(asked.entry(folder.clone()).or_default())
    }
}

impl Worker {
    /// Decides the events that are due, up to a bound.
    pub async fn decide_next(&self) -> Result<Step, StoreError> {
        let now = self.clock.now();
        let events = self
            .db
            .read(move |sql| inbox::undecided(sql, now, BATCH))
            .await?;
        if events.is_empty() {
            return Ok(Step::Idle);
        }

        // What needs no question to the portal is decided together; the rest behind it, side by side,
        // but one after the other whatever concerns the same file, to keep its order.
        let round = Round::by(self.rules.get());
        let mut settled = Vec::new();
        let mut to_ask: Vec<Vec<Asked>> = Vec::new();
        let mut files_to_ask: HashMap<FileId, usize> = HashMap::new();
        for undecided in events {
            let event = self.read(&undecided);
            let file = event.entry.as_ref().map(|entry| entry.id.clone());
            let origin = self.origin(&round.rules, &event).await?;
            if origin == Origin::Undetermined {
                let wait = self.wait_for_ourselves(&undecided);
                settled.push((undecided, wait));
                continue;
            }
            let asked = Asked {
                undecided,
                event,
                origin,
            };
            let behind = file.as_ref().and_then(|file| files_to_ask.get(file));
            if let Some(of_file) = behind {
                to_ask[*of_file].push(asked);
            } else if let Some(decisions) = self.decide_from_memory(&round.rules, &asked) {
                settled.push((asked.undecided, Decided::Decisions(decisions)));
            } else {
                files_to_ask.extend(file.map(|file| (file, to_ask.len())));
                to_ask.push(vec![asked]);
            }
        }
        self.record(settled).await?;
        self.ask_side_by_side(&round, to_ask).await?;
        Ok(Step::Worked)
    }

    /// Decides what needs the portal, each list in its order, and writes down what is decided as it comes.
    async fn ask_side_by_side(
        &self,
        round: &Round,
        to_ask: Vec<Vec<Asked>>,
    ) -> Result<(), StoreError> {
        let asking = to_ask.into_iter().map(async |of_one_file| {
            let mut decided = Vec::with_capacity(of_one_file.len());
            for asked in of_one_file {
                let decision = self.decide_by_asking(round, &asked).await;
                decided.push((asked.undecided, decision));
            }
            decided
        });
        let mut answered = stream::iter(asking)
            .buffer_unordered(QUESTIONS_AT_A_TIME)
            .ready_chunks(QUESTIONS_AT_A_TIME);
        while let Some(decided) = answered.next().await {
            self.record(decided.into_iter().flatten().collect()).await?;
        }
        Ok(())
    }

    /// Reads a stored body again; it was read once before it was stored.
    fn read(&self, undecided: &Undecided) -> Event {
        let mut event =
            Event::parse(&undecided.body).expect("only readable bodies are stored to be decided");
        if event.happened_at.is_none() {
            event.happened_at = Some(undecided.position.at);
        }
        if let Some(trigger) = &event.trigger {
            self.paths.note(trigger);
        }
        event
    }

    /// Whether the event tells of our own work, where a rule listens to such events at all.
    async fn origin(&self, rules: &RuleSet, event: &Event) -> Result<Origin, StoreError> {
        if !inbox::may_be_own_effect(event) || !rules.listens_to(event) {
            return Ok(Origin::External);
        }
        let event = event.clone();
        self.db.read(move |sql| inbox::origin(sql, &event)).await
    }

    fn wait_for_ourselves(&self, undecided: &Undecided) -> Decided {
        Decided::Later {
            failures: undecided.failures,
            until: self.clock.now() + WAIT_FOR_OURSELVES,
            reason: "it may tell of a copy of ours whose end is not known yet".to_owned(),
        }
    }

    fn decide_from_memory(&self, rules: &RuleSet, asked: &Asked) -> Option<Vec<Decision>> {
        let mut facts = Facts {
            current_user: self.current_user.get().map(String::as_str),
            caused_by: asked.origin.rules(),
            ..Facts::of(&asked.event)
        };
        match rules.decide(facts) {
            Ok(decisions) => Some(decisions),
            Err(MissingFact::Path(folder)) => {
                let path = Lookup::Found(self.paths.get(&folder, self.clock.now())?);
                facts.path = Some(&path);
                rules.decide(facts).ok()
            }
            Err(MissingFact::File(_) | MissingFact::CurrentUser) => None,
        }
    }

    async fn decide_by_asking(&self, round: &Round, asked: &Asked) -> Decided {
        let undecided = &asked.undecided;
        let mut known = Known::default();
        for _ in 0..=QUESTIONS {
            let facts = Facts {
                event: &asked.event,
                file: known.file.as_ref(),
                path: known.path.as_ref(),
                current_user: self.current_user.get().map(String::as_str),
                caused_by: asked.origin.rules(),
            };
            let need = match round.rules.decide(facts) {
                Ok(decisions) => return Decided::Decisions(decisions),
                Err(need) => need,
            };
            if let Err(error) = self.answer(round, &need, &mut known).await {
                return self.failed_to_ask(undecided, &need, &error);
            }
        }
        Decided::Dead("the rules asked for the same thing again and again".to_owned())
    }

    /// Asks the portal what is needed.
    async fn answer(
        &self,
        round: &Round,
        need: &MissingFact,
        known: &mut Known,
    ) -> Result<(), Arc<Error>> {
        match need {
            MissingFact::File(file) => {
                known.file = Some(looked(self.portal.files().file(file).await)?);
                // The file may have moved on since; its path is another question then.
                known.path = None;
            }
            MissingFact::Path(folder) => {
                let asking = round.of(folder);
                let answer = asking.get_or_init(|| self.folder_path(folder)).await;
                known.path = Some(answer.clone()?);
            }
            MissingFact::CurrentUser => {
                let myself = self.portal.account().current_user().await?;
                let _ = self.current_user.set(myself.id);
            }
        }
        Ok(())
    }

    async fn folder_path(&self, folder: &FolderId) -> PathAnswer {
        if let Some(path) = self.paths.get(folder, self.clock.now()) {
            return Ok(Lookup::Found(path));
        }
        Ok(
            match looked(self.portal.files().folder_path(folder).await)? {
                Lookup::Found(path) => {
                    let folders: Vec<FolderId> = path.into_iter().map(|folder| folder.id).collect();
                    self.paths
                        .insert(folder.clone(), folders.clone(), self.clock.now());
                    Lookup::Found(folders)
                }
                Lookup::NotFound => Lookup::NotFound,
            },
        )
    }

    /// An event is never ignored for lack of an answer: it waits, or becomes a dead letter when the
    /// portal keeps denying this key what it must know.
    fn failed_to_ask(&self, undecided: &Undecided, need: &MissingFact, error: &Error) -> Decided {
        if let Error::CircuitOpen { reason, .. } = error {
            return self.wait_for_portal(undecided, reason.as_str());
        }
        let question = match need {
            MissingFact::File(file) => format!("file {file}"),
            MissingFact::Path(folder) => format!("the path of folder {folder}"),
            MissingFact::CurrentUser => "the key's own user".to_owned(),
        };
        let reason = format!("asking for {question}: {error}");
        match error.class() {
            ErrorClass::Ambiguous | ErrorClass::Permanent => {
                let failures = undecided.failures + 1;
                if failures >= self.max_attempts {
                    return Decided::Dead(reason);
                }
                let until = self.clock.now() + backoff(failures, fastrand::f64());
                Decided::Later {
                    failures,
                    until,
                    reason,
                }
            }
            ErrorClass::Retry if self.portal.open_reason().is_none() => {
                let until = self.clock.now() + backoff(1, fastrand::f64());
                Decided::Later {
                    failures: undecided.failures,
                    until,
                    reason,
                }
            }
            ErrorClass::BudgetExhausted(wait) => Decided::Later {
                failures: undecided.failures,
                until: self.clock.now() + wait,
                reason,
            },
            ErrorClass::Retry
            | ErrorClass::RateLimited(_)
            | ErrorClass::CircuitOpen(_)
            | ErrorClass::KeyRefused => self.wait_for_portal(undecided, &reason),
        }
    }

    fn wait_for_portal(&self, undecided: &Undecided, reason: &str) -> Decided {
        let now = self.clock.now();
        let until = match self.portal.breaker_state() {
            BreakerState::Open(_, until) => until.min(now + WAIT_FOR_PORTAL),
            BreakerState::Closed | BreakerState::HalfOpen(_) => now + WAIT_FOR_NOTHING,
        };
        Decided::Later {
            failures: undecided.failures,
            until,
            reason: reason.to_owned(),
        }
    }

    async fn record(&self, settled: Vec<(Undecided, Decided)>) -> Result<(), StoreError> {
        if settled.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let recorded = self
            .db
            .write(move |sql| {
                settled
                    .iter()
                    .map(|(undecided, decided)| record(sql, undecided, decided, now))
                    .collect::<Result<Vec<_>, SqlError>>()
            })
            .await?;
        for (id, decisions, outcome) in recorded {
            if let Some(outcome) = outcome {
                self.metrics.count_event(outcome);
            }
            for RecordedDecision {
                rule,
                outcome,
                reason,
            } in decisions
            {
                info!(event.id = id.0, rule.name = rule, "{outcome}: {reason}");
            }
        }
        self.wake.outbox.notify_one();
        Ok(())
    }
}

fn record(
    sql: &Sql,
    undecided: &Undecided,
    decided: &Decided,
    now: Timestamp,
) -> Result<(InboxId, Vec<RecordedDecision>, Option<&'static str>), SqlError> {
    let id = undecided.position.event;
    Ok(match decided {
        Decided::Decisions(decisions) => {
            let recorded = inbox::record_decisions(sql, undecided.position, decisions, now)?;
            let outcome = outcome_of(&recorded);
            (id, recorded, Some(outcome.as_str()))
        }
        Decided::Later {
            failures,
            until,
            reason,
        } => {
            info!(event.id = id.0, reason, "the event waits for its decision");
            inbox::postpone(sql, id, *until, *failures, reason)?;
            (id, Vec::new(), None)
        }
        Decided::Dead(reason) => {
            warn!(
                event.id = id.0,
                reason, "given up; the event is a dead letter"
            );
            inbox::give_up(sql, id, reason)?;
            (id, Vec::new(), Some("dead"))
        }
    })
}

/// What the rules together came to, in one word.
fn outcome_of(recorded: &[RecordedDecision]) -> DecisionOutcome {
    let any = |outcome| recorded.iter().any(|rule| rule.outcome == outcome);
    if any(DecisionOutcome::Planned) {
        DecisionOutcome::Planned
    } else if any(DecisionOutcome::Duplicate) {
        DecisionOutcome::Duplicate
    } else {
        DecisionOutcome::Ignored
    }
}

/// Takes 404 as the answer it is.
fn looked<T>(answer: Result<T, Error>) -> Result<Lookup<T>, Arc<Error>> {
    match answer {
        Ok(value) => Ok(Lookup::Found(value)),
        Err(Error::NotFound) => Ok(Lookup::NotFound),
        Err(error) => Err(Arc::new(error)),
    }
}
