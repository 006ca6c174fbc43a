//! The sandbox's own API below `/sandbox/`, with which a program controls what a test in this crate controls through
//! [`Portal`]. Bodies are JSON; a member that is not known is an error. Like the page it answers only addresses of the
//! sandbox, and needs no key.

mod content;
mod settings;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::fault_rules::FaultRule;
use super::portal::Portal;

/// The routes, without the check of the caller.
pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route(
            "/sandbox/settings",
            get(settings::read).patch(settings::change),
        )
        .route(
            "/sandbox/faults",
            get(faults).post(add_fault).delete(remove_faults),
        )
        .route("/sandbox/calls", get(calls))
        .route("/sandbox/operations/drop", post(drop_operations))
        .route("/sandbox/files", post(content::add_files))
        .route("/sandbox/events", post(content::raise_event))
}

/// Why a request has no effect.
struct Refused(StatusCode, String);

impl Refused {
    fn bad_request(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

/// The result of a handler.
type Answer = Result<axum::Json<Value>, Response>;

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        (refused.0, axum::Json(json!({ "error": refused.1 }))).into_response()
    }
}

/// The body of a request.
fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Refused> {
    serde_json::from_str(body).map_err(|problem| Refused::bad_request(problem.to_string()))
}

/// Lists the faults of routes.
async fn faults(State(portal): State<Portal>) -> axum::Json<Value> {
    listed_faults(&portal)
}

fn listed_faults(portal: &Portal) -> axum::Json<Value> {
    axum::Json(json!({ "faults": portal.state().fault_rules.all() }))
}

/// Adds a fault of a route. An earlier one takes precedence.
async fn add_fault(State(portal): State<Portal>, body: String) -> Answer {
    let rule: FaultRule = parse(&body)?;
    if let Some(problem) = rule.problem() {
        return Err(Refused::bad_request(problem).into());
    }
    portal.state().fault_rules.add(rule);
    Ok(listed_faults(&portal))
}

async fn remove_faults(State(portal): State<Portal>) -> axum::Json<Value> {
    portal.state().fault_rules.clear();
    listed_faults(&portal)
}

/// Lists the calls of the portal's API so far.
async fn calls(State(portal): State<Portal>) -> axum::Json<Value> {
    let calls = portal.calls().into_iter();
    let calls = calls
        .map(|call| json!({ "method": call.method, "path": call.path, "status": call.status }));
    axum::Json(json!({ "calls": calls.collect::<Vec<_>>() }))
}

/// Drops all operations without executing those that wait, as a restart of the portal's queue can.
async fn drop_operations(State(portal): State<Portal>) -> axum::Json<Value> {
    portal.drop_operations();
    axum::Json(json!({}))
}
