//! `docspace-courier events`: what arrived and what became of it, and what a person orders about it.
//!
//! Works on the store directly, beside a running service, which looks for new work every second.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use crate::clock::Clock;
use crate::db::{Db, Location};
use crate::journal::{self, EventFilter, StateFilter};

use super::{Environment, NOT_FINE, say, wrong_usage};

mod dead_letters;
mod details;
mod table;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List events, the newest first.
    List(ListArgs),
    /// Show everything about one event.
    Show(ShowArgs),
    /// Put dead letters back to work, with all their attempts; ask the rules again that ignored an event.
    ///
    /// An event without dead letters that a rule ignored is put to the rules again, as one wants after
    /// changing the configuration (restart the service first). What was planned before stays as it is:
    /// nothing is done twice.
    Replay(dead_letters::ReplayArgs),
    /// Give dead letters up for good, and the actions that wait for them.
    Discard(dead_letters::DiscardArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only events with a dead letter.
    #[arg(long, conflicts_with = "waiting")]
    dead: bool,

    /// Only events that wait or are being worked on.
    #[arg(long)]
    waiting: bool,

    /// Only events of this file.
    #[arg(long, value_name = "ID")]
    file: Option<String>,

    /// How many at the most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The number that `events list` and the logs show or, where no event has it, DocSpace's event.id.
    id: i64,

    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand on the store that the environment names.
pub async fn run(args: Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let location = environment.database()?;
    let open = || open_existing(&location);
    match args.command {
        Command::List(args) => list(&open()?, args).await,
        Command::Show(args) => show(&open()?, args).await,
        Command::Replay(args) => match args.chosen() {
            Ok(chosen) => dead_letters::replay(&open()?, chosen, &Clock::system()).await,
            Err(sentence) => Ok(wrong_usage(sentence)),
        },
        Command::Discard(args) => match args.chosen() {
            Ok(chosen) => dead_letters::discard(&open()?, chosen, &Clock::system()).await,
            Err(sentence) => Ok(wrong_usage(sentence)),
        },
    }
}

/// Opens the store only if it is there: to look at events must not make an empty one at a mistyped path.
pub(super) fn open_existing(location: &Location) -> anyhow::Result<Db> {
    let Some(path) = location.file() else {
        return Db::open(location);
    };
    let exists = path
        .try_exists()
        .with_context(|| format!("cannot look for the store {}", path.display()))?;
    if !exists {
        bail!(
            "there is no store {}; DATABASE_URL names the store of the service, and a relative path \
             counts from the current folder",
            path.display()
        );
    }
    Db::open(path)
}

async fn list(db: &Db, args: ListArgs) -> anyhow::Result<ExitCode> {
    let filter = EventFilter {
        states: match (args.dead, args.waiting) {
            (true, _) => StateFilter::Dead,
            (_, true) => StateFilter::Waiting,
            _ => StateFilter::Any,
        },
        file: args.file,
        ..EventFilter::default()
    };
    let events = db
        .read(move |sql| journal::list(sql, &filter, args.limit))
        .await?;
    say(&if args.json {
        serde_json::to_string_pretty(&events)? + "\n"
    } else {
        table::render(&events)
    });
    Ok(ExitCode::SUCCESS)
}

async fn show(db: &Db, args: ShowArgs) -> anyhow::Result<ExitCode> {
    let Some(story) = db.read(move |sql| journal::find(sql, args.id)).await? else {
        return Ok(unknown(args.id));
    };
    say(&if args.json {
        serde_json::to_string_pretty(&story)? + "\n"
    } else {
        details::tell(&story)
    });
    Ok(ExitCode::SUCCESS)
}

fn unknown(id: i64) -> ExitCode {
    eprintln!("docspace-courier: there is no event {id}");
    ExitCode::from(NOT_FINE)
}
