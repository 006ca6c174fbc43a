//! `docspace-courier backfill`: applies rules to files that exist already. The running service does it.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::Author;
use crate::backfill::{
    self, Backfill, BackfillRequest, BackfillState, Counts, RequestError, Survey,
};
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::db::Db;
use crate::docspace::{Client, Error};
use crate::ids::FolderId;
use crate::journal::{end_of, start_of};
use crate::rules::RuleSet;
use crate::service::Parts;
use crate::text::{clean, time};

use super::author::author;
use super::existing_store::open_existing;
use super::exit::{FAILED, usage_error};
use super::names::no_such_rule;
use super::output::{Table, count, print_error, print_json, print_lines, terminal_width};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
#[command(
    override_usage = "docspace-courier backfill --rule <NAME> [OPTIONS]\n       \
                      docspace-courier backfill --status [--json]\n       \
                      docspace-courier backfill --stop",
    after_help = "Each file is decided as if it had just been uploaded. What a rule has done for a file is not done \
                  again, as far as the store remembers it (RETENTION_DAYS): limit older rooms with --since. The \
                  service works behind live deliveries and within half of the portal's writes a day; after a restart \
                  it goes on."
)]
pub struct Args {
    /// The rule to apply; may be given several times.
    #[arg(long = "rule", value_name = "NAME", required_unless_present_any = ["status", "stop"])]
    rules: Vec<String>,

    /// Only files of this room; without it, those of all rooms and folders that the rules watch.
    #[arg(long = "room", value_name = "ID")]
    rooms: Vec<FolderId>,

    /// Only files of this folder and the folders in it.
    #[arg(long = "folder", value_name = "ID")]
    folders: Vec<FolderId>,

    /// Only files created on this day (UTC) or later, or since a time.
    #[arg(long, value_name = "DATE", value_parser = start_of)]
    since: Option<Timestamp>,

    /// Only files created on this day (UTC) or earlier, or before a time.
    #[arg(long, value_name = "DATE", value_parser = end_of)]
    until: Option<Timestamp>,

    /// Run it. Without this, only what it would do is shown.
    #[arg(long)]
    yes: bool,

    /// Show the progress of the latest backfill.
    #[arg(long, conflicts_with_all = ["rules", "yes", "stop"])]
    status: bool,

    /// Stop the backfill that is under way. What it has planned is still carried out.
    #[arg(long, conflicts_with_all = ["rules", "yes"])]
    stop: bool,

    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Shows what a backfill would do, orders it, shows how far it is, or stops it.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    if args.status || args.stop {
        let db = open_existing(settings)?;
        return if args.stop {
            stop(&db, author(settings), &clock).await
        } else {
            status(&db, &clock, args.json).await
        };
    }
    let config = Config::try_from(settings)?;
    let db = open_existing(settings)?;
    let rules = config.rules.clone();
    let places: Vec<FolderId> = args.rooms.into_iter().chain(args.folders).collect();
    let range = (args.since, args.until);
    let request = match BackfillRequest::new(&rules, args.rules, places.clone(), range) {
        Ok(request) => request,
        Err(RequestError::NoSuchRule(name)) => {
            return Ok(usage_error(&no_such_rule(&name, &rules)));
        }
        Err(error) => return Ok(usage_error(&error.to_string())),
    };
    let portal = config.portal.client(clock.clone())?;
    if let Some(place) = missing_place(&portal, &places).await {
        return Ok(usage_error(&format!(
            "there is no room or folder {place}; `docspace-courier rooms --folders` lists all ids"
        )));
    }
    if args.yes {
        return order(&db, request, author(settings), &clock).await;
    }
    let chosen: RuleSet = request.rules(&rules)?;
    let parts = Parts::new(db, &config.portal, rules, clock)?;
    let survey = parts.backfiller().survey(&chosen, request).await?;
    if args.json {
        print_json(&survey)?;
    } else {
        print_lines(render_survey(&survey));
    }
    Ok(ExitCode::SUCCESS)
}

/// The first of these rooms and folders that does not exist. If the portal cannot tell, they count as existing.
async fn missing_place<'a>(portal: &Client, places: &'a [FolderId]) -> Option<&'a FolderId> {
    for place in places {
        if let Err(Error::NotFound) = portal.files().folder(place).await {
            return Some(place);
        }
    }
    None
}

async fn order(
    db: &Db,
    request: BackfillRequest,
    author: Author,
    clock: &Clock,
) -> anyhow::Result<ExitCode> {
    let now = clock.now();
    let ordered = db.write(move |sql| backfill::order(sql, &request, &author, now));
    let Some(id) = ordered.await? else {
        print_error(
            "a backfill is under way; `docspace-courier backfill --status` shows its progress",
        );
        return Ok(ExitCode::from(FAILED));
    };
    print_lines([
        format!(
            "Backfill {id} is queued. A running service begins at once; otherwise it does when it starts."
        ),
        "`docspace-courier backfill --status` shows its progress, --stop stops it.".to_owned(),
    ]);
    Ok(ExitCode::SUCCESS)
}

async fn stop(db: &Db, author: Author, clock: &Clock) -> anyhow::Result<ExitCode> {
    let now = clock.now();
    let stopped = db.write(move |sql| backfill::stop(sql, &author, now));
    if stopped.await? {
        print_lines(["The backfill is stopped. What it has planned is still carried out."]);
        return Ok(ExitCode::SUCCESS);
    }
    print_error("no backfill is under way");
    Ok(ExitCode::from(FAILED))
}

/// What `--status --json` prints.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    backfill: Backfill,
    /// When it will be done, if it goes on at this rate and within the portal's limits; when it ended, if it did.
    done_at: Option<Timestamp>,
}

async fn status(db: &Db, clock: &Clock, json: bool) -> anyhow::Result<ExitCode> {
    let Some(backfill) = db.read(backfill::latest).await? else {
        if json {
            print_json(&None::<Status>)?;
        } else {
            print_lines(["There was no backfill."]);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let is_running = backfill.state == BackfillState::Running;
    let done_at = if is_running {
        backfill::done_at(backfill.counts, backfill.ordered_at, clock.now())
    } else {
        backfill.ended_at
    };
    if json {
        print_json(&Status { backfill, done_at })?;
    } else {
        print_lines(render_status(&backfill, done_at));
    }
    Ok(ExitCode::SUCCESS)
}

fn render_status(backfill: &Backfill, done_at: Option<Timestamp>) -> Vec<String> {
    let mut lines = vec![format!(
        "Backfill {} of {}: {}, ordered {} UTC",
        backfill.id,
        clean(&backfill.request.rules.join(", ")),
        backfill.state.as_str(),
        time(backfill.ordered_at)
    )];
    lines.extend(backfill.reason.as_deref().map(clean));
    lines.extend(render_counts(backfill.counts));
    lines.extend(match backfill.ended_at {
        Some(at) => Some(format!("Last file read at {} UTC.", time(at))),
        None => done_at.map(|at| format!("It will be done about {} UTC.", time(at))),
    });
    lines
}

fn render_counts(counts: Counts) -> Vec<String> {
    let Counts {
        files,
        total,
        matched,
        handled,
        undecided,
        transfers,
        writes,
        messages,
        ..
    } = counts;
    let mut lines = vec![
        format!("Files read: {files} of {total}. The rules apply to {matched}."),
        format!(
            "Copies and moves: {transfers}. Other changes: {writes}. Notifications and calls: {messages}."
        ),
    ];
    if handled > 0 {
        lines.push(format!("Handled before, so not handled again: {handled}."));
    }
    if undecided > 0 {
        lines.push(format!(
            "Could not be decided, because the portal refuses an answer: {undecided}."
        ));
    }
    lines
}

fn render_survey(survey: &Survey) -> Vec<String> {
    let mut lines = render_counts(survey.counts);
    let Counts {
        transfers,
        writes,
        messages,
        ..
    } = survey.counts;
    if transfers + writes + messages == 0 {
        lines.push("There is nothing to do.".to_owned());
        return lines;
    }
    lines.extend(render_sample(survey));
    let cost = survey.cost;
    let days = count(usize::try_from(cost.days).unwrap_or(usize::MAX), "day");
    lines.push(format!(
        "Calls to the portal: about {}, {} of them writes, within {days}.",
        cost.calls, cost.writes
    ));
    lines.push("Nothing was changed. Add --yes to run it.".to_owned());
    lines
}

/// The first files, with what would be done for each.
fn render_sample(survey: &Survey) -> Vec<String> {
    let mut table = Table::new().indented(2);
    for file in &survey.sample {
        table.row([file.title.clone(), file.actions.join(", ")]);
    }
    let mut lines = vec!["First files:".to_owned()];
    lines.extend(table.lines(terminal_width()));
    let Counts {
        matched, handled, ..
    } = survey.counts;
    let shown = survey.sample.len() as u64;
    let more = matched.saturating_sub(handled).saturating_sub(shown);
    lines.extend((more > 0).then(|| format!("  and {more} more")));
    lines
}
