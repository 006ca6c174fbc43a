//! The content of files, which is not part of the API (docs/DOCSPACE.md A9.6).

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::files::readable;
use super::{ApiResult, Responder, authorization};
use crate::access::Authorization;
use crate::ids::FileId;
use crate::portal::Portal;
use crate::signature::sign;
use crate::storage::split_extension;

/// The address of the handler.
pub(crate) const DOWNLOADS: &str = "/filehandler.ashx";

/// What is requested.
#[derive(Debug, Deserialize)]
pub(super) struct FileQuery {
    action: Option<String>,
    fileid: Option<String>,
    /// The name of a prepared download.
    filename: Option<String>,
    /// What an address has instead of a key.
    stream_auth: Option<String>,
}

/// Streams the newest version of a file, or a prepared download, for callers who may download it. Raises no event. Errors
/// have no body.
pub(super) async fn stream(
    State(portal): State<Portal>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
) -> Response {
    let is_bulk = match query.action.as_deref() {
        Some("stream") => false,
        Some("bulk") => true,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let id = FileId::from(query.fileid.unwrap_or_default().as_str());
    let given = headers.get(header::AUTHORIZATION);
    let is_presigned = !is_bulk && query.stream_auth == Some(stream_key(&portal, &id));
    if !is_presigned && authorization(&portal, given, None) != Authorization::Allowed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let state = portal.state();
    if is_bulk {
        let name = hex::decode(query.filename.unwrap_or_default());
        let name = name.ok().and_then(|name| String::from_utf8(name).ok());
        let found = name.and_then(|name| state.storage.downloads.get_key_value(&name));
        return found.map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |(name, content)| attachment(name, content.clone()),
        );
    }
    let Some(file) = state.storage.file(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !state.storage.may_copy(file) {
        return StatusCode::FORBIDDEN.into_response();
    }
    attachment(&file.title, file.content.clone())
}

fn attachment(name: &str, content: Bytes) -> Response {
    let name: String = name.bytes().map(encoded).collect();
    let disposition = format!("attachment; filename*=UTF-8''{name}");
    let headers = [(header::CONTENT_DISPOSITION, disposition)];
    (headers, Body::from(content)).into_response()
}

/// A byte of a file name in a header.
fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// What the address of a file has instead of a key.
fn stream_key(portal: &Portal, id: &FileId) -> String {
    sign(portal.secret(), id.as_str().as_bytes()).replace("sha256=", "")
}

/// An address from which a file can be downloaded without a key (`FileStorageService.cs` of DocSpace-server). Its token
/// would be for the document editors, which the sandbox does not have.
pub(super) async fn presigned(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    let state = portal.state();
    let file = readable(&state.storage, &id)?;
    Ok(responder.ok(&json!({
        "filetype": split_extension(&file.title).1,
        "url": stream_address(&portal, &id, &responder),
        "token": stream_key(&portal, &id),
    })))
}

/// The same address alone.
pub(super) async fn presigned_uri(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    readable(&portal.state().storage, &id)?;
    Ok(responder.ok(&stream_address(&portal, &id, &responder).into()))
}

fn stream_address(portal: &Portal, id: &FileId, responder: &Responder) -> String {
    let key = stream_key(portal, id);
    let base = &responder.base_url;
    format!("{base}{DOWNLOADS}?action=stream&fileid={id}&stream_auth={key}")
}
