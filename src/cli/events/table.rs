//! The list of events as a table.

use crate::journal::EventView;

use crate::text::{clean_and_cut, time};

/// Widest a title is shown.
const TITLE_WIDTH: usize = 32;

/// Widest a file's id or a trigger is shown; ids of third-party storage are long.
const NAME_WIDTH: usize = 24;

/// Widest a reason is shown; `events show` has all of it.
const REASON_WIDTH: usize = 72;

const HEAD: [&str; 7] = [
    "ID",
    "RECEIVED (UTC)",
    "TRIGGER",
    "TITLE",
    "FILE",
    "STATE",
    "REASON",
];

/// The table, or a sentence when there is nothing to list.
pub(super) fn render(events: &[EventView]) -> String {
    if events.is_empty() {
        return "No such events.\n".to_owned();
    }
    let rows: Vec<[String; 7]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(events.iter().map(cells))
        .collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn cells(event: &EventView) -> [String; 7] {
    let shown = |text: &Option<String>, width| {
        text.as_deref()
            .map_or_else(|| "-".to_owned(), |text| clean_and_cut(text, width))
    };
    [
        event.id.to_string(),
        time(event.received_at),
        shown(&event.trigger, NAME_WIDTH),
        shown(&event.title, TITLE_WIDTH),
        shown(&event.file_id, NAME_WIDTH),
        event.state.as_str().to_owned(),
        clean_and_cut(event.reason.as_deref().unwrap_or_default(), REASON_WIDTH),
    ]
}

fn line(row: &[String; 7], widths: &[usize; 7]) -> String {
    let cells: Vec<String> = row
        .iter()
        .zip(widths)
        .map(|(cell, &width)| format!("{cell:width$}"))
        .collect();
    format!("{}\n", cells.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::InboxId;
    use crate::inbox::Source;
    use crate::journal::EventState;

    fn event(id: i64, title: Option<&str>, state: EventState, reason: Option<&str>) -> EventView {
        let received_at = "2026-03-02T09:00:00Z".parse().unwrap();
        EventView {
            id: InboxId(id),
            webhook_id: Some(3),
            event_id: Some(500 + id),
            trigger: title.map(|_| "file.uploaded".to_owned()),
            file_id: title.map(|_| "9001".to_owned()),
            title: title.map(str::to_owned),
            received_at,
            happened_at: received_at,
            source: Source::Delivery,
            deliveries: 1,
            state,
            reason: reason.map(str::to_owned),
            due_at: None,
        }
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
            render(&events),
            "\
ID  RECEIVED (UTC)       TRIGGER        TITLE                            FILE  STATE       REASON
12  2026-03-02 09:00:00  file.uploaded  plan[31m.docx                    9001  done
11  2026-03-02 09:00:00  file.uploaded  a title that somebody made far…  9001  dead        copy: the file is no longer there
9   2026-03-02 09:00:00  -              -                                -     unreadable  no JSON object
"
        );
        assert_eq!(render(&[]), "No such events.\n");
    }
}
