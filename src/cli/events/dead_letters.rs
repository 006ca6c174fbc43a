//! `events replay` and `events discard`.

use std::process::ExitCode;

use jiff::Timestamp;

use crate::cli::exit::FAILED;
use crate::cli::output::{count, print_error, print_lines};
use crate::clock::Clock;
use crate::db::{Db, Sql, SqlError, StoreError};
use crate::inbox::{self, Discarded, InboxId, Replay, ReplayedBy};
use crate::journal;

use super::selection::Selection;

/// Events changed per transaction, so that deliveries do not wait long for the store.
const BATCH: usize = 200;

/// Replays the selected events and prints the result.
pub(super) async fn replay(
    db: &Db,
    selection: Selection,
    as_planned: bool,
    clock: &Clock,
) -> anyhow::Result<ExitCode> {
    let selected = events(db, selection).await?;
    if selected.is_empty() {
        print_lines(["There are no dead letters to replay."]);
    }
    let mut code = ExitCode::SUCCESS;
    let (mut replayed, mut retried) = (0, 0);
    for batch in selected.chunks(BATCH) {
        let (batch, now) = (batch.to_vec(), clock.now());
        let replays = db.write(move |sql| {
            batch
                .iter()
                .map(|&id| Ok((id, replay_one(sql, id, as_planned, now)?)))
                .collect::<Result<Vec<_>, SqlError>>()
        });
        for (id, replay) in replays.await? {
            match replay {
                None => code = unknown_event(id.0),
                Some(Replayed::Event(Replay::Reevaluating)) => replayed += 1,
                Some(Replayed::Event(Replay::NothingToReplay)) => {
                    print_lines([format!(
                        "Event {id} is not readable; there are no rules to evaluate."
                    )]);
                }
                Some(Replayed::DeadLetters(0)) => {
                    print_lines([format!("Event {id} has no dead letters.")]);
                }
                Some(Replayed::DeadLetters(count)) => retried += count,
            }
        }
    }
    if replayed > 0 {
        print_lines([format!(
            "Replaying {}: the running service evaluates its current rules again.",
            count(replayed, "event")
        )]);
    }
    if retried > 0 {
        let dead = count(retried, "dead letter");
        print_lines([format!("Retrying {dead}, as planned.")]);
    }
    Ok(code)
}

/// What a replay did with one event.
enum Replayed {
    Event(Replay),
    /// This many are retried as planned.
    DeadLetters(usize),
}

fn replay_one(
    sql: &Sql,
    id: InboxId,
    as_planned: bool,
    now: Timestamp,
) -> Result<Option<Replayed>, SqlError> {
    let by = ReplayedBy::Command;
    Ok(if as_planned {
        inbox::replay_as_planned(sql, id, by, now)?.map(Replayed::DeadLetters)
    } else {
        inbox::replay(sql, id, by, now)?.map(Replayed::Event)
    })
}

/// Discards the dead letters of the selected events and prints the result.
pub(super) async fn discard(
    db: &Db,
    selection: Selection,
    clock: &Clock,
) -> anyhow::Result<ExitCode> {
    let named = matches!(selection, Selection::Events(_));
    let mut code = ExitCode::SUCCESS;
    let mut total = Discarded::default();
    for batch in events(db, selection).await?.chunks(BATCH) {
        let (batch, now) = (batch.to_vec(), clock.now());
        let discards = db.write(move |sql| {
            batch
                .iter()
                .map(|&id| Ok((id, inbox::discard(sql, id, now)?)))
                .collect::<Result<Vec<_>, SqlError>>()
        });
        for (id, discarded) in discards.await? {
            match discarded {
                None => code = unknown_event(id.0),
                Some(nothing) if nothing == Discarded::default() => {
                    if named {
                        code = ExitCode::from(FAILED);
                        print_lines([format!(
                            "Event {id} has no dead letters; only dead letters can be discarded."
                        )]);
                    }
                }
                Some(some) => {
                    total.decisions += some.decisions;
                    total.actions += some.actions;
                    total.behind += some.behind;
                }
            }
        }
    }
    if total != Discarded::default() {
        print_lines([discarded_sentence(total)]);
    } else if !named {
        print_lines(["There are no dead letters to discard."]);
    }
    Ok(code)
}

fn discarded_sentence(total: Discarded) -> String {
    let dead = count(total.decisions + total.actions, "dead letter");
    match total.behind {
        0 => format!("Discarded {dead}."),
        behind => format!(
            "Discarded {dead} and {}.",
            count(behind, "dependent action")
        ),
    }
}

async fn events(db: &Db, selection: Selection) -> Result<Vec<InboxId>, StoreError> {
    let file = match selection {
        Selection::Events(ids) => return Ok(ids),
        Selection::EveryDead => None,
        Selection::DeadOfFile(file) => Some(file),
    };
    db.read(move |sql| journal::with_dead_letters(sql, file.as_deref()))
        .await
}

/// Reports an event that does not exist.
pub(super) fn unknown_event(id: i64) -> ExitCode {
    print_error(&format!("there is no event {id}"));
    ExitCode::from(FAILED)
}
