//! `docspace-courier serve`: the service.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::service::Service;

use super::signal::shutdown_signal;

/// Runs the service until a signal stops it.
pub async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    crate::telemetry::start(&settings.logging());
    for warning in &config.warnings {
        warn!("{} {}", warning.subject, warning.message);
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
    reload_on_signal(service.reload());
    service.run(stop_on_signal()).await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Requests a reload of the rules at each SIGHUP.
fn reload_on_signal(requested: Arc<Notify>) {
    #[cfg(unix)]
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            return;
        };
        while hangup.recv().await.is_some() {
            requested.notify_one();
        }
    });
    #[cfg(not(unix))]
    drop(requested);
}

/// Returns a token that the first signal cancels. The second signal exits immediately, which loses nothing:
/// all pending work is in the store.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        shutdown_signal().await;
        // Before logging, which must not be able to prevent it.
        stopped.cancel();
        info!("shutting down: finishing running attempts; a second signal exits immediately");
        shutdown_signal().await;
        std::process::exit(1);
    });
    stop
}
