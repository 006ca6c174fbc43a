//! `docspace-courier rules`: the rules in force, why they want an event or not, and what today's rules
//! would have decided. Nothing is run, and nothing is changed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde::Serialize;

use crate::clock::Clock;
use crate::db::Db;
use crate::event::Event;
use crate::inbox;
use crate::journal;
use crate::rules::{Explanation, Facts, RuleSet, Verdict};
use crate::text::clean;

use super::paint::Paint;
use super::{Environment, events, say};

mod asking;
mod list;
mod trial;

use asking::Asking;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The rules are those of the environment and of RULES_FILE, as a service that is started or \
                  reloaded now would have them."
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
    /// Say for each rule which condition holds or fails for an event, with the value it looked at.
    Explain(ExplainArgs),
    /// Say what the rules would decide for the last events, beside what was decided; run nothing.
    Try(trial::Args),
}

#[derive(Debug, clap::Args)]
struct ExplainArgs {
    /// An event's number, as `events list` shows it, or a file with the JSON body of a delivery.
    #[arg(value_name = "EVENT_ID | FILE.json")]
    event: String,

    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand, or lists the rules.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    environment.log_if_asked();
    let rules = environment.rules()?.rules;
    match args.command {
        None => {
            say(&list::render(&rules, args.json, Paint::for_stdout())?);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Explain(explain_args)) => {
            explain(environment, &RuleSet::new(rules), explain_args).await
        }
        Some(Command::Try(try_args)) => {
            trial::run(environment, &RuleSet::new(rules), try_args).await
        }
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
    environment: &Environment,
    rules: &RuleSet,
    args: ExplainArgs,
) -> anyhow::Result<ExitCode> {
    let (event, made_by) = match args.event.parse::<i64>() {
        Ok(number) => stored(environment, number).await?,
        Err(_) => (from_file(&args.event)?, Vec::new()),
    };
    let mut asking = Asking::new(environment, Clock::system());
    let answers = asking
        .answer(&event, &made_by, |facts| rules.explanation_needs(facts))
        .await;
    let explained = Explained {
        rules: rules.explain(answers.facts(&event, &made_by)),
        asked: answers.asked,
        unanswered: answers.unanswered,
    };
    say(&if args.json {
        serde_json::to_string_pretty(&explained)? + "\n"
    } else {
        render(&event, &explained, Paint::for_stdout())
    });
    Ok(ExitCode::SUCCESS)
}

/// A stored event, and the rules whose work it tells of.
async fn stored(environment: &Environment, number: i64) -> anyhow::Result<(Event, Vec<String>)> {
    let db = events::open_existing(&environment.database()?)?;
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

fn render(event: &Event, explained: &Explained, paint: Paint) -> String {
    let mut lines = vec![paint.strong(&heading(event))];
    for question in &explained.asked {
        lines.push(paint.dim(&format!("The portal was asked for {question}.")));
    }
    if let Some(why) = &explained.unanswered {
        lines.push(format!(
            "The portal could not be asked ({why}); while the service runs, the event would wait."
        ));
    }
    if explained.rules.is_empty() {
        lines.push("There is no rule: set one up in the environment or in RULES_FILE.".to_owned());
    }
    for rule in &explained.rules {
        let comes_to = match rule.verdict {
            Verdict::Held => "would",
            Verdict::Failed => "does not want it:",
            Verdict::Unknown => "cannot tell yet:",
        };
        let name = paint.strong(&clean(&rule.rule));
        lines.push(String::new());
        lines.push(format!("{name} {comes_to} {}", clean(&rule.says)));
        let width = rule.lines.iter().map(|line| line.reason.chars().count());
        let width = width.max().unwrap_or(0);
        for line in &rule.lines {
            let verdict = match line.verdict {
                Verdict::Held => "held",
                Verdict::Failed => "failed",
                Verdict::Unknown => "unknown",
            };
            let (field, reason, value) = (line.field, clean(&line.reason), clean(&line.value));
            lines.push(format!(
                "  {verdict:<8}{field:<13}{reason:<width$}  seen: {value}"
            ));
        }
    }
    lines.join("\n") + "\n"
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
