//! The HTTP API: the routes, and the envelopes of responses and errors (docs/DOCSPACE.md 5.1, 5.4).

mod account_changes;
mod account_lists;
mod activity;
mod archiving;
mod bulk_download;
mod conversion;
mod deletion;
mod download;
mod dry_runs;
mod duplication;
mod error;
mod file_settings;
mod fileops;
mod files;
mod folders;
mod json_body;
mod link_body;
mod link_target;
mod links;
mod listing;
mod login;
mod page;
mod people;
mod responder;
mod rooms;
mod routes;
mod settings;
mod sharing;
mod tags;
mod templates;
mod upload_sessions;
mod uploads;
mod webhooks;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::access::{Authorization, allows_anonymous};
use super::json::date;
use super::portal::Portal;
use super::user::User;

pub(super) use self::download::DOWNLOADS;
pub(super) use self::error::ApiError;
use self::responder::Responder;
pub(super) use self::upload_sessions::CHUNKS;

/// The largest upload, in bytes.
pub(super) const UPLOAD_LIMIT: usize = 256 * 1024 * 1024;

/// The routes of the API, which check the key, except for those that are also for anonymous visitors.
pub(super) fn router(portal: &Portal) -> Router<Portal> {
    Router::new()
        .route("/api/2.0/people/@self", get(profile))
        .route("/api/2.0/keys/@self", get(key))
        .merge(routes::room_routes())
        .merge(routes::file_routes())
        .merge(routes::operation_routes())
        .merge(routes::sharing_routes())
        .merge(routes::people_routes())
        .merge(routes::webhook_routes())
        .route_layer(from_fn_with_state(portal.clone(), authorize))
        .route(DOWNLOADS, get(download::stream))
        .route(CHUNKS, post(upload_sessions::chunk))
        .route("/api/2.0/settings", get(settings::settings))
        .route("/api/2.0/settings/cultures", get(settings::cultures))
        .route("/api/2.0/settings/version/build", get(settings::version))
        .route(
            "/api/2.0/authentication",
            get(login::is_signed_in).post(login::sign_in),
        )
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}

/// Passes a call on to its handler, or rejects it as the portal does.
async fn authorize(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let given = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization(&portal, given, Some((method, path)));
    let anonymous = allows_anonymous(method, path);
    match authorization {
        Authorization::Allowed => next.run(request).await,
        Authorization::NoKey if anonymous => ApiError::Anonymous.into_response(),
        Authorization::BadKey if anonymous => StatusCode::FORBIDDEN.into_response(),
        Authorization::ScopeMissing if anonymous => ApiError::ScopeMissing.into_response(),
        Authorization::ScopeMissing => StatusCode::FORBIDDEN.into_response(),
        Authorization::NoKey | Authorization::BadKey => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// Whether the holder of the key or login token in a header may make a call. A login token needs no `Bearer`.
fn authorization(
    portal: &Portal,
    header: Option<&HeaderValue>,
    call: Option<(&Method, &str)>,
) -> Authorization {
    let given = header.and_then(|value| value.to_str().ok());
    let key = given.map(|given| match given.strip_prefix("Bearer ") {
        Some(key) => key,
        None if given.starts_with("sk-") => "",
        None => given,
    });
    let state = portal.state();
    state.access.authorization(portal.api_key(), key, call)
}

/// The result of a handler.
type ApiResult = Result<Response, ApiError>;

async fn profile(State(portal): State<Portal>, responder: Responder) -> ApiResult {
    let profile = {
        let state = portal.state();
        let people = &state.storage.people;
        let service = people.person(User::Service.id());
        let service = service.ok_or(ApiError::PersonMissing)?;
        let mut profile = state.renderer(&responder.base_url).person(service);
        profile["listAdminModules"] = json!([]);
        profile
    };
    Ok(responder.ok(&profile))
}

async fn key(State(portal): State<Portal>, responder: Responder) -> ApiResult {
    let postfix: String = {
        let key = portal.api_key();
        key.chars()
            .skip(key.chars().count().saturating_sub(4))
            .collect()
    };
    let key = {
        let state = portal.state();
        json!({
            "id": "a1f5e0c8-9d0b-4f5a-8f3c-2f1b7d6e5c44",
            "name": "docflow",
            "key": format!("sk-***{postfix}"),
            "keyPostfix": postfix,
            "permissions": state.access.scopes,
            "lastUsed": date(portal.now()),
            "createOn": date(portal.shared.created),
            "createBy": state.renderer(&responder.base_url).user(User::Service),
            "expiresAt": date(portal.shared.created + jiff::SignedDuration::from_hours(365 * 24)),
            "isActive": state.access.key_valid,
        })
    };
    Ok(responder.ok(&key))
}
