//! `docspace-courier manual`: man pages and shell completions, for packages.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Command, ValueEnum as _};
use clap_complete::Shell;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder, which must exist.
    folder: PathBuf,
}

/// Writes the files for a command line.
pub fn run(command: &Command, args: &Args) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let written = write(command, folder);
    written.with_context(|| format!("cannot write into {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn write(command: &Command, folder: &Path) -> io::Result<()> {
    for shell in Shell::value_variants() {
        let mut command = command.clone();
        clap_complete::generate_to(*shell, &mut command, env!("CARGO_PKG_NAME"), folder)?;
    }
    clap_mangen::generate_to(command.clone(), folder)
}
