//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod sandbox;

/// Receives ONLYOFFICE DocSpace webhooks and does the file work that rules ask for.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pretend DocSpace portal, for developing and testing any webhook receiver.
    Sandbox(sandbox::Args),
}

/// Runs the command that the arguments name.
pub async fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Sandbox(args) => sandbox::run(args).await,
    }
}
