//! `rules try`: compares what the rules would decide with what was decided.

use std::process::ExitCode;

use crate::cli::evaluation::evaluator;
use crate::cli::existing_store::open_existing;
use crate::cli::output::{Table, count, print_json, print_lines, terminal_width};
use crate::config::Settings;
use crate::ids::FolderId;
use crate::rules::RuleSet;
use crate::text::{clean, clean_and_cut};
use crate::trial::{self, Comparison, TrialResult};

use super::trial_of_files;

/// Maximum width of a trigger or title.
const TITLE_WIDTH: usize = 32;

/// Maximum width of a list of rules.
const RULES_WIDTH: usize = 40;

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
        None => trial::past_events(&db, rules, &evaluator(settings), args.last).await?,
    };
    let shown =
        |result: &&TrialResult| !args.changes_only || result.comparison() == Comparison::Differs;
    let shown: Vec<&TrialResult> = tried.iter().filter(shown).collect();
    if args.json {
        print_json(&shown)?;
    } else {
        print_lines(render(&shown, &tried));
    }
    Ok(ExitCode::SUCCESS)
}

/// A table of some of the results, and the numbers of all.
fn render(shown: &[&TrialResult], all: &[TrialResult]) -> Vec<String> {
    let noun = match all.first() {
        None => return vec!["No such events.".to_owned()],
        Some(first) if first.file.is_some() => "file",
        Some(_) => "event",
    };
    // Nothing is cut in a file or a pipe.
    let width = terminal_width();
    let cut = |text: &str, max: usize| match width {
        Some(_) => clean_and_cut(text, max),
        None => clean(text),
    };
    let rules = |rules: &Option<Vec<String>>| match rules {
        None => "?".to_owned(),
        Some(none) if none.is_empty() => "-".to_owned(),
        Some(rules) => cut(&rules.join(", "), RULES_WIDTH),
    };
    let mut table = Table::with_header(["ID", "TRIGGER", "TITLE", "DECIDED", "NOW", ""]);
    for result in shown {
        table.row([
            shown_id(result),
            cut(result.trigger.as_deref().unwrap_or("-"), TITLE_WIDTH),
            cut(result.title.as_deref().unwrap_or("-"), TITLE_WIDTH),
            rules(&result.decided),
            rules(&result.today),
            result.comparison().label().to_owned(),
        ]);
    }
    let number = |is: Comparison| all.iter().filter(|it| it.comparison() == is).count();
    let (same, differs) = (number(Comparison::Same), number(Comparison::Differs));
    let undecided = all.len() - same - differs;
    let mut lines = Vec::new();
    if !shown.is_empty() {
        lines.extend(table.lines(width));
        lines.push(String::new());
    }
    for result in shown {
        let id = shown_id(result);
        let changes = result.changes.iter();
        lines.extend(changes.map(|change| format!("{id}: {}", clean(change))));
    }
    if shown.iter().any(|result| !result.changes.is_empty()) {
        lines.push(String::new());
    }
    lines.push(format!(
        "{}: {same} unchanged, {differs} different, {undecided} could not be decided.",
        count(all.len(), noun)
    ));
    lines
}

fn shown_id(result: &TrialResult) -> String {
    match (&result.id, &result.file) {
        (Some(id), _) => id.to_string(),
        (None, Some(file)) => file.to_string(),
        (None, None) => String::new(),
    }
}
