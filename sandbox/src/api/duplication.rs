//! Copying files and folders beside themselves (`FileDuplicateOperation.cs` of DocSpace-server).

use axum::extract::State;
use serde::Deserialize;

use super::fileops::{options, start};
use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::{FileId, FolderId};
use crate::operations::{Kind, Task};
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::transfer::{Conflict, Transfer, TransferRequest};

/// The body of copying files and folders beside themselves.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DuplicateBody {
    file_ids: Option<Vec<FileId>>,
    folder_ids: Option<Vec<FolderId>>,
    return_single_operation: Option<bool>,
}

/// Copies files and folders beside themselves.
pub(super) async fn duplicate(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<DuplicateBody>,
) -> ApiResult {
    let request = |files, folders, destination: &FolderId| TransferRequest {
        transfer: Transfer::Copy,
        files,
        folders,
        destination: destination.clone(),
        conflict: Conflict::Duplicate,
    };
    let task = |state: &PortalState| {
        let mut requests = Vec::new();
        for id in body.file_ids.unwrap_or_default() {
            let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
            requests.push(request(vec![id], Vec::new(), &file.folder));
        }
        for id in body.folder_ids.unwrap_or_default() {
            let folder = state.storage.folder(&id).ok_or(ApiError::FolderMissing)?;
            let parent = folder.parent.as_ref().ok_or(ApiError::Denied)?;
            requests.push(request(Vec::new(), vec![id], parent));
        }
        for request in &requests {
            request.check(&state.storage)?;
        }
        Ok(Task::Duplicate(requests))
    };
    let single = body.return_single_operation.unwrap_or(false);
    let options = options(false, None);
    start(
        &portal,
        &responder,
        task,
        options,
        (Kind::Duplicate, single),
    )
}
