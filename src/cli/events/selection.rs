//! Which events `events replay` and `events discard` are about.

use crate::ids::InboxId;

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// Events, by their numbers in `events list`.
    #[arg(value_name = "ID", conflicts_with_all = ["dead", "file", "all"])]
    ids: Vec<i64>,

    /// Every event with a dead letter; needs --all.
    #[arg(long)]
    dead: bool,

    /// Every event about this file with a dead letter; needs --all.
    #[arg(long, value_name = "FILE_ID")]
    file: Option<String>,

    /// Confirm that all matching events are meant.
    #[arg(long)]
    all: bool,

    /// Retry the dead letters with the plan that they have, without evaluating the rules.
    #[arg(long)]
    pub(super) as_planned: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiscardArgs {
    /// Events, by their numbers in `events list`.
    #[arg(value_name = "ID", conflicts_with_all = ["dead", "all"])]
    ids: Vec<i64>,

    /// Every event with a dead letter; needs --all.
    #[arg(long)]
    dead: bool,

    /// Confirm that all matching events are meant.
    #[arg(long)]
    all: bool,
}

/// The selected events.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Events(Vec<InboxId>),
    EveryDead,
    DeadOfFile(String),
}

impl ReplayArgs {
    /// The selected events, or how to select some.
    pub(super) fn selection(self) -> Result<Selection, &'static str> {
        if !self.ids.is_empty() {
            return Ok(events(self.ids));
        }
        match (self.dead, self.file, self.all) {
            (false, None, _) => Err("name the events to replay, or use --dead --all"),
            (_, _, false) => Err("this replays every matching dead letter; add --all to confirm"),
            (_, Some(file), true) => Ok(Selection::DeadOfFile(file)),
            (true, None, true) => Ok(Selection::EveryDead),
        }
    }
}

impl DiscardArgs {
    /// The selected events, or how to select some.
    pub(super) fn selection(self) -> Result<Selection, &'static str> {
        if !self.ids.is_empty() {
            return Ok(events(self.ids));
        }
        match (self.dead, self.all) {
            (false, _) => Err("name the events to discard, or use --dead --all"),
            (true, false) => Err("this discards every dead letter; add --all to confirm"),
            (true, true) => Ok(Selection::EveryDead),
        }
    }
}

fn events(mut ids: Vec<i64>) -> Selection {
    ids.dedup();
    Selection::Events(ids.into_iter().map(InboxId).collect())
}
