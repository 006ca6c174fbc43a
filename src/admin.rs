//! The operator listener: health, the status page, its JSON, and the metrics.
//!
//! It reads the store and shows it; the two changes it offers, replay and discard, are plain forms. Who
//! may see and change what is decided by the layers of `status/guard.rs` before any page is made. The
//! pages are rendered from views made for them, need no script, and load nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::clock::Clock;
use crate::db::Db;
use crate::docspace::Client;
use crate::health::{self, Health};
use crate::journal::overview::{self, overview};
use crate::metrics::Metrics;
use crate::server::tls::Tls;
use crate::wake::Wake;

// Who may.
mod access;
mod guard;
mod login;

// What is shown.
mod api;
mod chart;
mod event_page;
mod frame;
mod gauges;
mod list;

// What is ordered.
mod change;

pub use access::Access;

/// What the operator listener shows, and what it needs for that.
#[derive(Debug)]
pub struct Status {
    /// The store, which must be writable.
    pub db: Db,
    /// The portal, for its health.
    pub portal: Arc<Client>,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// The time of day.
    pub clock: Clock,
    /// Told of what a person puts back to work.
    pub wake: Arc<Wake>,
    /// Who may see and change what.
    pub access: Access,
    /// The certificate of the public listener, where it has one.
    pub tls: Option<Arc<Tls>>,
    /// What the health endpoints look at.
    pub health: Health,
}

/// The operator listener's routes.
pub fn router(status: Arc<Status>) -> Router {
    let private = Router::new()
        .route("/", get(list::show))
        .route("/events/{id}", get(event_page::show))
        .route("/events/{id}/{change}", get(change::ask).post(change::make))
        .route("/api/events", get(api::events))
        .route("/api/events/{id}", get(api::event))
        .route("/api/status", get(api::status))
        .route("/metrics", get(metrics))
        .fallback(frame::not_found)
        .layer(from_fn_with_state(Arc::clone(&status), guard::admit));
    let open = Router::new()
        .route("/login", get(login::ask).post(login::enter))
        .route("/logout", axum::routing::post(login::leave))
        .route("/style.css", get(style))
        .route("/live.js", get(live))
        .route("/icon.svg", get(icon));
    private
        .merge(open)
        .merge(health::admin_routes(status.health.clone()))
        .layer(from_fn(guard::same_origin))
        .layer(from_fn_with_state(Arc::clone(&status), guard::host))
        .layer(from_fn(guard::headers))
        .with_state(status)
}

async fn metrics(State(status): State<Arc<Status>>) -> Result<impl IntoResponse, StatusCode> {
    let overview = status.db.read(overview).await;
    let overview = overview.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let oldest = overview::age(overview.waiting_since, status.clock.now()).unsigned_abs();
    let ends_at = status.tls.as_ref().map(|tls| tls.validity().not_after);
    let moment = gauges::moment(&overview, oldest, &status.portal, ends_at);
    let text = status.metrics.render(&moment);
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((kind, text))
}

async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("../templates/status.css"))
}

async fn live() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, include_str!("../templates/status.js"))
}

async fn icon() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "image/svg+xml")];
    (kind, include_str!("../templates/status.svg"))
}
