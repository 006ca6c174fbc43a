//! `rules try`: compares what the rules would decide with what was decided.

use std::process::ExitCode;

use crate::cli::evaluation::evaluator;
use crate::cli::existing_store::open_existing;
use crate::cli::output::{print_json, print_lines};
use crate::config::Settings;
use crate::db::Db;
use crate::ids::FolderId;
use crate::inbox::DecisionOutcome;
use crate::journal::{self, EventDetails, EventFilter, EventState};
use crate::rules::{Decision, Facts, RuleSet};

use super::stored_event::{caused_by, parse};
use super::trial_of_files;
use super::trial_result::{TrialResult, matching, plan_changes, render};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Files are evaluated where they are now, so the decision about a file that was moved since the \
                  event may differ for that reason alone."
)]
pub(super) struct Args {
    /// Number of past events, or of files with --room, the newest first.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u32,

    /// Evaluate the files of this room or folder as if they had just been uploaded, not past events.
    #[arg(long, value_name = "ID")]
    room: Option<FolderId>,

    /// Only what the rules decide differently now.
    #[arg(long)]
    changes_only: bool,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// Tries the rules on the last events of the store, or on the files of a room.
pub(super) async fn run(
    settings: &Settings,
    rules: &RuleSet,
    args: Args,
) -> anyhow::Result<ExitCode> {
    let db = open_existing(settings)?;
    let tried = match &args.room {
        Some(room) => trial_of_files::run(settings, &db, rules, room, args.last).await?,
        None => try_events(settings, &db, rules, args.last).await?,
    };
    let shown = |result: &&TrialResult| !args.changes_only || result.differs();
    let shown: Vec<&TrialResult> = tried.iter().filter(shown).collect();
    if args.json {
        print_json(&shown)?;
    } else {
        print_lines(render(&shown, &tried));
    }
    Ok(ExitCode::SUCCESS)
}

async fn try_events(
    settings: &Settings,
    db: &Db,
    rules: &RuleSet,
    last: u32,
) -> anyhow::Result<Vec<TrialResult>> {
    let listed = db
        .read(move |sql| journal::list(sql, &EventFilter::default(), last))
        .await?;
    let evaluator = evaluator(settings);
    let mut tried = Vec::new();
    for event in listed {
        let id = event.id;
        let Some(details) = db.read(move |sql| journal::find(sql, id.0)).await? else {
            continue;
        };
        let Some(event) = parse(&details) else {
            continue;
        };
        let caused_by = caused_by(db, &event).await?;
        let mut facts = Facts {
            caused_by: &caused_by,
            ..Facts::delivered(&event, &details.body)
        };
        let decisions = evaluator
            .evaluate(&mut facts, |facts| rules.decide(facts))
            .await;
        tried.push(compare(details, decisions.ok()));
    }
    Ok(tried)
}

/// A rule whose action another event has done already matched, too.
fn compare(details: EventDetails, today: Option<Vec<Decision>>) -> TrialResult {
    let changes = today.as_deref();
    let changes = changes.map(|today| plan_changes(&details.actions, today));
    let undecided = details.decisions.is_empty() && details.event.state == EventState::Waiting;
    let wanted = details.decisions.into_iter();
    let wanted = wanted.filter(|decision| decision.outcome != DecisionOutcome::Ignored);
    let decided = wanted.map(|decision| decision.rule).collect();
    TrialResult::new(
        Some(details.event.id),
        None,
        details.event.trigger,
        details.event.title,
        (!undecided).then_some(decided),
        today.map(matching),
    )
    .with_changes(changes.unwrap_or_default())
}
