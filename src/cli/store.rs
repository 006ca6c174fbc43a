//! `docspace-courier store`: backs the store up, and copies it into another database.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::config::Settings;
use crate::db::copy::{self, Count};
use crate::db::{Db, Location, backup};
use crate::outbox;
use crate::text_file;

use super::exit::{success_if, usage_error};
use super::output::{Table, print_json, print_lines, terminal_width};

/// The name of standard output in place of a file.
const STANDARD_OUTPUT: &str = "-";

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copy the SQLite store that `DATABASE_URL` names into an empty PostgreSQL database.
    ///
    /// Stop the service first. Either everything is copied or nothing.
    Copy(CopyArgs),
    /// Back up the SQLite store that `DATABASE_URL` names, while the service runs.
    #[command(
        after_help = "To restore, stop the service, put the backup in the place of the store, delete the files with -wal and \
                      -shm at the end of their names, and start the service."
    )]
    Backup(BackupArgs),
}

#[derive(Debug, clap::Args)]
struct BackupArgs {
    /// The file to create, or - for standard output, as from a container.
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

#[derive(Debug, clap::Args)]
struct CopyArgs {
    /// The database, as in `DATABASE_URL`. Other users of this machine can see it in the list of processes.
    #[arg(long, value_name = "URL")]
    to: Option<String>,

    /// A file that contains the database's URL, so that its password stays hidden.
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    to_file: Option<PathBuf>,

    /// Print the numbers of rows as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Copy(args) => copy_store(settings, args).await,
        Command::Backup(args) => back_up(settings, &args.to),
    }
}

fn back_up(settings: &Settings, to: &Path) -> anyhow::Result<ExitCode> {
    let location = settings.database()?;
    let Some(store) = location.file() else {
        bail!("DATABASE_URL names {location}; back it up with pg_dump, like your other databases");
    };
    if !store.exists() {
        bail!("there is no store {location}");
    }
    if to == Path::new(STANDARD_OUTPUT) {
        let stdout = std::io::stdout().lock();
        if stdout.is_terminal() {
            return Ok(usage_error(
                "a backup is not text for a terminal; redirect standard output to a file",
            ));
        }
        // Beside the store, because an image may have no other folder that can be written.
        backup::write_backup(store, stdout)?;
    } else {
        let bytes = backup::create_backup(store, to)?;
        print_lines([format!("{} has the store, {bytes} bytes.", to.display())]);
    }
    Ok(ExitCode::SUCCESS)
}

async fn copy_store(settings: &Settings, args: CopyArgs) -> anyhow::Result<ExitCode> {
    let from = settings.database()?;
    let Some(file) = from.file() else {
        bail!("DATABASE_URL names {from}; only a SQLite store can be copied");
    };
    let url = match (args.to, args.to_file) {
        (Some(url), _) => url,
        (None, Some(path)) => {
            text_file::read(&path).with_context(|| format!("cannot read {}", path.display()))?
        }
        (None, None) => {
            return Ok(usage_error(
                "name the PostgreSQL database with --to URL, or with --to-file and a file that contains the URL",
            ));
        }
    };
    let to = settings.database_at(&url)?;
    if let Location::File(_) = to {
        bail!("a store is copied into PostgreSQL; to copy it into another file, use store backup");
    }
    if !file.exists() {
        bail!("there is no store {from}");
    }
    // Migrates the file and keeps any service from opening it.
    let _lock = Db::open_for_work(&from)?;
    let counts = copy::copy(file, &Db::open(&to)?, outbox::release_all_leases).await?;
    let complete = counts.iter().all(|count| count.from == count.to);
    if args.json {
        print_json(&counts)?;
    } else {
        print_lines(render(&counts));
        print_lines(["", &conclusion(&to, complete)]);
    }
    Ok(success_if(complete))
}

fn render(counts: &[Count]) -> Vec<String> {
    let mut table = Table::with_header(["TABLE", "FILE", "DATABASE"])
        .with_numbers(1)
        .with_numbers(2);
    for Count {
        table: name,
        from,
        to,
    } in counts
    {
        table.row([(*name).to_owned(), from.to_string(), to.to_string()]);
    }
    table.lines(terminal_width())
}

fn conclusion(to: &Location, complete: bool) -> String {
    if complete {
        format!(
            "Everything was copied to {to}. Set DATABASE_URL to it and start the service; keep the file \
             until it runs."
        )
    } else {
        "The numbers differ because one of the two was changed during the copy. Start again with an empty \
         database."
            .to_owned()
    }
}
