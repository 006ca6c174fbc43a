//! The JSON API: what `events list --json` and `events show --json` print, and the overall status.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::console::Console;
use super::layout::log_store_error;
use super::list_query::ListQuery;
use crate::backfill::{self, Backfill};
use crate::catch_up::{ListingProgress, listing_progress};
use crate::db::StoreError;
use crate::docspace::OpenReason;
use crate::journal::overview::{Overview, overview};
use crate::journal::{self, EventDetails, EventView};
use crate::notify::ChannelStatus;
use crate::text::escape_json;

/// Events in a response, if the request names no limit.
const DEFAULT_EVENTS: u32 = 50;

/// Most events in one response.
const MAX_EVENTS: u32 = 1000;

pub(super) type ApiResult<T> = Result<ApiJson<T>, (StatusCode, Cow<'static, str>)>;

/// A response in JSON without characters that control a terminal.
pub(super) struct ApiJson<T>(pub(super) T);

impl<T: Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        match serde_json::to_string(&self.0) {
            Ok(json) => (kind, escape_json(&json)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// The response for a store that cannot be read, whose log line this writes.
pub(super) fn store_unavailable(error: &StoreError) -> (StatusCode, Cow<'static, str>) {
    log_store_error(error);
    let sentence = "the store cannot be read\n";
    (StatusCode::SERVICE_UNAVAILABLE, sentence.into())
}

/// The overall status.
#[derive(Debug, Serialize)]
pub(super) struct StatusResponse {
    version: &'static str,
    #[serde(flatten)]
    overview: Overview,
    portal: PortalStatus,
    channels: Vec<ChannelEntry>,
    /// How far the listing of the watched rooms is; `null` if none is under way.
    listing: Option<ListingProgress>,
    /// The newest backfill; `null` if there was none.
    backfill: Option<Backfill>,
}

/// One channel, as its circuit breaker sees it.
#[derive(Debug, Serialize)]
struct ChannelEntry {
    /// `email`, `chat`, `pipeline`, or `pipeline:` and the key of a pipeline of the rules file.
    channel: String,
    /// Its name for people.
    name: String,
    /// Why it is not used: `unreachable`, `failing`, `set_up_rejected`, `limit`; `null` while it is used.
    problem: Option<&'static str>,
    /// The cause, for the operator.
    reason: Option<String>,
    /// Since when it is not used.
    since: Option<String>,
}

impl From<ChannelStatus> for ChannelEntry {
    fn from(status: ChannelStatus) -> Self {
        let outage = status.outage;
        Self {
            channel: status.id.to_string(),
            name: status.name,
            problem: outage.as_ref().map(|outage| outage.problem.code()),
            since: outage.as_ref().map(|outage| outage.since.to_string()),
            reason: outage.map(|outage| outage.reason),
        }
    }
}

/// The portal, as the circuit breaker and the budget see it.
#[derive(Debug, Serialize)]
struct PortalStatus {
    address: String,
    /// Why the circuit is open: `down`, `key_refused`, `limit`; `null` while it is closed. Its name in JSON is older.
    #[serde(rename = "trouble")]
    open_reason: Option<&'static str>,
    /// Writes left of the portal's 10,000 a day, of those known since midnight UTC.
    writes_left_today: u64,
    /// Calls that can be made at once; further ones are spread within the portal's 1,500 a minute.
    calls_left: u32,
    /// The earliest time of the next copy or move, while the day's writes run out.
    no_write_before: Option<String>,
}

pub(super) async fn events(
    State(console): State<Arc<Console>>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Vec<EventView>> {
    let limit = query.limit.unwrap_or(DEFAULT_EVENTS).min(MAX_EVENTS);
    let refused = |sentence: String| (StatusCode::BAD_REQUEST, format!("{sentence}\n").into());
    let filter = query.filter().map_err(refused)?;
    let list = console
        .db
        .read(move |sql| journal::list(sql, &filter, limit));
    list.await
        .map(ApiJson)
        .map_err(|error| store_unavailable(&error))
}

pub(super) async fn event(
    State(console): State<Arc<Console>>,
    Path(id): Path<i64>,
) -> ApiResult<EventDetails> {
    let details = console.db.read(move |sql| journal::find(sql, id));
    let details = details.await.map_err(|error| store_unavailable(&error))?;
    details
        .map(ApiJson)
        .ok_or((StatusCode::NOT_FOUND, "there is no such event\n".into()))
}

/// The newest backfill, if there was one.
pub(super) async fn newest_backfill(
    State(console): State<Arc<Console>>,
) -> ApiResult<Option<Backfill>> {
    let newest = console.db.read(backfill::latest).await;
    newest
        .map(ApiJson)
        .map_err(|error| store_unavailable(&error))
}

pub(super) async fn status(State(console): State<Arc<Console>>) -> ApiResult<StatusResponse> {
    let read = console.db.read(|sql| {
        Ok((
            overview(sql)?,
            listing_progress(sql)?,
            backfill::latest(sql)?,
        ))
    });
    let (overview, listing, backfill) = read.await.map_err(|error| store_unavailable(&error))?;
    Ok(ApiJson(StatusResponse {
        version: env!("CARGO_PKG_VERSION"),
        overview,
        listing,
        backfill,
        channels: console
            .channels
            .statuses()
            .into_iter()
            .map(Into::into)
            .collect(),
        portal: PortalStatus {
            address: console.portal.host().to_owned(),
            open_reason: console.portal.open_reason().map(OpenReason::code),
            writes_left_today: console.portal.writes_left_today(),
            calls_left: console.portal.calls_left(),
            no_write_before: console.portal.no_write_before().map(|at| at.to_string()),
        },
    }))
}
