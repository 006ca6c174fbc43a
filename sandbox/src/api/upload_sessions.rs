//! Uploads in chunks (`UploadControllerHelper.cs` and `ChunkedUploaderHandler.cs` of DocSpace-server). A session of the
//! sandbox does not expire.

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::files::file_json;
use super::json_body::JsonBody;
use super::responder::json_response;
use super::uploads::{check_destination, put, read_form};
use super::{ApiResult, Responder, authorization};
use crate::access::Authorization;
use crate::guid::random_guid;
use crate::portal::Portal;
use crate::state::{State as PortalState, UploadSession};

/// The address to which the chunks go.
pub(crate) const CHUNKS: &str = "/ChunkedUploader.ashx";

/// The stated validity of a session.
const VALIDITY: SignedDuration = SignedDuration::from_hours(12);

/// The largest file.
const LARGEST: u64 = super::UPLOAD_LIMIT as u64;

const NOT_AUTHORIZED: &str = "Not authorized or session with specified upload id already expired";

/// A new session, without the members that do not affect the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionBody {
    file_name: Option<String>,
    file_size: Option<u64>,
    create_new_if_exist: Option<bool>,
}

/// Creates a session for a file in a folder.
pub(super) async fn create(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<SessionBody>,
) -> ApiResult {
    let Some(title) = body.file_name.filter(|name| !name.trim().is_empty()) else {
        return Ok(responder.invalid("FileName", "The FileName field is required."));
    };
    let size = body.file_size.unwrap_or(0);
    if size > LARGEST {
        return Ok(responder.invalid("FileSize", "The file is too large."));
    }
    let folder = portal.folder_of_address(&folder);
    check_destination(&portal, &folder)?;
    let session = UploadSession {
        id: random_guid().replace('-', ""),
        folder,
        title,
        size,
        creates: body.create_new_if_exist.unwrap_or(false),
        content: Vec::new(),
    };
    let mut state = portal.state();
    let data = session_json(&portal, &state, &session, &responder);
    state.uploads.push(session);
    drop(state);
    Ok(responder.ok(&json!({ "success": true, "data": data })))
}

fn session_json(
    portal: &Portal,
    state: &PortalState,
    session: &UploadSession,
    responder: &Responder,
) -> Value {
    let path = state.storage.path(&session.folder);
    let path: Vec<_> = path.iter().map(|folder| &folder.id).collect();
    let created = portal.now();
    json!({
        "id": session.id,
        "path": path,
        "created": created.to_string(),
        "expired": (created + VALIDITY).to_string(),
        "location": format!("{}{CHUNKS}?uid={}", responder.base_url, session.id),
        "bytes_total": session.size,
    })
}

/// The query of a chunk.
#[derive(Debug, Deserialize)]
pub(super) struct ChunkQuery {
    uid: Option<String>,
    abort: Option<bool>,
}

/// Takes the next chunk of a session. The last one creates the file, for which the status is 201. Errors have the status
/// 200.
pub(super) async fn chunk(
    State(portal): State<Portal>,
    Query(query): Query<ChunkQuery>,
    headers: HeaderMap,
    responder: Responder,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let given = headers.get(header::AUTHORIZATION);
    if authorization(&portal, given, None) != Authorization::Allowed {
        return failure(NOT_AUTHORIZED);
    }
    let id = query.uid.unwrap_or_default();
    if query.abort.unwrap_or(false) {
        portal.state().uploads.retain(|session| session.id != id);
        return success(StatusCode::OK, &Value::Null);
    }
    let Some((_, content)) = read_form(form).await.ok().and_then(|form| form.file) else {
        return failure("HttpRequest.Files is empty");
    };
    let finished = {
        let mut state = portal.state();
        let Some(position) = state.uploads.iter().position(|known| known.id == id) else {
            return failure(NOT_AUTHORIZED);
        };
        let session = &mut state.uploads[position];
        session.content.extend_from_slice(&content);
        let received = session.content.len() as u64;
        if received > session.size {
            return failure("The uploaded data exceed the size of the file");
        }
        if received < session.size {
            let data = session_json(&portal, &state, &state.uploads[position], &responder);
            return success(StatusCode::OK, &data);
        }
        state.uploads.remove(position)
    };
    let file = (&*finished.title, &*finished.content);
    let triggers = &["file.uploaded"];
    let id = put(&portal, &finished.folder, file, finished.creates, triggers);
    let Ok(file) = file_json(&portal, &id, &responder) else {
        return failure("The required file was not found");
    };
    let data = json!({
        "id": id,
        "folderId": finished.folder,
        "version": file["version"],
        "title": file["title"],
        "uploaded": true,
        "file": file,
    });
    success(StatusCode::CREATED, &data)
}

fn success(status: StatusCode, data: &Value) -> Response {
    let body = json!({ "success": true, "data": data, "message": "" });
    (status, json_response(&body)).into_response()
}

fn failure(message: &str) -> Response {
    json_response(&json!({ "success": false, "message": message }))
}
