//! `docspace-courier serve`: the service.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::service::Service;

use super::Environment;

/// Runs the service until a signal ends it.
pub async fn run(environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = environment.config()?;
    crate::telemetry::start(&environment.logging());
    for notice in &config.notices {
        warn!("{notice}");
    }
    let (portal, rules) = (config.portal.host.clone(), config.rules.len());
    let service = Service::start(config, Clock::system()).await?;
    info!(
        address = %service.address()?,
        admin = %service.admin_address()?,
        portal,
        rules,
        "receiving deliveries at /webhook and /docspace/webhook"
    );
    service.run(stop_on_signal()).await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// A token that the first signal cancels. The second ends the process at once: whatever is in hand then
/// is in the store, too.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        signal().await;
        info!(
            "stopping: no more deliveries, the attempts in hand end; a second signal ends at once"
        );
        stopped.cancel();
        signal().await;
        std::process::exit(1);
    });
    stop
}

/// Waits for Ctrl-C or the signal by which service managers stop a process.
pub(super) async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate());
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
