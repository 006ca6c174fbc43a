//! `docspace-courier setup`: serves the set-up pages and prints the link to them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Settings;
use crate::loopback::local_address;
use crate::server;
use crate::setup::{self, Setup};

use super::output::{DIM, STRONG, print_lines, styled};
use super::signal::shutdown_signal;

/// The env file that is written if none is named.
const ENV_FILE: &str = "courier.env";

/// The env file, if it exists.
pub fn existing_env_file(env_file: Option<&Path>) -> Option<PathBuf> {
    let env_file = env_file.unwrap_or(Path::new(ENV_FILE));
    env_file.exists().then(|| env_file.to_owned())
}

/// Serves the pages until a signal.
pub async fn run(settings: &Settings, env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let env_file = env_file.unwrap_or_else(|| PathBuf::from(ENV_FILE));
    let listener = server::bind(settings.admin_address()?).with_context(|| {
        "cannot listen on ADMIN_ADDR; if the service runs there, stop it, or set ADMIN_ADDR=127.0.0.1:3002 for this \
         command"
    })?;
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let program = std::env::args().next();
    let program = program.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
    let (setup, token) = Setup::open(env_file.clone(), &program, address, Clock::system())?;
    let setup = Arc::new(setup);
    print_lines(introduction(&env_file, address, &token));

    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            shutdown_signal().await;
            stop.cancel();
        }
    });
    let served = server::serve(listener, setup::router(Arc::clone(&setup)), stop).await;
    setup.stop().await;
    served.context("cannot serve the set-up pages")?;
    Ok(ExitCode::SUCCESS)
}

fn introduction(env_file: &Path, address: SocketAddr, token: &str) -> Vec<String> {
    let reachable = local_address(address);
    let mut lines = vec![
        "Open this link in a browser. It works once:".to_owned(),
        String::new(),
        format!(
            "  {}",
            styled(STRONG, &format!("http://{reachable}/setup?token={token}"))
        ),
        String::new(),
    ];
    // The image is used as compose.yaml does: its port is published on loopback only.
    if !address.ip().is_loopback() && !setup::is_in_image() {
        lines.push(
            "This address is reachable from other machines, in plain text: use it in a trusted network only.".to_owned(),
        );
    }
    let remark = format!(
        "Your answers go to {} when you say so. Ctrl-C stops; what you entered is kept.",
        env_file.display()
    );
    lines.push(styled(DIM, &remark));
    lines
}
