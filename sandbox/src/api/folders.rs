//! Creating folders and rooms, and reading a room (docs/DOCSPACE.md A3.4, A4.1).

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::json::room_kind;
use crate::portal::Portal;
use crate::storage::{NewFolder, RoomKind};
use crate::user::User;

/// The longest titles of a new folder and of a new room, in characters.
const LONGEST_FOLDER_TITLE: usize = 165;
const LONGEST_ROOM_TITLE: usize = 170;

/// A new folder.
#[derive(Debug, Deserialize)]
pub(super) struct NewFolderBody {
    title: Option<String>,
}

/// A new room, without the members that the sandbox does not keep.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRoomBody {
    title: Option<String>,
    room_type: Option<Value>,
}

/// Creates a folder, whether or not there is one of this title.
pub(super) async fn create(
    State(portal): State<Portal>,
    Path(parent): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<NewFolderBody>,
) -> ApiResult {
    let parent = FolderId::from(parent.as_str());
    let Some(title) = title(body.title, LONGEST_FOLDER_TITLE) else {
        return Ok(responder.invalid("Title", "The Title field is required."));
    };
    {
        let state = portal.state();
        let known = state.storage.folder(&parent);
        let folder = known.ok_or(ApiError::DeniedBecause("The required folder was not found"))?;
        if folder.parent.is_none() || state.storage.is_read_only(folder) {
            return Err(ApiError::DeniedBecause(
                "You don't have enough permission to create",
            ));
        }
    }
    Ok(add(&portal, &responder, &parent, &title, None))
}

/// Creates a room of the service account.
pub(super) async fn create_room(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<NewRoomBody>,
) -> ApiResult {
    let Some(title) = title(body.title, LONGEST_ROOM_TITLE) else {
        return Ok(responder.invalid("Title", "The Title field is required."));
    };
    let Some(kind) = body.room_type.as_ref().and_then(room_kind) else {
        return Ok(responder.invalid("RoomType", "The RoomType field is required."));
    };
    let section = portal.seed().rooms_section.clone();
    Ok(add(&portal, &responder, &section, &title, Some(kind)))
}

/// Reads a room.
pub(super) async fn room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let room = {
        let state = portal.state();
        let room = state.storage.folder(&id).ok_or(ApiError::FolderMissing)?;
        room.room.ok_or(ApiError::FolderMissing)?;
        state.renderer(&responder.base_url).folder(room)
    };
    Ok(responder.ok(&room))
}

fn title(given: Option<String>, longest: usize) -> Option<String> {
    given.filter(|title| !title.trim().is_empty() && title.chars().count() <= longest)
}

fn add(
    portal: &Portal,
    responder: &Responder,
    parent: &FolderId,
    title: &str,
    room: Option<RoomKind>,
) -> axum::response::Response {
    let by = User::Service;
    let created = portal.update(|state, now| {
        let new = NewFolder {
            parent,
            title,
            room,
            by,
        };
        let id = state.storage.add_folder(new, now);
        let trigger = match room {
            Some(_) => "room.created",
            None => "folder.created",
        };
        state.publish_folder(trigger, &id, by, now);
        id
    });
    let state = portal.state();
    let folder = state.storage.folder(&created);
    let renderer = state.renderer(&responder.base_url);
    responder.ok(&folder.map_or(Value::Null, |folder| renderer.folder(folder)))
}
