//! `docspace-courier store`: moving the store.
#![expect(clippy::print_stdout, reason = "the command line talks to a person")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::db::copy::{self, Count};
use crate::db::{Db, Location};
use crate::outbox;

use super::{Environment, NOT_FINE};

/// The arguments of `store`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copy the store that `DATABASE_URL` names, a SQLite file, into an empty PostgreSQL database; the
    /// service must be stopped. Either all arrives or nothing.
    Copy(CopyArgs),
}

#[derive(Debug, clap::Args)]
struct CopyArgs {
    /// The database, as in `DATABASE_URL`. Others on this machine can see it.
    #[arg(long, value_name = "URL", required_unless_present = "to_file")]
    to: Option<String>,

    /// A file that holds the database's address, so that nobody sees its password.
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    to_file: Option<PathBuf>,

    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub async fn run(args: Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Copy(args) => copy_store(args, environment).await,
    }
}

async fn copy_store(args: CopyArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let from = environment.database()?;
    let Some(file) = from.file() else {
        bail!("DATABASE_URL names {from}; only a SQLite store can be copied");
    };
    let url = match (args.to, args.to_file) {
        (Some(url), _) => url,
        (None, Some(path)) => std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .trim()
            .to_owned(),
        (None, None) => bail!("say where to with --to or --to-file"),
    };
    let to = environment.database_at(&url)?;
    if let Location::File(_) = to {
        bail!("a store is copied into PostgreSQL; to copy a file, see docs/OPERATIONS.md");
    }
    if !file.exists() {
        bail!("there is no store {from}");
    }
    // Migrates the file, and keeps every service away from it.
    let _alone = Db::open_for_work(&from)?;
    let counts = copy::copy(file, &Db::open(&to)?, outbox::release_all_leases).await?;
    let complete = counts.iter().all(|count| count.from == count.to);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&counts)?);
    } else {
        print(&counts, &to, complete);
    }
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}

fn print(counts: &[Count], to: &Location, complete: bool) {
    println!("{:10}  {:>10}  {:>10}", "table", "file", "database");
    for Count { table, from, to } in counts {
        println!("{table:10}  {from:>10}  {to:>10}");
    }
    if complete {
        println!(
            "\nAll is in {to}. Set DATABASE_URL to it and start the service; keep the file until it runs."
        );
    } else {
        println!(
            "\nThe counts differ: somebody wrote to one of the two meanwhile. Start again with an empty database."
        );
    }
}
