//! Replays and discards that a person orders: what a replay would change, and ordering both. The commands and the
//! console use the same functions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{self, Author, ChangeKind};
use crate::db::{Db, Sql, SqlError, StoreError};
use crate::evaluator::Evaluator;
use crate::event::Event;
use crate::ids::InboxId;
use crate::inbox::{self, Discarded, Replay};
use crate::journal;
use crate::rules::{Facts, RuleSet};

/// Events changed per transaction, so that deliveries do not wait long for the store.
const BATCH: usize = 200;

/// The most events whose changes a preview finds out.
const PREVIEWED: usize = 1_000;

/// What a replay of some events would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayPreview {
    /// The events.
    pub events: usize,
    /// How many of them were evaluated: not more than a thousand.
    pub evaluated: usize,
    /// Each change in words, and how many of the evaluated events it concerns.
    pub changes: BTreeMap<String, usize>,
    /// How many of the evaluated events would not change.
    pub unchanged: usize,
    /// Why the rest cannot be evaluated, and how many of them.
    pub unknown: BTreeMap<String, usize>,
}

/// Finds out what a replay of these events would change under these rules. Changes nothing.
pub async fn preview(
    db: &Db,
    rules: &RuleSet,
    evaluator: &Evaluator,
    events: &[InboxId],
) -> Result<ReplayPreview, StoreError> {
    let mut preview = ReplayPreview {
        events: events.len(),
        ..ReplayPreview::default()
    };
    for &id in events.iter().take(PREVIEWED) {
        match preview_one(db, rules, evaluator, id).await? {
            EventPreview::NoSuchEvent => {
                preview.events -= 1;
                continue;
            }
            EventPreview::Changes(changes) if changes.is_empty() => preview.unchanged += 1,
            EventPreview::Changes(changes) => {
                for change in changes {
                    *preview.changes.entry(change).or_default() += 1;
                }
            }
            EventPreview::Unknown(why) => *preview.unknown.entry(why).or_default() += 1,
        }
        preview.evaluated += 1;
    }
    Ok(preview)
}

/// What a replay of one event would change.
enum EventPreview {
    /// In words.
    Changes(Vec<String>),
    /// Why that is not known.
    Unknown(String),
    NoSuchEvent,
}

async fn preview_one(
    db: &Db,
    rules: &RuleSet,
    evaluator: &Evaluator,
    id: InboxId,
) -> Result<EventPreview, StoreError> {
    let Some((body, happened_at)) = db.read(move |sql| inbox::body(sql, id)).await? else {
        return Ok(EventPreview::NoSuchEvent);
    };
    let Ok(mut event) = Event::parse(&body) else {
        let why = "the body is not an event".to_owned();
        return Ok(EventPreview::Unknown(why));
    };
    event.happened_at.get_or_insert(happened_at);
    let stored = event.clone();
    let origin = db.read(move |sql| inbox::origin(sql, &stored)).await?;
    let mut facts = Facts {
        caused_by: origin.rules(),
        ..Facts::delivered(&event, &body)
    };
    let decided = evaluator
        .evaluate(&mut facts, |facts| rules.decide(facts))
        .await;
    let decisions = match decided {
        Ok(decisions) => decisions,
        Err(why) => return Ok(EventPreview::Unknown(why)),
    };
    let changes = db
        .read(move |sql| inbox::preview_replay(sql, id, &decisions))
        .await?;
    let words = changes.iter().map(journal::change_text);
    Ok(EventPreview::Changes(words.collect()))
}

/// How events are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayMode {
    /// The current rules decide again.
    CurrentRules,
    /// What failed or was discarded is tried again with the plan that it has.
    AsPlanned,
}

/// What ordering a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Events that the current rules decide again.
    pub reevaluating: usize,
    /// Actions and decisions that are tried again as planned.
    pub retried: usize,
    /// Events that have nothing to replay.
    pub nothing: Vec<InboxId>,
    /// Numbers for which there is no event.
    pub not_found: Vec<InboxId>,
}

/// Orders the replay of these events.
pub async fn order(
    db: &Db,
    events: &[InboxId],
    mode: ReplayMode,
    author: &Author,
    now: Timestamp,
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    for batch in events.chunks(BATCH) {
        let (batch, author) = (batch.to_vec(), author.clone());
        let ordered = db.write(move |sql| {
            let mut ordered = Vec::new();
            for &id in &batch {
                ordered.push((id, order_one(sql, id, mode, &author, now)?));
            }
            let replayed = ordered.iter().filter(|(_, outcome)| match outcome {
                Some(Ordered::Reevaluating) => true,
                Some(Ordered::Retried(count)) => *count > 0,
                Some(Ordered::Nothing) | None => false,
            });
            let replayed: Vec<InboxId> = replayed.map(|(id, _)| *id).collect();
            let remark = (mode == ReplayMode::AsPlanned).then_some("as planned");
            record(sql, &author, ChangeKind::Replay, &replayed, remark, now)?;
            Ok(ordered)
        });
        for (id, outcome) in ordered.await? {
            match outcome {
                None => replayed.not_found.push(id),
                Some(Ordered::Reevaluating) => replayed.reevaluating += 1,
                Some(Ordered::Retried(0) | Ordered::Nothing) => replayed.nothing.push(id),
                Some(Ordered::Retried(count)) => replayed.retried += count,
            }
        }
    }
    Ok(replayed)
}

enum Ordered {
    Reevaluating,
    Retried(usize),
    Nothing,
}

fn order_one(
    sql: &Sql,
    id: InboxId,
    mode: ReplayMode,
    author: &Author,
    now: Timestamp,
) -> Result<Option<Ordered>, SqlError> {
    Ok(match mode {
        ReplayMode::AsPlanned => {
            inbox::replay_as_planned(sql, id, author, now)?.map(Ordered::Retried)
        }
        ReplayMode::CurrentRules => {
            inbox::replay(sql, id, author, now)?.map(|replay| match replay {
                Replay::Reevaluating => Ordered::Reevaluating,
                Replay::NothingToReplay => Ordered::Nothing,
            })
        }
    })
}

/// Discards the dead letters of these events. Returns what was discarded of each; `None` where there is no such event.
pub async fn discard(
    db: &Db,
    events: &[InboxId],
    author: &Author,
    now: Timestamp,
) -> Result<Vec<(InboxId, Option<Discarded>)>, StoreError> {
    let mut all = Vec::new();
    for batch in events.chunks(BATCH) {
        let (batch, author) = (batch.to_vec(), author.clone());
        let discarded = db.write(move |sql| {
            let mut results = Vec::new();
            for &id in &batch {
                results.push((id, inbox::discard(sql, id, now)?));
            }
            let is_some = |discarded: &Discarded| *discarded != Discarded::default();
            let discarded = results
                .iter()
                .filter(|(_, discarded)| discarded.as_ref().is_some_and(is_some));
            let discarded: Vec<InboxId> = discarded.map(|(id, _)| *id).collect();
            record(sql, &author, ChangeKind::Discard, &discarded, None, now)?;
            Ok(results)
        });
        all.extend(discarded.await?);
    }
    Ok(all)
}

/// Records a change of some events, if there are any.
fn record(
    sql: &Sql,
    author: &Author,
    what: ChangeKind,
    events: &[InboxId],
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), SqlError> {
    let subject = match events {
        [] => return Ok(()),
        [event] => format!("event {event}"),
        [first, .., last] => format!("{} events, {first} to {last}", events.len()),
    };
    audit::record(sql, author, what, &subject, detail, now)
}
