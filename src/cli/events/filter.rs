//! The options that select events, the same for every subcommand.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::journal::{EventFilter, StateFilter};

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

/// The beginning of a day, or a time.
pub(in crate::cli) fn start_of(text: &str) -> Result<Timestamp, String> {
    time(text, 0)
}

/// The end of a day, or a time.
pub(in crate::cli) fn end_of(text: &str) -> Result<Timestamp, String> {
    time(text, 1)
}

fn time(text: &str, days: i64) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let day = text
        .parse::<Date>()
        .and_then(|day| day.checked_add(days.days()));
    let start = day.and_then(|day| day.to_zoned(TimeZone::UTC));
    start.map(|start| start.timestamp()).map_err(|_| {
        "use a date such as 2026-03-02, or a time such as 2026-03-02T09:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_include_their_end() {
        let check = |parsed: Result<Timestamp, String>, expected: &str| {
            assert_eq!(parsed.map(|time| time.to_string()).as_deref(), Ok(expected));
        };
        check(start_of("2026-03-02"), "2026-03-02T00:00:00Z");
        check(end_of("2026-03-02"), "2026-03-03T00:00:00Z");
        check(end_of("2026-03-02T09:00:00+01:00"), "2026-03-02T08:00:00Z");
        assert!(start_of("yesterday").is_err());
    }
}
