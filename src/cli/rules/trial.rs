//! `rules try`: compares what the rules would decide for past events with what was decided.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::evaluation::evaluator;
use crate::cli::events;
use crate::cli::output::{Table, count, print_json, print_lines, terminal_width};
use crate::config::Settings;
use crate::facts::KnownFacts;
use crate::ids::InboxId;
use crate::inbox::DecisionOutcome;
use crate::journal::{self, EventDetails, EventFilter, EventState};
use crate::rules::{Decision, RuleSet};
use crate::text::clean_and_cut;

use super::stored_event::{caused_by, parse};

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
    /// Number of past events, the newest first.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u32,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// The decisions about one event.
#[derive(Debug, Serialize)]
struct TrialResult {
    id: InboxId,
    trigger: Option<String>,
    title: Option<String>,
    /// The rules that matched when it was decided; `None` if it has not been decided.
    decided: Option<Vec<String>>,
    /// The rules that match now; `None` if a lookup in the portal failed.
    today: Option<Vec<String>>,
}

impl TrialResult {
    fn label(&self) -> &'static str {
        match (&self.decided, &self.today) {
            (_, None) => "would wait",
            (None, _) => "waits",
            (Some(decided), Some(today)) if decided == today => "same",
            _ => "DIFFERS",
        }
    }
}

/// Tries the rules on the last events of the store.
pub(super) async fn run(
    settings: &Settings,
    rules: &RuleSet,
    args: Args,
) -> anyhow::Result<ExitCode> {
    let db = events::open_existing(&settings.database()?)?;
    let listed = db
        .read(move |sql| journal::list(sql, &EventFilter::default(), args.last))
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
        let caused_by = caused_by(&db, &event).await?;
        let mut known = KnownFacts::new(&event, &caused_by);
        let decisions = evaluator
            .evaluate(&mut known, |facts| rules.decide(facts))
            .await;
        tried.push(compare(details, decisions.ok().map(matching)));
    }
    if args.json {
        print_json(&tried)?;
    } else {
        print_lines(render(&tried));
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of the rules that match.
fn matching(decisions: Vec<Decision>) -> Vec<String> {
    let planned = decisions
        .into_iter()
        .filter(|decision| decision.planned.is_some());
    planned.map(|decision| decision.rule).collect()
}

/// A rule whose action another event has done already matched, too.
fn compare(details: EventDetails, today: Option<Vec<String>>) -> TrialResult {
    let undecided = details.decisions.is_empty() && details.event.state == EventState::Waiting;
    let wanted = details.decisions.into_iter();
    let wanted = wanted.filter(|decision| decision.outcome != DecisionOutcome::Ignored);
    let mut decided: Vec<String> = wanted.map(|decision| decision.rule).collect();
    let mut today = today;
    decided.sort();
    if let Some(today) = &mut today {
        today.sort();
    }
    TrialResult {
        id: details.event.id,
        trigger: details.event.trigger,
        title: details.event.title,
        decided: (!undecided).then_some(decided),
        today,
    }
}

fn render(tried: &[TrialResult]) -> Vec<String> {
    if tried.is_empty() {
        return vec!["No such events.".to_owned()];
    }
    let rules = |rules: &Option<Vec<String>>| match rules {
        None => "?".to_owned(),
        Some(none) if none.is_empty() => "-".to_owned(),
        Some(rules) => clean_and_cut(&rules.join(", "), RULES_WIDTH),
    };
    let mut table = Table::with_header(["ID", "TRIGGER", "TITLE", "DECIDED", "NOW", ""]);
    for event in tried {
        table.row([
            event.id.to_string(),
            clean_and_cut(event.trigger.as_deref().unwrap_or("-"), TITLE_WIDTH),
            clean_and_cut(event.title.as_deref().unwrap_or("-"), TITLE_WIDTH),
            rules(&event.decided),
            rules(&event.today),
            event.label().to_owned(),
        ]);
    }
    let number = |label: &str| tried.iter().filter(|event| event.label() == label).count();
    let (same, differs) = (number("same"), number("DIFFERS"));
    let undecided = tried.len() - same - differs;
    let events = count(tried.len(), "event");
    let mut lines = table.lines(terminal_width());
    lines.extend([
        String::new(),
        format!(
            "{events}: {same} unchanged, {differs} different, {undecided} could not be decided."
        ),
    ]);
    lines
}
