//! `events discard`.

use std::process::ExitCode;

use crate::audit::Author;
use crate::cli::exit::{FAILED, usage_error};
use crate::cli::output::{count, print_lines};
use crate::clock::Clock;
use crate::db::Db;
use crate::inbox::Discarded;
use crate::journal;
use crate::replay;

use super::selection::Selection;
use super::unknown_event;

/// Discards the dead letters of the selected events and prints the result.
pub(super) async fn run(
    db: &Db,
    selection: Selection,
    author: &Author,
    clock: &Clock,
) -> anyhow::Result<ExitCode> {
    let named = matches!(selection, Selection::Events(_));
    let selected = match selection {
        Selection::Events(events) => events,
        Selection::Matching {
            filter,
            is_confirmed,
        } => {
            let events = db.read(move |sql| journal::select(sql, &filter)).await?;
            if !is_confirmed && !events.is_empty() {
                let events = count(events.len(), "event");
                return Ok(usage_error(&format!(
                    "nothing was changed: this discards the dead letters of {events}; add --all to confirm"
                )));
            }
            events
        }
    };
    let mut code = ExitCode::SUCCESS;
    let results = replay::discard(db, &selected, author, clock.now()).await?;
    let total: Discarded = results.iter().filter_map(|(_, discarded)| *discarded).sum();
    for (id, discarded) in results {
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
            Some(_) => {}
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
