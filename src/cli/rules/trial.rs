//! `rules try`: what today's rules decide for the last events, beside what was decided.

use std::process::ExitCode;

use serde::Serialize;

use crate::clock::Clock;
use crate::ids::InboxId;
use crate::inbox::DecisionOutcome;
use crate::journal::{self, EventDetails, EventFilter, EventState};
use crate::rules::RuleSet;
use crate::text::clean_and_cut;

use super::{Asking, Environment, decision_needs, events, made_by, read, say, wanting};

/// Widest a title is shown.
const TITLE_WIDTH: usize = 32;

/// Widest a list of rules is shown.
const RULES_WIDTH: usize = 40;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Files are looked at where they are now: one that has been moved since may be decided \
                  otherwise for that alone."
)]
pub(super) struct Args {
    /// How many of the last events.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u32,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// One event, then and now.
#[derive(Debug, Serialize)]
struct Tried {
    id: InboxId,
    trigger: Option<String>,
    title: Option<String>,
    /// The rules that planned something when it was decided; nothing while it waits.
    decided: Option<Vec<String>>,
    /// The rules that would plan something now; nothing when it would wait for the portal.
    today: Option<Vec<String>>,
}

impl Tried {
    fn word(&self) -> &'static str {
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
    environment: &Environment,
    rules: &RuleSet,
    args: Args,
) -> anyhow::Result<ExitCode> {
    let db = events::open_existing(&environment.database()?)?;
    let listed = db
        .read(move |sql| journal::list(sql, &EventFilter::default(), args.last))
        .await?;
    let mut asking = Asking::new(environment, Clock::system());
    let mut tried = Vec::new();
    for event in listed {
        let id = event.id;
        let Some(story) = db.read(move |sql| journal::find(sql, id.0)).await? else {
            continue;
        };
        let Some(event) = read(&story) else { continue };
        let made_by = made_by(&db, &event).await?;
        let answers = asking
            .answer(&event, &made_by, |facts| decision_needs(rules, facts))
            .await;
        let today = wanting(rules, answers.facts(&event, &made_by));
        tried.push(compare(story, today));
    }
    say(&if args.json {
        serde_json::to_string_pretty(&tried)? + "\n"
    } else {
        render(&tried)
    });
    Ok(ExitCode::SUCCESS)
}

/// A duplicate was wanted, too: another event had it done.
fn compare(story: EventDetails, today: Option<Vec<String>>) -> Tried {
    let undecided = story.decisions.is_empty() && story.event.state == EventState::Waiting;
    let wanted = story.decisions.into_iter();
    let wanted = wanted.filter(|decision| decision.outcome != DecisionOutcome::Ignored);
    let mut decided: Vec<String> = wanted.map(|decision| decision.rule).collect();
    let mut today = today;
    decided.sort();
    if let Some(today) = &mut today {
        today.sort();
    }
    Tried {
        id: story.event.id,
        trigger: story.event.trigger,
        title: story.event.title,
        decided: (!undecided).then_some(decided),
        today,
    }
}

fn render(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "No such events.\n".to_owned();
    }
    let rules = |rules: &Option<Vec<String>>| match rules {
        None => "?".to_owned(),
        Some(none) if none.is_empty() => "-".to_owned(),
        Some(rules) => clean_and_cut(&rules.join(", "), RULES_WIDTH),
    };
    let head = ["ID", "TRIGGER", "TITLE", "DECIDED", "TODAY", ""].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head)
        .chain(tried.iter().map(|event| {
            [
                event.id.to_string(),
                clean_and_cut(event.trigger.as_deref().unwrap_or("-"), TITLE_WIDTH),
                clean_and_cut(event.title.as_deref().unwrap_or("-"), TITLE_WIDTH),
                rules(&event.decided),
                rules(&event.today),
                event.word().to_owned(),
            ]
        }))
        .collect();
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let mut page = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        page.push_str(cells.join("  ").trim_end());
        page.push('\n');
    }
    let count = |word: &str| tried.iter().filter(|event| event.word() == word).count();
    let (same, differs) = (count("same"), count("DIFFERS"));
    let waiting = tried.len() - same - differs;
    page + &format!(
        "\n{} events: {same} decided the same today, {differs} differently, {waiting} not to be told yet.\n",
        tried.len()
    )
}
