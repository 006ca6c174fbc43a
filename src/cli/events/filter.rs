//! The options that select events, the same for every subcommand.

use jiff::Timestamp;

use crate::journal::{EventFilter, StateFilter, end_of, start_of};

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct FilterArgs {
    /// Only events with a dead letter; the same as --state dead.
    #[arg(long, conflicts_with_all = ["waiting", "state"])]
    dead: bool,

    /// Only events that are waiting or in progress; the same as --state waiting.
    #[arg(long, conflicts_with = "state")]
    waiting: bool,

    /// Only events in this state.
    #[arg(long, value_name = "STATE")]
    state: Option<StateArg>,

    /// Only events that this rule matched.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,

    /// Only events of this trigger, such as file.uploaded.
    #[arg(long, value_name = "TRIGGER")]
    trigger: Option<String>,

    /// Only events about this file.
    #[arg(long, value_name = "FILE_ID")]
    file: Option<String>,

    /// Only events in this room or folder; see `docspace-courier rooms`.
    ///
    /// An event in a folder of the room counts if its room was looked up when it was decided, as a rule with a room
    /// requires.
    #[arg(long, value_name = "ID")]
    room: Option<String>,

    /// Only events that this person caused, by the id of the account.
    #[arg(long, value_name = "ID")]
    person: Option<String>,

    /// Only events received on this day (UTC) or later, or since a time such as 2026-03-02T09:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = start_of)]
    since: Option<Timestamp>,

    /// Only events received on this day (UTC) or earlier, or before a time.
    #[arg(long, value_name = "DATE", value_parser = end_of)]
    until: Option<Timestamp>,

    /// Only events with this text in the file's title, in any letter case, or with this id.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum StateArg {
    Dead,
    Waiting,
    Held,
    Done,
    Discarded,
    Ignored,
    Unreadable,
}

impl FilterArgs {
    /// The filter; `None` if no option is given.
    pub(super) fn given(self) -> Option<EventFilter> {
        let filter = self.filter();
        (filter != EventFilter::default()).then_some(filter)
    }

    /// The filter.
    pub(super) fn filter(self) -> EventFilter {
        EventFilter {
            states: match self.state {
                Some(state) => state.filter(),
                None if self.dead => StateFilter::Dead,
                None if self.waiting => StateFilter::Waiting,
                None => StateFilter::Any,
            },
            file: self.file,
            room: self.room,
            person: self.person,
            trigger: self.trigger,
            rule: self.rule,
            since: self.since,
            until: self.until,
            search: self.text,
            before: None,
        }
    }
}

impl StateArg {
    fn filter(self) -> StateFilter {
        match self {
            Self::Dead => StateFilter::Dead,
            Self::Waiting => StateFilter::Waiting,
            Self::Held => StateFilter::Held,
            Self::Done => StateFilter::Done,
            Self::Discarded => StateFilter::Discarded,
            Self::Ignored => StateFilter::Ignored,
            Self::Unreadable => StateFilter::Unreadable,
        }
    }
}
