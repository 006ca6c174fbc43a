//! `docspace-courier events`: shows and exports events, replays or discards dead letters, and erases personal data.
//!
//! Works on the store directly, also beside a running service, which checks for new work every second.

use std::process::ExitCode;

use clap::Subcommand;

use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::journal;
use crate::replay::ReplayMode;

use super::author::author;
use super::existing_store::open_existing;
use super::exit::{FAILED, usage_error};
use super::names::event_number;
use super::output::{print, print_error, print_json, print_lines, terminal_width};

mod details;
mod discard;
mod export;
mod filter;
mod forget;
mod replay;
mod selection;
mod table;

/// Arguments of the command.
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
    /// Evaluate events again under the current rules.
    ///
    /// Shows first what changes under the rules in the configuration of this command. Then the running service
    /// decides each event again, with all attempts. What is done stays done. What failed, waits or was discarded
    /// is replaced by what the current rules plan; if no rule plans it any more, it is discarded. After a change
    /// of the configuration, restart or reload the service first.
    Replay(selection::ReplayArgs),
    /// Discard dead letters and the actions that wait for them.
    Discard(selection::DiscardArgs),
    /// Print events as CSV.
    Export(export::ExportArgs),
    /// Erase personal data, and keep what is needed to do nothing twice.
    Forget(forget::ForgetArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: filter::FilterArgs,

    /// Maximum number of events.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The event's number, as in `events list` and the logs; otherwise DocSpace's event id.
    #[arg(value_parser = event_number)]
    id: i64,

    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand on the configured store.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let open = || open_existing(settings);
    match args.command {
        Command::List(args) => list(&open()?, args).await,
        Command::Show(args) => show(&open()?, args).await,
        Command::Replay(args) => {
            let mode = if args.as_planned {
                ReplayMode::AsPlanned
            } else {
                ReplayMode::CurrentRules
            };
            match args.selection() {
                Ok(selection) => {
                    replay::run(settings, &open()?, selection, mode, &Clock::system()).await
                }
                Err(sentence) => Ok(usage_error(sentence)),
            }
        }
        Command::Discard(args) => match args.selection() {
            Ok(selection) => {
                discard::run(&open()?, selection, &author(settings), &Clock::system()).await
            }
            Err(sentence) => Ok(usage_error(sentence)),
        },
        Command::Export(args) => export::run(&open()?, args).await,
        Command::Forget(args) => {
            forget::run(&open()?, args, &author(settings), &Clock::system()).await
        }
    }
}

async fn list(db: &Db, args: ListArgs) -> anyhow::Result<ExitCode> {
    let filter = args.filter.filter();
    let events = db
        .read(move |sql| journal::list_with_actions(sql, &filter, args.limit))
        .await?;
    if args.json {
        let events: Vec<_> = events.into_iter().map(|(event, _)| event).collect();
        print_json(&events)?;
    } else {
        print_lines(match terminal_width() {
            Some(width) => table::render(&events, Some(width)),
            None => table::render_uncut(&events),
        });
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(db: &Db, args: ShowArgs) -> anyhow::Result<ExitCode> {
    let Some(details) = db.read(move |sql| journal::find(sql, args.id)).await? else {
        return Ok(unknown_event(args.id));
    };
    if args.json {
        print_json(&details)?;
    } else {
        print(&details::render(&details));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports an event that does not exist.
fn unknown_event(id: i64) -> ExitCode {
    print_error(&format!("there is no event {id}"));
    ExitCode::from(FAILED)
}
