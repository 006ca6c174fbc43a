//! The service in this process, started with the env file as it was written.
//!
//! DocSpace requests the webhook's address before it accepts it, so the service must run before the webhook is
//! registered. The pages stay on `ADMIN_ADDR`; the operator's listener of the service gets a free port instead.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::db::Db;
use crate::metrics::Metrics;
use crate::service::Service;

/// How long the last connections of a stopped service may keep its store.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is checked whether they still do.
const RELEASE_POLL: Duration = Duration::from_millis(10);

/// A service that receives deliveries and acts on them.
pub(super) struct RunningService {
    /// Where it receives deliveries.
    pub(super) address: SocketAddr,
    pub(super) db: Db,
    pub(super) metrics: Arc<Metrics>,
    /// When it was started.
    pub(super) since: Timestamp,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl RunningService {
    pub(super) async fn start(settings: &Settings, clock: &Clock) -> anyhow::Result<Self> {
        let mut config = Config::try_from(settings)?;
        config.admin.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let since = clock.now();
        let service = Service::start(config, clock.clone()).await?;
        let stop = CancellationToken::new();
        Ok(Self {
            address: service.address()?,
            db: service.db().clone(),
            metrics: Arc::clone(service.metrics()),
            since,
            stop: stop.clone(),
            task: tokio::spawn(service.run(stop)),
        })
    }

    /// Whether it has not ended by itself.
    pub(super) fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Stops the service, after what it is doing, and waits until another one can open its store.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
        let released = async {
            while !self.db.is_last_handle() {
                tokio::time::sleep(RELEASE_POLL).await;
            }
        };
        let _ = tokio::time::timeout(RELEASE_TIMEOUT, released).await;
    }
}
