//! Copying a file in another format, and converting it (docs/DOCSPACE.md A7).

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::files::{file_json, readable};
use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::conversion::{converted, opened_as};
use crate::ids::{FileId, FolderId};
use crate::json::Renderer;
use crate::portal::Portal;
use crate::storage::{File, Storage, clean_title, split_extension};
use crate::user::User;

const PASSWORD_REQUIRED: &str = "Error occurred in the Documents Service (password)";

/// A copy of a file under another title.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CopyBody {
    dest_title: Option<String>,
    dest_folder_id: Option<Value>,
    password: Option<String>,
}

/// Copies a file. If the new title has another extension, the copy is converted, or keeps its bytes if it cannot be.
pub(super) async fn copy_as(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<CopyBody>,
) -> ApiResult {
    let Some(title) = body.dest_title else {
        return Ok(responder.invalid("DestTitle", "The DestTitle field is required."));
    };
    let folder = match body.dest_folder_id {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text,
        _ => return Ok(responder.empty()),
    };
    let id = FileId::from(id.as_str());
    let file = source(&portal, &id)?;
    let (_, extension) = split_extension(&file.title);
    let same_extension = split_extension(&title).1.eq_ignore_ascii_case(extension);
    let copy = if same_extension {
        let title = title.rsplit('/').next().unwrap_or_default();
        copy_unchanged(&portal, &file, &folder, title)?
    } else {
        check_password(&file, body.password.as_deref())?;
        copy_converted(&portal, &file, &folder, &title)?
    };
    Ok(responder.ok(&file_json(&portal, &copy, &responder)?))
}

/// The file to copy, which needs only the right to read it.
fn source(portal: &Portal, id: &FileId) -> Result<File, ApiError> {
    let state = portal.state();
    readable(&state.storage, id)
        .cloned()
        .map_err(|error| match error {
            ApiError::DeniedBecause(_) => ApiError::Denied,
            error => error,
        })
}

fn check_password(file: &File, given: Option<&str>) -> Result<(), ApiError> {
    if file.password.is_none() || file.password.as_deref() == given {
        return Ok(());
    }
    Err(ApiError::Failed(PASSWORD_REQUIRED))
}

/// Copies a file without converting it. Folder 0 is My documents; another file of the title stays.
fn copy_unchanged(
    portal: &Portal,
    file: &File,
    folder: &str,
    title: &str,
) -> Result<FileId, ApiError> {
    let folder = match folder {
        "0" => portal.seed().my_documents.clone(),
        folder => FolderId::from(folder),
    };
    check_target(&portal.state().storage, &folder, ApiError::Denied)?;
    Ok(add(
        portal,
        &folder,
        title,
        &file.content,
        &["file.created"],
    ))
}

/// Copies a file in another format. A title that is taken gets a number.
fn copy_converted(
    portal: &Portal,
    file: &File,
    folder: &str,
    title: &str,
) -> Result<FileId, ApiError> {
    let folder = FolderId::from(folder);
    check_target(&portal.state().storage, &folder, ApiError::FolderMissing)?;
    let title = clean_title(title);
    let (name, extension) = split_extension(&title);
    let extension = match extension {
        "" => ".".to_owned(),
        extension => extension.to_lowercase(),
    };
    let title = format!("{name}{extension}");
    let title = portal.state().storage.free_title(&folder, &title);
    let content = converted(&file.content, &extension);
    let events = &["file.created", "file.uploaded"];
    Ok(add(portal, &folder, &title, &content, events))
}

fn check_target(storage: &Storage, id: &FolderId, missing: ApiError) -> Result<(), ApiError> {
    let folder = storage.folder(id).ok_or(missing)?;
    if storage.may_create_in(folder) {
        Ok(())
    } else {
        Err(ApiError::Denied)
    }
}

fn add(
    portal: &Portal,
    folder: &FolderId,
    title: &str,
    content: &Bytes,
    events: &[&'static str],
) -> FileId {
    portal.add_file_by(User::Service, folder, (title, content), events)
}

/// A copy of a file as PDF.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PdfBody {
    folder_id: Option<FolderId>,
    title: Option<String>,
}

/// Saves a copy of a file as PDF. The extension is appended in any case.
pub(super) async fn save_as_pdf(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<PdfBody>,
) -> ApiResult {
    let file = source(&portal, &FileId::from(id.as_str()))?;
    check_password(&file, None)?;
    let folder = body.folder_id.ok_or(ApiError::FolderMissing)?;
    check_target(&portal.state().storage, &folder, ApiError::FolderMissing)?;
    let title = format!("{}.pdf", body.title.unwrap_or_default());
    let content = converted(&file.content, ".pdf");
    let copy = add(&portal, &folder, &title, &content, &["file.created"]);
    Ok(responder.ok(&file_json(&portal, &copy, &responder)?))
}

/// How a file is converted; the members that do not affect the sandbox are left out.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ConversionBody {
    sync: Option<bool>,
}

/// Starts to convert a file of a format that is converted on opening. For other files, and for unknown ones, the list of
/// conversions is empty. The body is optional.
pub(super) async fn start(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    body: Bytes,
) -> ApiResult {
    let body = match &body[..] {
        [] => ConversionBody::default(),
        body => match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(_) => {
                return Ok(responder.invalid("$", "The JSON value could not be converted."));
            }
        },
    };
    let id = FileId::from(id.as_str());
    let waits = body.sync.unwrap_or(false);
    start_conversion(&portal, &id, waits)?;
    Ok(read(&portal, &id, &responder))
}

/// The query of a conversion.
#[derive(Debug, Deserialize)]
pub(super) struct ConversionQuery {
    start: Option<bool>,
}

/// Shows the conversion of a file, and starts it first if that is asked for.
pub(super) async fn status(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(query): Query<ConversionQuery>,
    responder: Responder,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    if query.start.unwrap_or(false) {
        start_conversion(&portal, &id, false)?;
    }
    Ok(read(&portal, &id, &responder))
}

fn start_conversion(portal: &Portal, id: &FileId, waits: bool) -> Result<(), ApiError> {
    let mut state = portal.state();
    let Some(file) = state.storage.file(id) else {
        return Ok(());
    };
    if !state.storage.may_copy(file) {
        return Err(ApiError::Denied);
    }
    let is_convertible = opened_as(&file.title).is_some();
    if !is_convertible || !state.conversions.start(id) {
        return Ok(());
    }
    let time = state.operation_time;
    drop(state);
    if waits || time.is_zero() {
        finish(portal, id);
    } else {
        let run = finish_after(portal.clone(), id.clone(), time);
        portal.shared.operations.spawn(run);
    }
    Ok(())
}

async fn finish_after(portal: Portal, id: FileId, time: Duration) {
    tokio::time::sleep(time).await;
    finish(&portal, &id);
}

fn finish(portal: &Portal, id: &FileId) {
    portal.update(|state, now| state.conversions.finish(id, &mut state.storage, now));
}

fn read(portal: &Portal, id: &FileId, responder: &Responder) -> Response {
    let shown = portal.update(|state, now| {
        let renderer = Renderer {
            storage: &state.storage,
            base_url: &responder.base_url,
        };
        state.conversions.read(id, &renderer, now)
    });
    responder.ok(&shown)
}
