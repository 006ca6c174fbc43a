//! The same for programs: the JSON of `events list --json`, of `events show --json`, and how all stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::Status;
use super::list::Wanted;
use crate::journal::overview::{Overview, overview};
use crate::journal::{self, EventDetails, EventView};

/// Events in an answer that names no limit.
const EVENTS: u32 = 50;

/// Events in one answer at the most.
const MOST_EVENTS: u32 = 1000;

type ApiResult<T> = Result<Json<T>, (StatusCode, &'static str)>;

const UNAVAILABLE: (StatusCode, &str) = (
    StatusCode::SERVICE_UNAVAILABLE,
    "the store cannot be read\n",
);

/// How all stands.
#[derive(Debug, Serialize)]
pub(super) struct StatusResponse {
    version: &'static str,
    #[serde(flatten)]
    overview: Overview,
    portal: PortalStatus,
}

/// The portal, as far as the breaker knows.
#[derive(Debug, Serialize)]
struct PortalStatus {
    address: String,
    /// Why it is left alone: `down`, `key_refused`, `limit`, or nothing.
    trouble: Option<&'static str>,
    /// Writes left of the portal's 10,000 a day, counting those we know of since midnight UTC.
    writes_left_today: u64,
    /// Calls that may be made at once; beyond them they flow evenly within the portal's 1,500 a minute.
    calls_left: u32,
    /// Until when no copy or move is begun, because the day's writes run out.
    no_write_before: Option<String>,
}

pub(super) async fn events(
    State(status): State<Arc<Status>>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Vec<EventView>> {
    let limit = wanted.limit.unwrap_or(EVENTS).min(MOST_EVENTS);
    let filter = wanted.filter();
    let list = status
        .db
        .read(move |sql| journal::list(sql, &filter, limit));
    list.await.map(Json).map_err(|_| UNAVAILABLE)
}

pub(super) async fn event(
    State(status): State<Arc<Status>>,
    Path(id): Path<i64>,
) -> ApiResult<EventDetails> {
    let story = status.db.read(move |sql| journal::find(sql, id));
    let story = story.await.map_err(|_| UNAVAILABLE)?;
    story
        .map(Json)
        .ok_or((StatusCode::NOT_FOUND, "there is no such event\n"))
}

pub(super) async fn status(State(status): State<Arc<Status>>) -> ApiResult<StatusResponse> {
    let overview = status.db.read(overview).await.map_err(|_| UNAVAILABLE)?;
    Ok(Json(StatusResponse {
        version: env!("CARGO_PKG_VERSION"),
        overview,
        portal: PortalStatus {
            address: status.portal.host().to_owned(),
            trouble: status
                .portal
                .open_reason()
                .map(crate::docspace::OpenReason::code),
            writes_left_today: status.portal.writes_left_today(),
            calls_left: status.portal.calls_left(),
            no_write_before: status.portal.no_write_before().map(|at| at.to_string()),
        },
    }))
}
