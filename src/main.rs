//! The `docspace-courier` binary.

use std::process::ExitCode;

/// The C library's allocator keeps what a flood of connections made it take; this one gives it back. Without huge pages,
/// which would double the memory at rest.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    docspace_courier::cli::run().await
}
