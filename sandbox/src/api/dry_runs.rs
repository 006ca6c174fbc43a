//! Dry runs of a copy or move: which files would meet one of the same title, and which the destination takes
//! (docs/DOCSPACE.md 4.5). They start nothing and read no operation.

use axum::extract::{Query, State};
use serde_json::json;

use super::{ApiError, ApiResult, Responder};
use crate::ids::{FileId, FolderId};
use crate::portal::Portal;
use crate::room_kind::RoomKind;
use crate::storage::Folder;

/// A query, in which lists are repeated members.
type Pairs = Query<Vec<(String, String)>>;

/// The fields of a copy or move as a query.
struct DryRun {
    files: Vec<FileId>,
    destination: FolderId,
}

impl DryRun {
    fn parse(pairs: &[(String, String)]) -> Result<Self, ApiError> {
        let values = |wanted: &str| {
            let named = pairs.iter().filter(move |(name, _)| {
                let (name, _) = name.split_once('[').unwrap_or((name, ""));
                name.eq_ignore_ascii_case(wanted)
            });
            named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        let destination = values("destFolderId");
        let destination = destination.first().ok_or(ApiError::BadArgument(
            "Value does not fall within the expected range.",
        ))?;
        Ok(Self {
            files: values("fileIds").into_iter().map(FileId::from).collect(),
            destination: FolderId::from(*destination),
        })
    }
}

/// Lists those of the files whose titles the destination has already.
pub(super) async fn conflicts(
    State(portal): State<Portal>,
    Query(pairs): Pairs,
    responder: Responder,
) -> ApiResult {
    let run = DryRun::parse(&pairs)?;
    let state = portal.state();
    let storage = &state.storage;
    let folder = storage.folder(&run.destination);
    let folder = folder.ok_or(ApiError::FolderMissing)?;
    if !storage.may_create_in(folder) {
        return Err(ApiError::Denied);
    }
    let conflicting = run.files.iter().filter_map(|id| storage.file(id));
    let conflicting = conflicting
        .filter(|file| storage.same_title(&run.destination, &file.title).is_some())
        .map(|file| state.renderer(&responder.base_url).file(file))
        .collect();
    Ok(responder.ok(&serde_json::Value::Array(conflicting)))
}

/// Shows whether the destination takes all files, some or none, and which. A form filling room takes only PDF forms,
/// and no file of the sandbox is one.
pub(super) async fn destination(
    State(portal): State<Portal>,
    Query(pairs): Pairs,
    responder: Responder,
) -> ApiResult {
    const ALL_ALLOWED: u8 = 0;
    const NONE_ALLOWED: u8 = 2;

    let run = DryRun::parse(&pairs)?;
    let state = portal.state();
    let folder = state.storage.folder(&run.destination);
    folder.ok_or(ApiError::FolderMissing)?;
    let room = state.storage.room_of(&run.destination);
    let takes_forms_only = room.and_then(Folder::room_kind) == Some(RoomKind::FormFilling);
    if takes_forms_only && !run.files.is_empty() {
        return Ok(responder.ok(&json!({ "result": NONE_ALLOWED, "files": [] })));
    }
    let files = state.renderer(&responder.base_url).files(&run.files);
    Ok(responder.ok(&json!({ "result": ALL_ALLOWED, "files": files })))
}
