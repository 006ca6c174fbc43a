//! The list of events as a table.

use crate::cli::output::Table;
use crate::journal::{self, ActionView, EventView};
use crate::text::{clean, clean_and_cut, time};

/// Maximum width of a title.
const TITLE_WIDTH: usize = 32;

/// Maximum width of a trigger or a file's id; ids of third-party storage are long.
const NAME_WIDTH: usize = 24;

/// Maximum width of what was done or why not; `events show` prints all of it.
const RESULT_WIDTH: usize = 72;

const HEAD: [&str; 7] = [
    "ID",
    "RECEIVED (UTC)",
    "TRIGGER",
    "TITLE",
    "FILE",
    "STATE",
    "RESULT",
];

/// The table, wrapped to a width if one is given, or a sentence if there are no events.
pub(super) fn render(events: &[(EventView, Vec<ActionView>)], width: Option<u16>) -> Vec<String> {
    if events.is_empty() {
        return vec!["No such events.".to_owned()];
    }
    let mut table = Table::with_header(HEAD);
    for (event, actions) in events {
        table.row(cells(event, actions, clean_and_cut));
    }
    table.lines(width)
}

/// The table with the whole text of each cell, for a file or a pipe.
pub(super) fn render_uncut(events: &[(EventView, Vec<ActionView>)]) -> Vec<String> {
    if events.is_empty() {
        return render(events, None);
    }
    let mut table = Table::with_header(HEAD);
    for (event, actions) in events {
        table.row(cells(event, actions, |text, _| clean(text)));
    }
    table.lines(None)
}

fn cells(
    event: &EventView,
    actions: &[ActionView],
    cut: impl Fn(&str, usize) -> String,
) -> [String; 7] {
    let shown = |text: &Option<String>, width| {
        text.as_deref()
            .map_or_else(|| "-".to_owned(), |text| cut(text, width))
    };
    let result = event.reason.clone();
    let result = result.unwrap_or_else(|| journal::actions_text(actions));
    [
        event.id.to_string(),
        time(event.received_at),
        shown(&event.trigger, NAME_WIDTH),
        shown(&event.title, TITLE_WIDTH),
        shown(&event.file_id, NAME_WIDTH),
        event.state.as_str().to_owned(),
        cut(&result, RESULT_WIDTH),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::InboxId;
    use crate::inbox::Source;
    use crate::journal::EventState;

    fn event(
        id: i64,
        title: Option<&str>,
        state: EventState,
        reason: Option<&str>,
    ) -> (EventView, Vec<ActionView>) {
        let received_at = "2026-03-02T09:00:00Z".parse().unwrap();
        let event = EventView {
            id: InboxId(id),
            webhook_id: Some(3),
            event_id: Some(500 + id),
            trigger: title.map(|_| "file.uploaded".to_owned()),
            file_id: title.map(|_| "9001".to_owned()),
            title: title.map(str::to_owned),
            folder_id: None,
            room_id: None,
            actor: None,
            received_at,
            happened_at: received_at,
            source: Source::Delivery,
            deliveries: 1,
            replayed_at: None,
            replayed_by: None,
            replayed_person: None,
            state,
            reason: reason.map(str::to_owned),
            due_at: None,
        };
        (event, Vec::new())
    }

    #[test]
    fn rows_and_columns() {
        let long = "a title that somebody made far too long to be shown.docx";
        let events = [
            event(12, Some("plan\u{1b}[31m.docx"), EventState::Done, None),
            event(
                11,
                Some(long),
                EventState::Dead,
                Some("copy: the file\nis no longer there"),
            ),
            event(9, None, EventState::Unreadable, Some("no JSON object")),
        ];
        assert_eq!(
            anstream::adapter::strip_str(&render(&events, None).join("\n")).to_string(),
            "\
ID  RECEIVED (UTC)       TRIGGER        TITLE                            FILE  STATE       RESULT
12  2026-03-02 09:00:00  file.uploaded  plan[31m.docx                    9001  done
11  2026-03-02 09:00:00  file.uploaded  a title that somebody made far…  9001  dead        copy: the file is no longer there
9   2026-03-02 09:00:00  -              -                                -     unreadable  no JSON object"
        );
        assert_eq!(render(&[], None), ["No such events."]);
    }
}
