//! Which events `events replay` and `events discard` are about.

use crate::cli::names::event_number;
use crate::ids::InboxId;
use crate::journal::{EventFilter, StateFilter};

use super::filter::FilterArgs;

/// The options that select many events, which a number excludes.
const FILTERS: [&str; 12] = [
    "dead", "waiting", "state", "rule", "trigger", "file", "room", "person", "since", "until",
    "text", "all",
];

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    selected: SelectArgs,

    /// Retry what failed or was discarded with the plan that it has, without evaluating the rules.
    #[arg(long)]
    pub(super) as_planned: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    selected: SelectArgs,
}

#[derive(Debug, clap::Args)]
struct SelectArgs {
    /// Events, by their numbers in `events list`.
    #[arg(value_name = "ID", conflicts_with_all = FILTERS, value_parser = event_number)]
    ids: Vec<i64>,

    #[command(flatten)]
    filter: FilterArgs,

    /// Confirm that all matching events are meant. Without it, the effect is only shown.
    #[arg(long)]
    all: bool,
}

/// The selected events.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Events(Vec<InboxId>),
    Matching {
        filter: EventFilter,
        /// Whether the person confirmed that all are meant.
        is_confirmed: bool,
    },
}

impl ReplayArgs {
    /// The selected events, or how to select some.
    pub(super) fn selection(self) -> Result<Selection, &'static str> {
        self.selected
            .selection()
            .ok_or("name the events to replay, or use --dead --all")
    }
}

impl DiscardArgs {
    /// The selected events, or how to select some. Only dead letters can be discarded.
    pub(super) fn selection(self) -> Result<Selection, &'static str> {
        let mut selection = self
            .selected
            .selection()
            .ok_or("name the events to discard, or use --dead --all")?;
        if let Selection::Matching { filter, .. } = &mut selection {
            filter.states = StateFilter::Dead;
        }
        Ok(selection)
    }
}

impl SelectArgs {
    fn selection(self) -> Option<Selection> {
        if !self.ids.is_empty() {
            let mut ids = self.ids;
            ids.dedup();
            return Some(Selection::Events(ids.into_iter().map(InboxId).collect()));
        }
        Some(Selection::Matching {
            filter: self.filter.given()?,
            is_confirmed: self.all,
        })
    }
}
