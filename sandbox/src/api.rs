//! The HTTP API: the routes, and the envelopes of responses and errors (docs/DOCSPACE.md 5.1, 5.4).

mod activity;
mod archiving;
mod deletion;
mod dry_runs;
mod error;
mod fileops;
mod files;
mod folders;
mod json_body;
mod link_body;
mod link_target;
mod links;
mod listing;
mod page;
mod people;
mod responder;
mod rooms;
mod sharing;
mod uploads;
mod webhooks;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use serde_json::json;

use super::access::{Authorization, allows_anonymous};
use super::json::date;
use super::portal::Portal;
use super::user::User;

pub(super) use self::error::ApiError;
use self::responder::Responder;

/// The largest upload, in bytes.
pub(super) const UPLOAD_LIMIT: usize = 256 * 1024 * 1024;

/// The version of the portal that the sandbox imitates, and of its document editors.
const DOCSPACE_VERSION: &str = "3.7.2";
const DOCS_VERSION: &str = "9.2.1";

/// The routes of the API, which check the key, except for the version.
pub(super) fn router(portal: &Portal) -> Router<Portal> {
    Router::new()
        .route("/api/2.0/people/@self", get(profile))
        .route("/api/2.0/keys/@self", get(key))
        .merge(room_routes())
        .merge(file_routes())
        .merge(operation_routes())
        .merge(sharing_routes())
        .merge(people_routes())
        .merge(webhook_routes())
        .route_layer(from_fn_with_state(portal.clone(), authorize))
        .route("/api/2.0/settings/version/build", get(version))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}

fn room_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/files/rooms",
            get(listing::rooms).post(rooms::create),
        )
        .route(
            "/api/2.0/files/rooms/{id}",
            get(rooms::room)
                .put(rooms::update)
                .delete(deletion::delete_room),
        )
        .route(
            "/api/2.0/files/rooms/{id}/tags",
            put(rooms::add_tags).delete(rooms::remove_tags),
        )
        .route("/api/2.0/files/rooms/{id}/archive", put(archiving::archive))
        .route(
            "/api/2.0/files/rooms/{id}/unarchive",
            put(archiving::unarchive),
        )
        .route(
            "/api/2.0/files/tags",
            get(rooms::tags).post(rooms::create_tag),
        )
}

fn file_routes() -> Router<Portal> {
    Router::new()
        .route("/api/2.0/files/{id}", get(listing::content))
        .route("/api/2.0/files/{id}/subfolders", get(folders::subfolders))
        .route("/api/2.0/files/{id}/upload", post(uploads::upload))
        .route("/api/2.0/files/{id}/insert", post(uploads::insert))
        .route("/api/2.0/files/{id}/text", post(uploads::text))
        .route("/api/2.0/files/{id}/update", put(uploads::update))
        .route(
            "/api/2.0/files/folder/{id}",
            get(folders::folder)
                .post(folders::create)
                .put(folders::rename)
                .delete(deletion::delete_folder),
        )
        .route("/api/2.0/files/folder/{id}/path", get(folders::path))
        .route("/api/2.0/files/folder/{id}/log", get(activity::of_folder))
        .route(
            "/api/2.0/files/file/{id}",
            get(files::file)
                .put(files::rename)
                .delete(deletion::delete_file),
        )
        .route("/api/2.0/files/file/{id}/comment", put(files::comment))
        .route("/api/2.0/files/file/{id}/lock", put(files::lock))
        .route("/api/2.0/files/file/{id}/log", get(activity::of_file))
}

fn sharing_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/files/rooms/{id}/share",
            get(sharing::members).put(sharing::share),
        )
        .route(
            "/api/2.0/files/rooms/{id}/link",
            get(links::primary_of_room),
        )
        .route(
            "/api/2.0/files/rooms/{id}/links",
            get(links::of_room).put(links::set_of_room),
        )
        .route(
            "/api/2.0/files/file/{id}/link",
            get(links::primary_of_file).post(links::create_primary_of_file),
        )
        .route(
            "/api/2.0/files/file/{id}/links",
            get(links::of_file).put(links::set_of_file),
        )
}

fn people_routes() -> Router<Portal> {
    Router::new()
        .route("/api/2.0/people/email", get(people::by_email))
        .route("/api/2.0/people/filter", get(people::people))
        .route("/api/2.0/people/simple/filter", get(people::people))
        .route("/api/2.0/people/{id}", get(people::person))
        .route("/api/2.0/group", get(people::groups))
        .route("/api/2.0/group/{id}", get(people::group))
        .route("/api/2.0/group/user/{id}", get(people::groups_of_person))
        .route(
            "/api/2.0/group/{id}/members",
            put(people::add_members)
                .delete(people::remove_members)
                .post(people::replace_members),
        )
}

fn operation_routes() -> Router<Portal> {
    Router::new()
        .route("/api/2.0/files/fileops", get(fileops::list))
        .route(
            "/api/2.0/files/fileops/copy",
            put(fileops::copy).get(fileops::list_copies),
        )
        .route(
            "/api/2.0/files/fileops/move",
            put(fileops::move_).get(dry_runs::conflicts),
        )
        .route(
            "/api/2.0/files/fileops/checkdestfolder",
            get(dry_runs::destination),
        )
        .route(
            "/api/2.0/files/fileops/delete",
            put(deletion::delete).get(fileops::list_deletions),
        )
        .route(
            "/api/2.0/files/fileops/emptytrash",
            put(deletion::empty_trash),
        )
        .route("/api/2.0/files/fileops/{kind}", get(fileops::list_kind))
        .route(
            "/api/2.0/files/fileops/terminate/{id}",
            put(fileops::terminate),
        )
}

fn webhook_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/settings/webhook",
            get(webhooks::list)
                .post(webhooks::create)
                .put(webhooks::update),
        )
        .route("/api/2.0/settings/webhook/enable", put(webhooks::enable))
        .route(
            "/api/2.0/settings/webhook/triggers",
            get(webhooks::triggers),
        )
        .route("/api/2.0/settings/webhook/retry", put(webhooks::retry_many))
        .route("/api/2.0/settings/webhook/{id}", delete(webhooks::delete))
        .route("/api/2.0/settings/webhook/{id}/retry", put(webhooks::retry))
        .route("/api/2.0/settings/webhooks/log", get(webhooks::log))
}

/// Passes a call on to its handler, or rejects it as the portal does.
async fn authorize(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let key = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let (method, path) = (request.method(), request.uri().path());
    let authorization = {
        let state = portal.state();
        state
            .access
            .authorization(portal.api_key(), key, method, path)
    };
    let anonymous = allows_anonymous(method, path);
    match authorization {
        Authorization::Allowed => next.run(request).await,
        Authorization::NoKey if anonymous => ApiError::Anonymous.into_response(),
        Authorization::BadKey if anonymous => StatusCode::FORBIDDEN.into_response(),
        Authorization::ScopeMissing => StatusCode::FORBIDDEN.into_response(),
        Authorization::NoKey | Authorization::BadKey => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// The result of a handler.
type ApiResult = Result<Response, ApiError>;

/// The version, which the portal shows without a key.
async fn version(responder: Responder) -> Response {
    responder.ok(&json!({ "docSpace": DOCSPACE_VERSION, "documentServer": DOCS_VERSION }))
}

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
