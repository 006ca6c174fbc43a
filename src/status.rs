//! The operator listener: whether the service is up, and whether it is ready.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use crate::db::Db;

/// What the operator listener shows.
#[derive(Debug)]
pub struct Status {
    /// The store, which must be writable.
    pub db: Db,
    /// Cancelled when the service is shutting down.
    pub stop: CancellationToken,
}

/// The operator listener's routes.
pub fn router(status: Arc<Status>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(status)
}

async fn ready(State(status): State<Arc<Status>>) -> (StatusCode, &'static str) {
    if status.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    let write = status.db.write_or_refuse(|sql| {
        sql.execute(
            "INSERT OR REPLACE INTO state (key, value) VALUES ('probe', '')",
            [],
        )
    });
    match write.await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store is not writable\n",
        ),
    }
}
