//! The command line: one file per subcommand.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{ConfigError, EnvFileError, Settings};
use crate::telemetry;

// What all commands share.
mod author;
mod evaluation;
mod existing_store;
mod exit;
mod names;
mod output;
mod signal;

pub mod backfill;
pub mod catch_up;
pub mod check;
pub mod demo;
pub mod events;
pub mod health;
pub mod manual;
pub mod register;
pub mod rehearse;
pub mod rooms;
pub mod rules;
pub mod sandbox;
pub mod send;
pub mod serve;
pub mod setup;
pub mod store;

/// The version, with commit and date in what is released: `release/build` sets the variable.
const VERSION: &str = match option_env!("COURIER_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Receives ONLYOFFICE DocSpace webhooks and performs the file operations they call for.
#[derive(Debug, Parser)]
#[command(
    version = VERSION,
    after_help = "Configured by environment variables; config.example.env lists them all."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Load variables from this file; variables that are already set take precedence.
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default command).
    #[command(
        after_help = "SIGTERM or SIGINT shuts down cleanly: running attempts finish. A second signal exits immediately. \
                      Neither loses anything. SIGHUP reloads the rules."
    )]
    Serve,
    /// Apply rules to files that exist already.
    Backfill(backfill::Args),
    /// Fetch missed deliveries now, from the delivery log and the watched rooms.
    CatchUp(catch_up::Args),
    /// Check the whole deployment and suggest a fix for each problem.
    Check(check::Args),
    /// Show the service at work on a simulated portal, within seconds.
    Demo(demo::Args),
    /// Show events, decisions and actions; replay, discard, export or forget them.
    Events(events::Args),
    /// Ask the running service whether it is ready, for health checks.
    Health(health::Args),
    /// Write man pages and shell completions into a folder.
    #[command(hide = true)]
    Manual(manual::Args),
    /// Create the portal's webhook or repair the existing one; safe to run again.
    Register(register::Args),
    /// Compare a real portal with what the service expects of it, in a room of its own.
    Rehearse(rehearse::Args),
    /// List the portal's rooms with their ids, for the configuration.
    Rooms(rooms::Args),
    /// Show the active rules, explain or try them, pause or resume them.
    Rules(rules::Args),
    /// Run a simulated DocSpace portal, to develop and test any webhook receiver.
    Sandbox(sandbox::Args),
    /// Sign a JSON body as DocSpace does and post it, to test a deployment.
    Send(send::Args),
    /// Set up in the browser: portal, rooms and folders, webhook, a first upload.
    #[command(
        after_help = "Serves its pages on ADMIN_ADDR and prints a link that works once. Writes the file of --env-file \
                      [default: courier.env], with your answers, when you say so."
    )]
    Setup,
    /// Back up the store, or copy it from a SQLite file into a PostgreSQL database.
    Store(store::Args),
}

/// Runs the command that the arguments name and reports its error.
pub async fn run() -> ExitCode {
    let result = run_command(Cli::parse()).await;
    telemetry::flush();
    match result {
        Ok(code) => code,
        Err(error) => {
            output::print_error(&format!("{error:#}"));
            let is_configuration = error.is::<ConfigError>() || error.is::<EnvFileError>();
            ExitCode::from(if is_configuration {
                exit::USAGE
            } else {
                exit::FAILED
            })
        }
    }
}

async fn run_command(cli: Cli) -> anyhow::Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve);
    let env_file = match command {
        // It creates the file if there is none.
        Command::Setup => setup::existing_env_file(cli.env_file.as_deref()),
        _ => cli.env_file.clone(),
    };
    let settings = Settings::from_process(env_file.as_deref())?;
    // The output of other commands is for a person or a program and contains no log unless asked for.
    if !matches!(command, Command::Serve) && settings.has_log_filter() {
        telemetry::start(&settings.logging());
    }
    match command {
        Command::Serve => serve::run(&settings).await,
        Command::Backfill(args) => backfill::run(&settings, args).await,
        Command::CatchUp(args) => catch_up::run(&settings, args).await,
        Command::Check(args) => check::run(&settings, args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Events(args) => events::run(&settings, args).await,
        Command::Health(args) => health::run(&settings, args).await,
        Command::Manual(args) => manual::run(&Cli::command(), &args),
        Command::Register(args) => register::run(&settings, args).await,
        Command::Rehearse(args) => rehearse::run(&settings, args).await,
        Command::Rooms(args) => rooms::run(&settings, args).await,
        Command::Rules(args) => rules::run(&settings, args).await,
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Send(args) => send::run(&settings, args).await,
        Command::Setup => setup::run(&settings, cli.env_file).await,
        Command::Store(args) => store::run(&settings, args).await,
    }
}
