//! Preparing a download of files and folders (`OperationController.cs` of DocSpace-server).

use axum::extract::State;
use serde::Deserialize;

use super::fileops::{options, start};
use super::json_body::JsonBody;
use super::{ApiResult, Responder};
use crate::bulk_download::BulkDownload;
use crate::ids::{FileId, FolderId};
use crate::operations::{Kind, Task};
use crate::portal::Portal;
use crate::state::State as PortalState;

/// The body of a bulk download.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownloadBody {
    file_ids: Option<Vec<FileId>>,
    folder_ids: Option<Vec<FolderId>>,
    file_convert_ids: Option<Vec<ConvertedFile>>,
    return_single_operation: Option<bool>,
}

/// A file to download in another format.
#[derive(Debug, Deserialize)]
struct ConvertedFile {
    key: FileId,
    value: Option<String>,
}

/// Prepares a download of files and folders.
pub(super) async fn start_download(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<DownloadBody>,
) -> ApiResult {
    let converted = body.file_convert_ids.unwrap_or_default().into_iter();
    let mut files: Vec<_> = converted
        .map(|file| (file.key, file.value.unwrap_or_default()))
        .collect();
    let as_they_are = body.file_ids.unwrap_or_default().into_iter();
    files.extend(as_they_are.map(|file| (file, String::new())));
    let download = BulkDownload {
        files,
        folders: body.folder_ids.unwrap_or_default(),
    };
    let task = |state: &PortalState| {
        download.check(&state.storage)?;
        Ok(Task::Download(download))
    };
    let single = body.return_single_operation.unwrap_or(false);
    let options = options(false, None);
    start(&portal, &responder, task, options, (Kind::Download, single))
}
