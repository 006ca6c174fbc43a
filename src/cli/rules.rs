//! `docspace-courier rules`: shows the active rules, explains their decisions, and tries them on past events.
//! Nothing is executed or changed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde::Serialize;

use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::event::Event;
use crate::inbox;
use crate::journal;
use crate::rules::{Explanation, Facts, RuleSet, Verdict};
use crate::text::clean;

use super::events;
use super::output::{DIM, STRONG, Table, print_json, print_lines, styled, terminal_width};

mod asking;
mod list;
mod trial;

use asking::Asking;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The rules come from the environment and RULES_FILE, as a service that is started or reloaded now \
                  would use them."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print a JSON array instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explain for each rule which conditions hold for an event, with the values seen.
    Explain(ExplainArgs),
    /// Compare what the rules would decide for past events with what was decided, without executing anything.
    Try(trial::Args),
}

#[derive(Debug, clap::Args)]
struct ExplainArgs {
    /// An event's number in `events list`, or a file that contains the JSON body of a delivery.
    #[arg(value_name = "EVENT_ID | FILE.json")]
    event: String,

    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand, or lists the rules.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let rules = settings.rules()?.rules;
    match args.command {
        None => {
            let rules = list::views(&rules);
            if args.json {
                print_json(&rules)?;
            } else {
                print_lines(list::render(&rules));
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Explain(explain_args)) => {
            explain(settings, &RuleSet::new(rules), explain_args).await
        }
        Some(Command::Try(try_args)) => trial::run(settings, &RuleSet::new(rules), try_args).await,
    }
}

/// What `explain --json` prints.
#[derive(Debug, Serialize)]
struct Explained {
    /// Questions that the portal was asked.
    asked: Vec<String>,
    /// Why it could not be asked; while the service runs, the event waits then.
    unanswered: Option<String>,
    rules: Vec<Explanation>,
}

async fn explain(
    settings: &Settings,
    rules: &RuleSet,
    args: ExplainArgs,
) -> anyhow::Result<ExitCode> {
    let (event, made_by) = match args.event.parse::<i64>() {
        Ok(number) => stored(settings, number).await?,
        Err(_) => (from_file(&args.event)?, Vec::new()),
    };
    let mut asking = Asking::new(settings, Clock::system());
    let answers = asking
        .answer(&event, &made_by, |facts| rules.explanation_needs(facts))
        .await;
    let explained = Explained {
        rules: rules.explain(answers.facts(&event, &made_by)),
        asked: answers.asked,
        unanswered: answers.unanswered,
    };
    if args.json {
        print_json(&explained)?;
    } else {
        print_lines(render(&event, &explained));
    }
    Ok(ExitCode::SUCCESS)
}

/// A stored event, and the rules whose work it tells of.
async fn stored(settings: &Settings, number: i64) -> anyhow::Result<(Event, Vec<String>)> {
    let db = events::open_existing(&settings.database()?)?;
    let Some(story) = db.read(move |sql| journal::find(sql, number)).await? else {
        bail!("there is no event {number}");
    };
    let event = read(&story).context("the event's body is no JSON object, and no rule reads it")?;
    let made_by = made_by(&db, &event).await?;
    Ok((event, made_by))
}

/// Reads a stored body again.
fn read(story: &journal::EventDetails) -> Option<Event> {
    let mut event = Event::parse(&story.body).ok()?;
    event.happened_at.get_or_insert(story.event.happened_at);
    Some(event)
}

async fn made_by(db: &Db, event: &Event) -> anyhow::Result<Vec<String>> {
    let event = event.clone();
    let origin = db.read(move |sql| inbox::origin(sql, &event)).await?;
    Ok(origin.rules().to_vec())
}

fn from_file(path: &str) -> anyhow::Result<Event> {
    let body = std::fs::read(PathBuf::from(path)).with_context(|| {
        format!("{path} is neither the number of an event nor a file that can be read")
    })?;
    Event::parse(&body).with_context(|| format!("{path} is no delivery"))
}

fn render(event: &Event, explained: &Explained) -> Vec<String> {
    let mut lines = vec![styled(STRONG, &heading(event))];
    for question in &explained.asked {
        let remark = format!("Requested from the portal: {question}.");
        lines.push(styled(DIM, &remark));
    }
    if let Some(why) = &explained.unanswered {
        lines.push(format!(
            "The portal could not be asked ({why}). In a running service, the event would wait."
        ));
    }
    if explained.rules.is_empty() {
        lines.push(list::NO_RULES.to_owned());
    }
    for rule in &explained.rules {
        let verdict = match rule.verdict {
            Verdict::Held => "matches:",
            Verdict::Failed => "does not match:",
            Verdict::Unknown => "is undecided:",
        };
        let name = styled(STRONG, &clean(&rule.rule));
        let says = clean(&rule.says);
        lines.extend([String::new(), format!("{name} {verdict} {says}")]);
        let mut table = Table::new().indented(2);
        for line in &rule.lines {
            let verdict = match line.verdict {
                Verdict::Held => "held",
                Verdict::Failed => "failed",
                Verdict::Unknown => "unknown",
            };
            table.row([
                verdict.to_owned(),
                line.field.to_owned(),
                clean(&line.reason),
                format!("seen: {}", clean(&line.value)),
            ]);
        }
        lines.extend(table.lines(terminal_width()));
    }
    lines
}

fn heading(event: &Event) -> String {
    let trigger = event
        .trigger
        .as_ref()
        .map_or("no trigger", |trigger| trigger.as_str());
    match &event.entry {
        None => format!("{trigger}, about no file"),
        Some(entry) => {
            let title = entry.title.as_deref().map_or_else(
                || "a file without a title".to_owned(),
                |title| format!("“{}”", clean(title)),
            );
            format!("{trigger} of {title}, id {}", clean(entry.id.as_str()))
        }
    }
}

/// The names of the rules that want an event, with what has been answered.
fn wanting(rules: &RuleSet, facts: Facts<'_>) -> Option<Vec<String>> {
    let decisions = rules.decide(facts).ok()?;
    let wanting = decisions
        .into_iter()
        .filter(|decision| decision.planned.is_some());
    Some(wanting.map(|decision| decision.rule).collect())
}

/// What the portal must be asked before the rules can decide.
fn decision_needs(rules: &RuleSet, facts: Facts<'_>) -> Option<crate::rules::MissingFact> {
    rules.decide(facts).err()
}
