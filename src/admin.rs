//! The admin listener: the console's pages, their JSON, health, and metrics.
//!
//! It reads the store and shows it. What it changes (replay, discard, rules), it changes with plain forms. The layers of
//! `admin/guard.rs` decide who may see and change what before any page is rendered. The pages are rendered
//! from views made for them, work without a script, and load nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};

use crate::health;
use crate::journal::overview::{self, overview};

mod console;

// Access.
mod access;
mod guard;
mod guess_limit;
mod login;
mod role;
pub(crate) mod session;
mod trusted_proxy;

// Pages and JSON.
mod api;
mod chart;
mod event_page;
mod gauges;
pub(crate) mod layout;
mod list;
mod list_query;
mod portal_names;

// Rules.
mod new_rule_page;
mod rule_list;
mod rule_pause;
mod rules_editor_page;
mod rules_trial;

// Changes.
mod backfill_page;
mod bulk_change;
mod change_list;
mod confirm;

pub use access::Access;
pub use console::Console;
pub use portal_names::PortalNames;
pub use trusted_proxy::TrustedProxy;

/// The admin listener's routes.
pub fn router(console: Arc<Console>) -> Router {
    let private = Router::new()
        .route("/", get(list::show))
        .route("/events/{id}", get(event_page::show))
        .route("/rules", get(rule_list::show))
        .route("/backfill", get(backfill_page::show))
        .route("/changes", get(change_list::show))
        .route("/api/events", get(api::events))
        .route("/api/events/{id}", get(api::event))
        .route("/api/rules", get(rule_list::list))
        .route("/api/changes", get(change_list::list))
        .route("/api/backfill", get(api::newest_backfill))
        .route("/api/status", get(api::status))
        .route("/metrics", get(metrics))
        .fallback(layout::not_found)
        .merge(changes(&console))
        .layer(from_fn(guard::require_access));
    let login = Router::new()
        .route("/login", get(login::show).post(login::sign_in))
        .route("/logout", post(login::sign_out));
    let identified = private
        .merge(login)
        .layer(from_fn_with_state(Arc::clone(&console), guard::identify));
    let access = Arc::clone(&console.access);
    let routes = identified
        .merge(assets())
        .merge(health::admin_routes(console.health.clone()))
        .with_state(console);
    guarded(routes, access, layout::ALL_EVENTS)
}

/// What changes something, and the pages that ask for confirmation.
fn changes(console: &Arc<Console>) -> Router<Arc<Console>> {
    let editor = get(rules_editor_page::show).post(rules_editor_page::apply);
    Router::new()
        .route(
            "/events/matching/{change}",
            get(bulk_change::show).post(bulk_change::apply),
        )
        .route(
            "/events/{id}/{change}",
            get(confirm::show).post(confirm::apply),
        )
        .route(
            "/rules/{change}",
            get(rule_pause::show).post(rule_pause::apply),
        )
        .route(
            new_rule_page::PATH,
            get(new_rule_page::show).post(new_rule_page::fill),
        )
        .merge(backfill_forms())
        .route(
            rules_editor_page::PATH,
            editor.layer(from_fn(guard::large_body)),
        )
        .layer(from_fn_with_state(
            Arc::clone(console),
            guard::require_operator,
        ))
}

fn backfill_forms() -> Router<Arc<Console>> {
    Router::new()
        .route("/backfill/preview", post(backfill_page::preview))
        .route("/backfill/start", post(backfill_page::start))
        .route("/backfill/stop", post(backfill_page::stop))
        .layer(from_fn(guard::large_body))
}

/// What the pages load.
pub(crate) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/style.css", get(style))
        .route("/live.js", get(live))
        .route("/icon.svg", get(icon))
}

/// The same routes behind the guards that do not depend on who sends a request. Pages about errors have this link.
pub(crate) fn guarded(routes: Router, access: Arc<Access>, home: layout::HomeLink) -> Router {
    routes
        .layer(from_fn(guard::same_origin))
        .layer(from_fn_with_state(access, guard::host))
        .layer(from_fn(guard::body))
        .layer(from_fn_with_state(home, guard::error_pages))
        .layer(from_fn(guard::headers))
}

async fn metrics(State(console): State<Arc<Console>>) -> Result<impl IntoResponse, StatusCode> {
    let overview = console.db.read(overview).await;
    let overview = overview.map_err(|error| {
        layout::log_store_error(&error);
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    let oldest = overview::age(overview.waiting_since, console.clock.now()).unsigned_abs();
    let ends_at = console.tls.as_ref().map(|tls| tls.validity().not_after);
    let snapshot = gauges::snapshot(&overview, oldest, &console, ends_at);
    let text = console.metrics.render(&snapshot);
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
