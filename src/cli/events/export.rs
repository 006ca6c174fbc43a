//! `events export`: events as CSV, for a spreadsheet or an archive.

use std::process::ExitCode;

use crate::cli::output::print;
use crate::db::Db;
use crate::journal::{self, ActionView, EventFilter, EventView};
use crate::text::clean;

use super::filter::FilterArgs;

/// Events read at once.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Comma-separated values with a header, in UTF-8; the only format.
    #[arg(long)]
    csv: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Prints the matching events, the newest first.
pub(super) async fn run(db: &Db, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let ExportArgs { csv: _, filter } = args;
    let mut filter = filter.filter();
    print(&line(
        &[
            "id",
            "received_at",
            "happened_at",
            "trigger",
            "file_id",
            "title",
            "state",
            "reason",
            "actions",
            "folder_id",
            "room_id",
            "actor",
        ]
        .map(str::to_owned),
    ));
    loop {
        let events = page(db, &filter).await?;
        let Some((last, _)) = events.last() else {
            return Ok(ExitCode::SUCCESS);
        };
        filter.before = Some(last.id);
        let lines = events
            .iter()
            .map(|(event, actions)| line(&cells(event, actions)));
        print(&lines.collect::<String>());
    }
}

async fn page(db: &Db, filter: &EventFilter) -> anyhow::Result<Vec<(EventView, Vec<ActionView>)>> {
    let filter = filter.clone();
    let read = db.read(move |sql| journal::list_with_actions(sql, &filter, PAGE));
    Ok(read.await?)
}

fn cells(event: &EventView, actions: &[ActionView]) -> [String; 12] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        event.id.to_string(),
        event.received_at.to_string(),
        event.happened_at.to_string(),
        text(&event.trigger),
        text(&event.file_id),
        text(&event.title),
        event.state.as_str().to_owned(),
        text(&event.reason),
        journal::actions_text(actions),
        text(&event.folder_id),
        text(&event.room_id),
        text(&event.actor),
    ]
}

fn line<const CELLS: usize>(cells: &[String; CELLS]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    cells.join(",") + "\r\n"
}

/// A cell in quotation marks. A spreadsheet would take a text that begins with one of these characters for a
/// formula, and whoever uploads a file chooses its title.
fn cell(text: &str) -> String {
    let text = clean(text);
    let guard = if text.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        let cells = ["1", "a \"b\", c", "=HYPERLINK(\"x\")", "two\nlines"];
        assert_eq!(
            line(&cells.map(str::to_owned)),
            "\"1\",\"a \"\"b\"\", c\",\"'=HYPERLINK(\"\"x\"\")\",\"two lines\"\r\n"
        );
    }
}
