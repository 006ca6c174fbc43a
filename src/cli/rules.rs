//! `docspace-courier rules`: shows the active rules, explains their decisions, tries them on past events, and pauses
//! and resumes them.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::config::{ConfigError, Settings};
use crate::event::Event;
use crate::rules::{Explanation, Facts, Lookup, RuleSet, Verdict};
use crate::text::clean;

use super::evaluation::evaluator;
use super::output::{DIM, STRONG, Table, print_json, print_lines, styled, terminal_width};
use explained::Subject;

mod explained;
mod list;
mod pause;
mod trial;
mod trial_of_files;

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
    /// Explain for each rule which conditions match an event or a file, with the values seen.
    ///
    /// A file is evaluated as if it had just been uploaded to where it is now.
    Explain(ExplainArgs),
    /// List the active rules, as the command alone does.
    List(ListArgs),
    /// Pause a rule: it still matches, and what it plans is held.
    Pause(pause::PauseArgs),
    /// Resume a paused rule, and carry out or discard what is held.
    Resume(pause::ResumeArgs),
    /// Compare what the rules would decide for past events with what was decided, without executing anything.
    Try(trial::Args),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print a JSON array instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ExplainArgs {
    /// An event's number in `events list`, a file's id in DocSpace, or a path to the JSON body of a delivery.
    #[arg(value_name = "EVENT_ID | FILE_ID | FILE.json")]
    subject: String,

    /// The id is that of a file in DocSpace, also if an event has the same number.
    #[arg(long)]
    file: bool,

    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand, or lists the rules.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let rules = || Ok::<_, ConfigError>(RuleSet::new(settings.rules()?.rules));
    match args.command {
        None => list(settings, args.json).await,
        Some(Command::List(list_args)) => list(settings, args.json || list_args.json).await,
        Some(Command::Explain(explain_args)) => explain(settings, &rules()?, explain_args).await,
        // These two work with rules that cannot be read, too.
        Some(Command::Pause(pause_args)) => pause::pause(settings, pause_args).await,
        Some(Command::Resume(resume_args)) => pause::resume(settings, resume_args).await,
        Some(Command::Try(try_args)) => trial::run(settings, &rules()?, try_args).await,
    }
}

async fn list(settings: &Settings, json: bool) -> anyhow::Result<ExitCode> {
    let rules = settings.rules()?;
    let rules = list::views(&rules, &pause::paused_rules(settings).await?);
    if json {
        print_json(&rules)?;
    } else {
        print_lines(list::render(&rules));
    }
    Ok(ExitCode::SUCCESS)
}

/// What `explain --json` prints.
#[derive(Debug, Serialize)]
struct Explained {
    /// What was looked up in the portal.
    #[serde(rename = "asked")]
    lookups: Vec<String>,
    /// Why a lookup failed; while the service runs, the event waits then.
    #[serde(rename = "unanswered")]
    lookup_error: Option<String>,
    rules: Vec<Explanation>,
}

async fn explain(
    settings: &Settings,
    rules: &RuleSet,
    args: ExplainArgs,
) -> anyhow::Result<ExitCode> {
    let Subject {
        event,
        body,
        caused_by,
        file,
    } = if args.file {
        explained::portal_file(settings, &args.subject).await?
    } else {
        explained::find(settings, &args.subject).await?
    };
    let mut facts = Facts {
        caused_by: &caused_by,
        file: file.map(Lookup::Found),
        ..Facts::delivered(&event, &body)
    };
    let needed = |facts: &Facts<'_>| rules.explanation_needs(facts).map_or(Ok(()), Err);
    let complete = evaluator(settings).evaluate(&mut facts, needed).await;
    let explained = Explained {
        lookups: facts.lookups.iter().map(ToString::to_string).collect(),
        lookup_error: complete.err(),
        rules: rules.explain(&facts),
    };
    if args.json {
        print_json(&explained)?;
    } else {
        print_lines(render(&event, &explained));
    }
    Ok(ExitCode::SUCCESS)
}

fn render(event: &Event, explained: &Explained) -> Vec<String> {
    let mut lines = vec![styled(STRONG, &heading(event))];
    for lookup in &explained.lookups {
        let remark = format!("Requested from the portal: {lookup}.");
        lines.push(styled(DIM, &remark));
    }
    if let Some(why) = &explained.lookup_error {
        lines.push(format!(
            "The portal could not be asked ({why}). In a running service, the event would wait."
        ));
    }
    if explained.rules.is_empty() {
        lines.push(list::NO_RULES.to_owned());
    }
    for rule in &explained.rules {
        let verdict = match rule.verdict {
            Verdict::Match => "matches:",
            Verdict::Mismatch => "does not match:",
            Verdict::Unknown => "is undecided:",
        };
        let name = styled(STRONG, &clean(&rule.rule));
        let summary = clean(&rule.summary);
        lines.extend([String::new(), format!("{name} {verdict} {summary}")]);
        let mut table = Table::new().indented(2);
        for line in &rule.lines {
            let verdict = match line.verdict {
                Verdict::Match => "matches",
                Verdict::Mismatch => "does not match",
                Verdict::Unknown => "unknown",
            };
            table.row([
                verdict.to_owned(),
                line.field.to_string(),
                line.reason.clone(),
                format!("seen: {}", line.value),
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
