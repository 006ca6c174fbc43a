//! The `docspace-courier` binary.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    docspace_courier::cli::run().await
}
