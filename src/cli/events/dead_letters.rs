//! `events replay` and `events discard`: what a person orders about dead letters.

use std::process::ExitCode;

use crate::db::{Sql, SqlError};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::inbox::{self, Discarded, InboxId, Replay};
use crate::journal;

use super::{say, unknown};

/// Events changed in one write, so that deliveries are never kept waiting for long.
const BATCH: usize = 200;

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The events, by the number that `events list` shows.
    #[arg(value_name = "ID", conflicts_with_all = ["dead", "file", "all"])]
    ids: Vec<i64>,

    /// Every event with a dead letter; needs --all.
    #[arg(long)]
    dead: bool,

    /// The dead letters of this file; needs --all.
    #[arg(long, value_name = "FILE_ID")]
    file: Option<String>,

    /// Says that all events that match are meant.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiscardArgs {
    /// The events, by the number that `events list` shows.
    #[arg(value_name = "ID", conflicts_with_all = ["dead", "all"])]
    ids: Vec<i64>,

    /// Every event with a dead letter; needs --all.
    #[arg(long)]
    dead: bool,

    /// Says that all events that match are meant.
    #[arg(long)]
    all: bool,
}

/// The events that are meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    These(Vec<InboxId>),
    EveryDead,
    DeadOfFile(String),
}

impl ReplayArgs {
    /// The events that are meant, or what is wrong with the arguments.
    pub(super) fn chosen(self) -> Result<Chosen, &'static str> {
        if !self.ids.is_empty() {
            return Ok(these(self.ids));
        }
        match (self.dead, self.file, self.all) {
            (false, None, _) => Err("name the events to replay, or say --dead --all"),
            (_, _, false) => {
                Err("this replays every dead letter that matches; say --all if you mean it")
            }
            (_, Some(file), true) => Ok(Chosen::DeadOfFile(file)),
            (true, None, true) => Ok(Chosen::EveryDead),
        }
    }
}

impl DiscardArgs {
    /// The events that are meant, or what is wrong with the arguments.
    pub(super) fn chosen(self) -> Result<Chosen, &'static str> {
        if !self.ids.is_empty() {
            return Ok(these(self.ids));
        }
        match (self.dead, self.all) {
            (false, _) => Err("name the events to discard, or say --dead --all"),
            (true, false) => Err("this discards every dead letter; say --all if you mean it"),
            (true, true) => Ok(Chosen::EveryDead),
        }
    }
}

fn these(mut ids: Vec<i64>) -> Chosen {
    ids.dedup();
    Chosen::These(ids.into_iter().map(InboxId).collect())
}

/// Replays the chosen events and says what came of it.
pub(super) async fn replay(db: &Db, chosen: Chosen, clock: &Clock) -> anyhow::Result<ExitCode> {
    let named = matches!(chosen, Chosen::These(_));
    let mut code = ExitCode::SUCCESS;
    let (mut put_back, mut asked_again) = (0, 0);
    for batch in events(db, chosen).await?.chunks(BATCH) {
        let (batch, now) = (batch.to_vec(), clock.now());
        let replays = db.write(move |sql| {
            batch
                .iter()
                .map(|&id| Ok((id, replay_one(sql, id, named, now)?)))
                .collect::<Result<Vec<_>, SqlError>>()
        });
        for (id, replay) in replays.await? {
            match replay {
                None => code = unknown(id.0),
                Some(Replay::Retrying(count)) => put_back += count,
                Some(Replay::Reevaluating) => {
                    asked_again += 1;
                    say(&format!(
                        "Event {id} has no dead letters; the rules that ignored it are asked again.\n"
                    ));
                }
                Some(Replay::NothingToReplay) => say(&format!("Event {id} has no dead letters.\n")),
            }
        }
    }
    if put_back > 0 || asked_again == 0 {
        say(&format!("Put back to work: {}.\n", dead_letters(put_back)));
    }
    Ok(code)
}

/// An event that was found by its dead letters and has none by now must not be put to the rules again.
fn replay_one(
    sql: &Sql,
    id: InboxId,
    named: bool,
    now: Timestamp,
) -> Result<Option<Replay>, SqlError> {
    if named {
        inbox::replay(sql, id, now)
    } else {
        inbox::revive(sql, id, now).map(|count| Some(Replay::Retrying(count)))
    }
}

/// Discards the dead letters of the chosen events and says what came of it.
pub(super) async fn discard(db: &Db, chosen: Chosen, clock: &Clock) -> anyhow::Result<ExitCode> {
    let named = matches!(chosen, Chosen::These(_));
    let mut code = ExitCode::SUCCESS;
    let mut total = Discarded::default();
    for batch in events(db, chosen).await?.chunks(BATCH) {
        let (batch, now) = (batch.to_vec(), clock.now());
        let discards = db.write(move |sql| {
            batch
                .iter()
                .map(|&id| Ok((id, inbox::discard(sql, id, now)?)))
                .collect::<Result<Vec<_>, SqlError>>()
        });
        for (id, discarded) in discards.await? {
            match discarded {
                None => code = unknown(id.0),
                Some(nothing) if nothing == Discarded::default() => {
                    if named {
                        say(&format!(
                            "Event {id} has no dead letters; only these can be discarded.\n"
                        ));
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
    say(&discarded_sentence(total));
    Ok(code)
}

fn discarded_sentence(total: Discarded) -> String {
    let dead = dead_letters(total.decisions + total.actions);
    match total.behind {
        0 => format!("Discarded: {dead}.\n"),
        1 => format!("Discarded: {dead}, and 1 action that waited behind.\n"),
        many => format!("Discarded: {dead}, and {many} actions that waited behind.\n"),
    }
}

async fn events(db: &Db, chosen: Chosen) -> Result<Vec<InboxId>, StoreError> {
    let file = match chosen {
        Chosen::These(ids) => return Ok(ids),
        Chosen::EveryDead => None,
        Chosen::DeadOfFile(file) => Some(file),
    };
    db.read(move |sql| journal::with_dead_letters(sql, file.as_deref()))
        .await
}

fn dead_letters(count: usize) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => "1 dead letter".to_owned(),
        many => format!("{many} dead letters"),
    }
}
