//! Deleting files, folders and rooms (docs/DOCSPACE.md A6).

use axum::extract::{Extension, Path, Query, State};
use serde::Deserialize;
use serde_json::Value;

use super::fileops::{options, queue, read, start};
use super::json_body::JsonBody;
use super::rooms::{RoomOperationBody, known_room};
use super::{ApiError, ApiResult, Responder};
use crate::deletion::Deletion;
use crate::faults::FaultEffect;
use crate::ids::{FileId, FolderId};
use crate::operations::{Kind, OperationOptions, Selection, Task};
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::storage::Folder;

/// The body of deleting files and folders.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletionBody {
    file_ids: Option<Vec<FileId>>,
    folder_ids: Option<Vec<FolderId>>,
    immediately: Option<bool>,
    delete_after: Option<bool>,
    return_single_operation: Option<bool>,
}

/// Deletes files and folders, or moves them to the trash.
pub(super) async fn delete(
    State(portal): State<Portal>,
    responder: Responder,
    effect: Option<Extension<FaultEffect>>,
    JsonBody(body): JsonBody<DeletionBody>,
) -> ApiResult {
    let deletion = Deletion {
        files: body.file_ids.unwrap_or_default(),
        folders: body.folder_ids.unwrap_or_default(),
        immediately: body.immediately.unwrap_or(false),
    };
    let options = options(body.delete_after.unwrap_or(false), effect);
    let single = body.return_single_operation.unwrap_or(false);
    start_deletion(&portal, &responder, deletion, (options, single))
}

/// Starts a deletion, which is shown alone or with the others.
fn start_deletion(
    portal: &Portal,
    responder: &Responder,
    deletion: Deletion,
    (options, single): (OperationOptions, bool),
) -> ApiResult {
    let task = |state: &PortalState| {
        let is_room = |id: &FolderId| state.storage.folder(id).is_some_and(Folder::is_room);
        if !deletion.immediately && deletion.folders.iter().any(is_room) {
            return Err(ApiError::Denied);
        }
        deletion.check(&state.storage)?;
        Ok(Task::Delete(deletion))
    };
    start(portal, responder, task, options, (Kind::Delete, single))
}

/// The body of deleting one file or folder, which is required.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryDeletionBody {
    delete_after: Option<bool>,
    immediately: Option<bool>,
}

/// The query of deleting one file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryDeletionQuery {
    return_single_operation: Option<bool>,
}

/// Deletes a file, or moves it to the trash.
pub(super) async fn delete_file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(query): Query<EntryDeletionQuery>,
    responder: Responder,
    effect: Option<Extension<FaultEffect>>,
    JsonBody(body): JsonBody<EntryDeletionBody>,
) -> ApiResult {
    let deletion = Deletion {
        files: vec![FileId::from(id.as_str())],
        folders: Vec::new(),
        immediately: body.immediately.unwrap_or(false),
    };
    let options = options(body.delete_after.unwrap_or(false), effect);
    start_deletion(
        &portal,
        &responder,
        deletion,
        (options, query.return_single_operation.unwrap_or(false)),
    )
}

/// Deletes a folder, or moves it to the trash. The response lists all deletions of the account.
pub(super) async fn delete_folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<EntryDeletionBody>,
) -> ApiResult {
    let deletion = Deletion {
        files: Vec::new(),
        folders: vec![FolderId::from(id.as_str())],
        immediately: body.immediately.unwrap_or(false),
    };
    let options = options(body.delete_after.unwrap_or(false), None);
    start_deletion(&portal, &responder, deletion, (options, false))
}

/// Deletes everything in the trash of the service account.
pub(super) async fn empty_trash(State(portal): State<Portal>, responder: Responder) -> ApiResult {
    let trash = &portal.seed().trash;
    let deletion = {
        let state = portal.state();
        let files = state.storage.files_in(trash);
        let folders = state.storage.folders_in(trash);
        Deletion {
            files: files.map(|file| file.id.clone()).collect(),
            folders: folders.map(|folder| folder.id.clone()).collect(),
            immediately: true,
        }
    };
    let options = options(false, None);
    start_deletion(&portal, &responder, deletion, (options, false))
}

/// Deletes a room for good. The response is one operation: that of the account's first deletion.
pub(super) async fn delete_room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<RoomOperationBody>,
) -> ApiResult {
    let deletion = Deletion {
        files: Vec::new(),
        folders: vec![FolderId::from(id.as_str())],
        immediately: true,
    };
    let operations = portal.update(|state, now| {
        for room in &deletion.folders {
            known_room(&state.storage, room)?;
        }
        deletion.check(&state.storage)?;
        let options = options(body.delete_after.unwrap_or(false), None);
        queue(&portal, state, Task::Delete(deletion), options, now);
        let selection = Selection::All(Some(Kind::Delete));
        Ok::<_, ApiError>(read(state, &responder, selection, now))
    })?;
    Ok(responder.ok(operations.first().unwrap_or(&Value::Null)))
}
