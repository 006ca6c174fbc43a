//! Health: the endpoints by which service managers and load balancers watch the service.
//!
//! `/healthz` fails while a background task does not do its work: a restart of the service may help.
//! `/readyz` fails while deliveries cannot be stored or the service shuts down. A failing background task
//! does not stop deliveries, so `/readyz` only names it.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::db::Db;
use crate::supervise::{TaskFailure, TaskHealth};

type Answer = (StatusCode, String);

/// What the endpoints look at.
#[derive(Clone, Debug)]
pub struct Health {
    /// The store, which must be writable.
    pub db: Db,
    /// The background tasks.
    pub tasks: TaskHealth,
    /// The time of day.
    pub clock: Clock,
    /// Cancelled when the service shuts down.
    pub stop: CancellationToken,
}

impl Health {
    fn tasks(&self) -> Result<(), TaskFailure> {
        self.tasks.check(self.clock.now())
    }
}

/// `/healthz` alone, for the public listener: it costs a client nothing to ask and the store nothing to
/// answer.
pub fn liveness<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/healthz", get(healthz))
        .with_state(health)
}

/// `/healthz` and `/readyz`, for the admin listener.
pub fn routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/readyz", get(readyz))
        .with_state(health.clone())
        .merge(liveness(health))
}

async fn healthz(State(health): State<Health>) -> Answer {
    match health.tasks() {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n")),
    }
}

async fn readyz(State(health): State<Health>) -> Answer {
    let unavailable = |reason: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"));
    if health.stop.is_cancelled() {
        return unavailable("shutting down");
    }
    if health.db.probe().await.is_err() {
        return unavailable("the store is not writable");
    }
    let ready = match health.tasks() {
        Ok(()) => "ready\n".to_owned(),
        Err(failure) => format!("ready, but {failure}\n"),
    };
    (StatusCode::OK, ready)
}
