//! The command line: one file a subcommand.
#![expect(clippy::print_stderr, reason = "the command line talks to a person")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::check::Deployment;
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError};
use crate::db::Location;
use crate::signature::WebhookSecret;
use crate::telemetry::Logging;

pub mod catch_up;
pub mod check;
pub mod demo;
pub mod events;
pub mod health;
pub mod register;
pub mod rooms;
pub mod rules;
pub mod sandbox;
pub mod send;
pub mod serve;
pub mod store;

mod signal;

// What goes to the terminal.
mod paint;

/// Exit code of wrong usage or configuration.
const WRONG_CONFIGURATION: u8 = 2;

/// Exit code when the thing asked about is not fine.
const NOT_FINE: u8 = 1;

/// Receives ONLYOFFICE DocSpace webhooks and does the file work that rules ask for.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Configuration is taken from environment variables; config.example.env shows them all."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Load variables from this file first; real variables win.
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (also without any command).
    Serve,
    /// Read the portal's delivery log now for what never reached us, and list the watched rooms.
    CatchUp(catch_up::Args),
    /// Try the deployment from outside, and say of each finding what to do.
    Check(check::Args),
    /// Show the whole job on a pretend portal, in this process and within seconds.
    Demo(demo::Args),
    /// Show what arrived and what became of it; replay or discard dead letters.
    Events(events::Args),
    /// Ask the running service whether it is ready, for health checks.
    Health(health::Args),
    /// Make the portal's webhook to this service, or mend it; twice changes nothing.
    Register(register::Args),
    /// List the portal's rooms with their ids, for the configuration.
    Rooms(rooms::Args),
    /// Show the rules in force, explain what they make of an event, try them on past events.
    Rules(rules::Args),
    /// Run a pretend DocSpace portal, for developing and testing any webhook receiver.
    Sandbox(sandbox::Args),
    /// Sign a JSON body as DocSpace does and post it, to test a deployment.
    Send(send::Args),
    /// Move the store from a file into a database.
    Store(store::Args),
}

/// The variables the service was given.
#[derive(Debug)]
pub struct Environment {
    pairs: Vec<(String, String)>,
}

impl Environment {
    /// The checked configuration.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Config::from_pairs(&self.pairs)
    }

    /// Logs only where `RUST_LOG` is set: for commands whose output is for a person.
    fn log_if_asked(&self) {
        if self.pairs.iter().any(|(name, _)| name == "RUST_LOG") {
            crate::telemetry::start(&self.logging());
        }
    }

    /// Where the store is; the rest of the configuration may be missing or wrong.
    pub fn database(&self) -> Result<Location, ConfigError> {
        config::database_from_pairs(&self.pairs)
    }

    /// Another store, reached as `DATABASE_URL` would be if it were this.
    pub fn database_at(&self, url: &str) -> Result<Location, ConfigError> {
        let others = |(name, _): &&(String, String)| !name.starts_with("DATABASE_URL");
        let mut pairs: Vec<_> = self.pairs.iter().filter(others).cloned().collect();
        pairs.push(("DATABASE_URL".to_owned(), url.to_owned()));
        config::database_from_pairs(&pairs)
    }

    /// Where the operator listener is; the rest may be missing or wrong.
    pub fn admin(&self) -> Result<SocketAddr, ConfigError> {
        config::admin_from_pairs(&self.pairs)
    }

    /// The portal and the key to it; the rest may be missing or wrong.
    pub fn portal(&self) -> Result<config::PortalConfig, ConfigError> {
        config::portal_from_pairs(&self.pairs)
    }

    /// The webhook's secrets; the rest may be missing or wrong.
    pub fn secrets(&self) -> Result<Vec<WebhookSecret>, ConfigError> {
        config::secrets_from_pairs(&self.pairs)
    }

    /// The rules of the environment and of the rules file; the rest may be missing or wrong.
    pub fn rules(&self) -> Result<config::Rules, ConfigError> {
        config::checked_rules_from_pairs(&self.pairs)
    }

    /// What there is to check, however wrong.
    pub fn deployment(&self, url: Option<String>) -> Deployment {
        Deployment::from_pairs(&self.pairs, url, Clock::system())
    }

    /// How to log.
    pub fn logging(&self) -> Logging {
        config::logging_from_pairs(&self.pairs)
    }
}

/// Runs the command that the arguments name, and says what went wrong.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let result = run_command(cli).await;
    crate::telemetry::flush();
    match result {
        Ok(code) => code,
        Err(error) if error.is::<ConfigError>() || error.is::<config::EnvFileError>() => {
            eprintln!("docspace-courier cannot start: {error:#}");
            ExitCode::from(WRONG_CONFIGURATION)
        }
        Err(error) => {
            eprintln!("docspace-courier: {error:#}");
            ExitCode::from(NOT_FINE)
        }
    }
}

async fn run_command(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment = || {
        Ok::<_, anyhow::Error>(Environment {
            pairs: config::process_environment(cli.env_file.as_deref())?,
        })
    };
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&environment()?).await,
        Command::CatchUp(args) => catch_up::run(&environment()?, args).await,
        Command::Check(args) => check::run(&environment()?, args).await,
        Command::Demo(args) => {
            environment()?.log_if_asked();
            demo::run(args).await
        }
        Command::Events(args) => events::run(args, &environment()?).await,
        Command::Health(args) => health::run(&environment()?, args).await,
        Command::Register(args) => register::run(&environment()?, args).await,
        Command::Rooms(args) => rooms::run(&environment()?, args).await,
        Command::Rules(args) => rules::run(&environment()?, args).await,
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Send(args) => send::run(&environment()?, args).await,
        Command::Store(args) => store::run(args, &environment()?).await,
    }
}

fn wrong_usage(sentence: &str) -> ExitCode {
    eprintln!("docspace-courier: {sentence}");
    ExitCode::from(WRONG_CONFIGURATION)
}

/// Prints; a reader that has seen enough, such as `head`, is no trouble.
fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
