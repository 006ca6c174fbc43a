//! Moving rooms to the Archive and back (docs/DOCSPACE.md A8).

use axum::extract::{Extension, Path, State};
use serde_json::Value;

use super::fileops::{options, queue, read};
use super::json_body::JsonBody;
use super::rooms::{RoomOperationBody, known_room};
use super::{ApiError, ApiResult, Responder};
use crate::archiving::Archiving;
use crate::faults::FaultEffect;
use crate::ids::FolderId;
use crate::operations::{OperationOptions, Selection, Task};
use crate::portal::Portal;

/// Moves a room to the Archive. The response is one operation.
pub(super) async fn archive(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    effect: Option<Extension<FaultEffect>>,
    JsonBody(body): JsonBody<RoomOperationBody>,
) -> ApiResult {
    let to = portal.seed().archive.clone();
    let options = options(body.delete_after.unwrap_or(false), effect);
    move_room(&portal, &responder, (&id, to), options)
}

/// Moves a room out of the Archive. The response is one operation.
pub(super) async fn unarchive(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    effect: Option<Extension<FaultEffect>>,
    JsonBody(body): JsonBody<RoomOperationBody>,
) -> ApiResult {
    let to = portal.seed().rooms_section.clone();
    let options = options(body.delete_after.unwrap_or(false), effect);
    move_room(&portal, &responder, (&id, to), options)
}

fn move_room(
    portal: &Portal,
    responder: &Responder,
    (room, to): (&str, FolderId),
    options: OperationOptions,
) -> ApiResult {
    let room = FolderId::from(room);
    let operation = portal.update(|state, now| {
        let known = known_room(&state.storage, &room)?;
        if !state.storage.may_archive(known) {
            return Err(ApiError::Denied);
        }
        let task = Task::Archive(Archiving { room, to });
        let id = queue(portal, state, task, options, now);
        Ok(read(state, responder, Selection::One(&id, None), now))
    })?;
    Ok(responder.ok(operation.first().unwrap_or(&Value::Null)))
}
