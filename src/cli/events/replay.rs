//! `events replay`: shows what a replay would change, and orders it.

use std::process::ExitCode;

use crate::cli::author::author;
use crate::cli::evaluation::evaluator;
use crate::cli::exit::usage_error;
use crate::cli::output::{DIM, Table, count, print_lines, styled, terminal_width};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::{Db, StoreError};
use crate::ids::InboxId;
use crate::journal;
use crate::replay::{self, ReplayMode, ReplayPreview, Replayed};
use crate::rules::RuleSet;

use super::selection::Selection;
use super::unknown_event;

/// Shows what the replay changes; if it is confirmed, orders it.
pub(super) async fn run(
    settings: &Settings,
    db: &Db,
    selection: Selection,
    mode: ReplayMode,
    clock: &Clock,
) -> anyhow::Result<ExitCode> {
    let (events, is_confirmed) = match selection {
        Selection::Events(events) => (events, true),
        Selection::Matching {
            filter,
            is_confirmed,
        } => {
            let events = db.read(move |sql| journal::select(sql, &filter)).await?;
            (events, is_confirmed)
        }
    };
    if events.is_empty() {
        print_lines(["There is nothing to replay."]);
        return Ok(ExitCode::SUCCESS);
    }
    print_lines(describe(settings, db, &events, mode).await?);
    if !is_confirmed {
        let events = count(events.len(), "event");
        return Ok(usage_error(&format!(
            "nothing was changed: this replays {events}; add --all to confirm"
        )));
    }
    let now = clock.now();
    let replayed = replay::order(db, &events, mode, &author(settings), now).await?;
    Ok(report(&replayed, mode))
}

/// How many events are replayed, and what that changes.
async fn describe(
    settings: &Settings,
    db: &Db,
    events: &[InboxId],
    mode: ReplayMode,
) -> Result<Vec<String>, StoreError> {
    let selected = count(events.len(), "event");
    if mode == ReplayMode::AsPlanned {
        return Ok(vec![format!("{selected}, with the plans that they have.")]);
    }
    let rules = match settings.rules() {
        Ok(configured) if !configured.rules.is_empty() => RuleSet::new(configured.rules),
        Ok(_) | Err(_) => {
            return Ok(vec![format!(
                "{selected}. This command has no rules in its configuration, so it does not show what changes; \
                 use --env-file with the file of the service."
            )]);
        }
    };
    let preview = replay::preview(db, &rules, &evaluator(settings), events).await?;
    Ok(render(&preview))
}

fn render(preview: &ReplayPreview) -> Vec<String> {
    if preview.events == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!("{}:", count(preview.events, "event"))];
    let mut table = Table::new().indented(2).with_numbers(0);
    for (change, events) in &preview.changes {
        table.row([events.to_string(), change.clone()]);
    }
    for (why, events) in &preview.unknown {
        table.row([events.to_string(), format!("cannot be decided now: {why}")]);
    }
    if preview.unchanged > 0 {
        let nothing = "unchanged: no rule plans anything".to_owned();
        table.row([preview.unchanged.to_string(), nothing]);
    }
    lines.extend(table.lines(terminal_width()));
    if preview.evaluated < preview.events {
        let remark = format!(
            "The numbers are those of the first {} events.",
            preview.evaluated
        );
        lines.push(styled(DIM, &remark));
    }
    lines
}

fn report(replayed: &Replayed, mode: ReplayMode) -> ExitCode {
    for id in &replayed.nothing {
        print_lines([match mode {
            ReplayMode::AsPlanned => format!("Event {id} has no dead letters."),
            ReplayMode::CurrentRules => {
                format!("Event {id} is not readable; there are no rules to evaluate.")
            }
        }]);
    }
    if replayed.reevaluating > 0 {
        print_lines([format!(
            "Replaying {}: a running service evaluates its current rules again at once; otherwise it does when it \
             starts.",
            count(replayed.reevaluating, "event")
        )]);
    }
    if replayed.retried > 0 {
        let retried = count(replayed.retried, "action");
        print_lines([format!("Retrying {retried}, as planned.")]);
    }
    let mut code = ExitCode::SUCCESS;
    for id in &replayed.not_found {
        code = unknown_event(id.0);
    }
    code
}
