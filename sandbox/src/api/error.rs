//! The error responses of the API (docs/DOCSPACE.md 5.4).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::responder::json_response;
use crate::refusal::Refusal;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// A missing right, a first file that does not exist, or a file that is in use.
    Denied,
    /// A denial that states the reason.
    DeniedBecause(&'static str),
    /// No key on a route that anonymous visitors may call.
    Anonymous,
    /// A key without the scope on a route that anonymous visitors may call.
    ScopeMissing,
    /// A wrong name or password.
    BadCredentials,
    FolderMissing,
    FileMissing,
    /// The second or a later file of a request does not exist.
    LaterFileMissing,
    RecordMissing,
    PersonMissing,
    GroupMissing,
    BadArgument(&'static str),
    /// A body that is not JSON, or a form that cannot be read.
    UnsupportedBody,
    Server,
    /// A refusal that the portal does not tell from a failure.
    Failed(&'static str),
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
            Self::ScopeMissing => return scope_missing(),
            Self::BadCredentials => (
                401,
                "User authentication failed",
                "System.Security.Authentication.AuthenticationException",
                -2_146_233_087,
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
            Self::PersonMissing => (
                404,
                "The user could not be found",
                NOT_FOUND,
                -2_146_233_088,
            ),
            Self::GroupMissing => (404, "Group not found", NOT_FOUND, -2_146_233_088),
            Self::Failed(message) => (500, message, "System.Exception", -2_146_233_088),
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

/// The problem document for a key without the scope on a route that anonymous visitors may call (docs/DOCSPACE.md 5.4).
fn scope_missing() -> Response {
    let problem = json!({
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.4",
        "title": "Forbidden",
        "status": 403,
        "traceId": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    });
    let content_type = HeaderValue::from_static("application/problem+json");
    let headers = [(header::CONTENT_TYPE, content_type)];
    (StatusCode::FORBIDDEN, headers, problem.to_string()).into_response()
}
