//! The content of files, which is not part of the API (docs/DOCSPACE.md A9.6).

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::authorization;
use crate::access::Authorization;
use crate::ids::FileId;
use crate::portal::Portal;

/// The address of the handler.
pub(crate) const DOWNLOADS: &str = "/filehandler.ashx";

/// What is requested.
#[derive(Debug, Deserialize)]
pub(super) struct FileQuery {
    action: Option<String>,
    fileid: Option<String>,
}

/// Streams the newest version of a file, for callers who may download it. Raises no event. Errors have no body.
pub(super) async fn stream(
    State(portal): State<Portal>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
) -> Response {
    if query.action.as_deref() != Some("stream") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let given = headers.get(header::AUTHORIZATION);
    if authorization(&portal, given, None) != Authorization::Allowed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let id = FileId::from(query.fileid.unwrap_or_default().as_str());
    let state = portal.state();
    let Some(file) = state.storage.file(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !state.storage.may_copy(file) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Body::from(file.content.clone()).into_response()
}
