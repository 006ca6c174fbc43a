//! The HTTP API: the routes, and the envelopes of responses and errors (docs/DOCSPACE.md 5.1, 5.4).

mod dry_runs;
mod fileops;
mod files;
mod folders;
mod json_body;
mod webhooks;

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use serde_json::{Value, json};

use super::access::{Authorization, allows_anonymous};
use super::json::date;
use super::portal::Portal;
use super::refusal::Refusal;
use super::user::User;

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
        .merge(file_routes())
        .merge(webhook_routes())
        .route_layer(from_fn_with_state(portal.clone(), authorize))
        .route("/api/2.0/settings/version/build", get(version))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}

fn file_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/files/rooms",
            get(files::rooms).post(folders::create_room),
        )
        .route(
            "/api/2.0/files/rooms/{id}",
            get(folders::room).delete(fileops::delete_room),
        )
        .route("/api/2.0/files/{id}", get(files::content))
        .route("/api/2.0/files/{id}/upload", post(files::upload))
        .route(
            "/api/2.0/files/folder/{id}",
            get(files::folder).post(folders::create),
        )
        .route("/api/2.0/files/folder/{id}/path", get(files::path))
        .route("/api/2.0/files/file/{id}", get(files::file))
        .route("/api/2.0/files/file/{id}/comment", put(files::comment))
        .route("/api/2.0/files/file/{id}/log", get(files::activity_log))
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
            put(fileops::delete).get(fileops::list_deletions),
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

/// Writes the envelope of a response, which contains a link to the call itself.
struct Responder {
    base_url: String,
    path: String,
    method: String,
}

impl FromRequestParts<Portal> for Responder {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        portal: &Portal,
    ) -> Result<Self, Self::Rejection> {
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        Ok(Self {
            base_url: portal.state().base_url(),
            path: path.to_owned(),
            method: parts.method.to_string(),
        })
    }
}

impl Responder {
    /// A successful response.
    fn ok(&self, response: &Value) -> Response {
        json_response(&self.envelope(response))
    }

    /// A successful response with a page of a longer list.
    fn page(&self, response: &Value, total: usize) -> Response {
        let mut envelope = self.envelope(response);
        envelope["total"] = total.into();
        json_response(&envelope)
    }

    /// The response to a request with an invalid field. DocSpace wraps it like a success.
    fn invalid(&self, field: &str, message: &str) -> Response {
        let mut envelope = self.envelope(&json!({
            "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
            "title": "One or more validation errors occurred.",
            "status": 400,
            "errors": { field: [message] },
            "traceId": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        }));
        envelope["status"] = 1.into();
        envelope["statusCode"] = 400.into();
        (StatusCode::BAD_REQUEST, json_response(&envelope)).into_response()
    }

    fn envelope(&self, response: &Value) -> Value {
        json!({
            "response": response,
            "count": 1,
            "links": [{ "href": format!("{}{}", self.base_url, self.path), "action": self.method }],
            "status": 0,
            "statusCode": 200,
        })
    }
}

fn json_response(value: &Value) -> Response {
    let mut response = Json(value).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiError {
    /// A missing right, a first file that does not exist, or a file that is in use.
    Denied,
    /// A denial that states the reason.
    DeniedBecause(&'static str),
    /// No key on a route that anonymous visitors may call.
    Anonymous,
    FolderMissing,
    FileMissing,
    /// The second or a later file of a request does not exist.
    LaterFileMissing,
    RecordMissing,
    BadArgument(&'static str),
    /// A body that is not JSON, or a form that cannot be read.
    UnsupportedBody,
    Server,
    /// The status of an injected fault.
    Injected(u16),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::DestinationMissing => Self::FolderMissing,
            Refusal::LaterFileMissing => Self::LaterFileMissing,
            Refusal::Denied => Self::Denied,
            Refusal::DeniedBecause(message) => Self::DeniedBecause(message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        const NOT_FOUND: &str = "ASC.Common.Web.ItemNotFoundException";
        let (status, message, kind, hresult) = match self {
            Self::Denied => (
                403,
                "Access denied",
                "System.Security.SecurityException",
                -2_146_233_078,
            ),
            Self::DeniedBecause(message) => (
                403,
                message,
                "System.InvalidOperationException",
                -2_146_233_079,
            ),
            Self::Anonymous => (
                401,
                "Access denied",
                "System.Security.SecurityException",
                -2_146_233_078,
            ),
            Self::FolderMissing => (
                404,
                "The required folder was not found",
                NOT_FOUND,
                -2_146_233_088,
            ),
            Self::FileMissing => (
                404,
                "The required file was not found",
                NOT_FOUND,
                -2_146_233_088,
            ),
            Self::LaterFileMissing => (
                404,
                "The required file was not found",
                "System.IO.FileNotFoundException",
                -2_147_024_894,
            ),
            Self::RecordMissing => (
                404,
                "The record could not be found",
                NOT_FOUND,
                -2_146_233_088,
            ),
            Self::BadArgument(message) => {
                (400, message, "System.ArgumentException", -2_147_024_809)
            }
            Self::UnsupportedBody => (
                415,
                "Unsupported Media Type",
                "System.NotSupportedException",
                -2_146_233_067,
            ),
            Self::Injected(status) => (
                status,
                "An injected fault",
                "System.Exception",
                -2_146_233_088,
            ),
            Self::Server => (
                500,
                "Object reference not set to an instance of an object.",
                "System.NullReferenceException",
                -2_147_467_261_i64,
            ),
        };
        let envelope = json!({
            "error": {
                "message": message,
                "type": kind,
                "stack": "   at (server stack trace)",
                "hresult": hresult,
            },
            "status": 1,
            "statusCode": status,
        });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, json_response(&envelope)).into_response()
    }
}

/// The version, which the portal shows without a key.
async fn version(responder: Responder) -> Response {
    responder.ok(&json!({ "docSpace": DOCSPACE_VERSION, "documentServer": DOCS_VERSION }))
}

async fn profile(State(portal): State<Portal>, responder: Responder) -> ApiResult {
    let profile = {
        let state = portal.state();
        state
            .renderer(&responder.base_url)
            .profile(User::Service, portal.shared.created)
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
