//! The `docspace-courier` binary.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    docspace_courier::cli::run().await
}
