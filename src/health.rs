//! Health: the endpoints by which service managers and load balancers watch the service.
//!
//! `/healthz` fails while a background task does not do its work: a restart of the service may help.
//! `/readyz` fails while deliveries cannot be stored or the service shuts down. A failing background task
//! does not stop deliveries, so `/readyz` only names it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::notify::Channels;
use crate::supervise::{TaskFailure, TaskHealth};

/// How long the result of a probe is used on the public listener.
const PUBLIC_PROBE_INTERVAL: Duration = Duration::from_secs(1);

type HealthResponse = (StatusCode, String);

/// What the endpoints look at.
#[derive(Clone, Debug)]
pub struct Health {
    /// The store, which must be writable.
    pub db: Db,
    /// The background tasks.
    pub tasks: TaskHealth,
    /// The channels, which the admin listener names while they are not used.
    pub channels: Channels,
    /// The time of day.
    pub clock: Clock,
    /// Cancelled when the service shuts down.
    pub stop: CancellationToken,
}

/// The state of the endpoints of one listener.
#[derive(Clone)]
struct Endpoints {
    health: Health,
    /// The last probe of the store, where probes are limited.
    last_probe: Option<Arc<Mutex<Option<StoreProbe>>>>,
}

struct StoreProbe {
    probed_at: Instant,
    outcome: Result<(), StoreError>,
}

/// The endpoints on the admin listener.
pub fn admin_routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    routes(Endpoints {
        health,
        last_probe: None,
    })
}

/// The endpoints on the public listener. They probe the store only once a second, so that a flood of requests
/// does not delay deliveries.
pub fn public_routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    routes(Endpoints {
        health,
        last_probe: Some(Arc::default()),
    })
}

fn routes<S: Clone + Send + Sync + 'static>(endpoints: Endpoints) -> Router<S> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(endpoints)
}

async fn healthz(State(endpoints): State<Endpoints>) -> HealthResponse {
    match endpoints.health.check_tasks() {
        Ok(()) => (
            StatusCode::OK,
            format!("ok\n{}", endpoints.paused_channels()),
        ),
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n")),
    }
}

async fn readyz(State(endpoints): State<Endpoints>) -> HealthResponse {
    let unavailable = |reason: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"));
    if endpoints.health.stop.is_cancelled() {
        return unavailable("shutting down");
    }
    if let Err(error) = endpoints.probe_store().await {
        return unavailable(if error.is_file_replaced() {
            "the store was deleted or replaced while the service uses it"
        } else {
            "the store is not writable"
        });
    }
    let ready = match endpoints.health.check_tasks() {
        Ok(()) => "ready\n".to_owned(),
        Err(failure) => format!("ready, but {failure}\n"),
    };
    (StatusCode::OK, ready)
}

impl Health {
    fn check_tasks(&self) -> Result<(), TaskFailure> {
        self.tasks.check(self.clock.now())
    }
}

impl Endpoints {
    /// A line for each channel that is not used. A restart does not help, so that is not a failure.
    fn paused_channels(&self) -> String {
        if self.is_public() {
            return String::new();
        }
        let statuses = self.health.channels.statuses().into_iter();
        let paused = statuses.filter_map(|status| {
            let problem = status.outage?.problem.code();
            Some(format!("{} is paused: {problem}\n", status.name))
        });
        paused.collect()
    }

    fn is_public(&self) -> bool {
        self.last_probe.is_some()
    }

    async fn probe_store(&self) -> Result<(), StoreError> {
        let Some(last_probe) = &self.last_probe else {
            return self.health.db.probe().await;
        };
        // Held during the probe, so that requests that arrive meanwhile share its result.
        let mut last_probe = last_probe.lock().await;
        if let Some(probe) = &*last_probe
            && probe.probed_at.elapsed() < PUBLIC_PROBE_INTERVAL
        {
            return probe.outcome.clone();
        }
        let outcome = self.health.db.probe().await;
        *last_probe = Some(StoreProbe {
            probed_at: Instant::now(),
            outcome: outcome.clone(),
        });
        outcome
    }
}
