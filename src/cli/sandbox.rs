//! `docspace-courier sandbox`.

use std::process::ExitCode;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the portal until it is told to stop.
pub async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
