//! Creating, reading, changing and pinning rooms (docs/DOCSPACE.md A3.3, A4.1, A8).

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::folders::{folder_json, readable, usable_title};
use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::portal::Portal;
use crate::room_kind::RoomKind;
use crate::storage::{Folder, NewFolder, Room, Storage};
use crate::user::User;

/// The longest title of a room in a request, in characters.
const LONGEST_ROOM_TITLE: usize = 170;

/// The most rooms that an account pins.
const MOST_PINNED: usize = 10;

/// A new room, without the members that the sandbox does not keep.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRoomBody {
    title: Option<String>,
    room_type: Option<Value>,
    tags: Option<Vec<String>>,
    color: Option<String>,
}

/// Creates a room of the service account.
pub(super) async fn create(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<NewRoomBody>,
) -> ApiResult {
    let Some(title) = usable_title(body.title, LONGEST_ROOM_TITLE) else {
        return Ok(responder.invalid("Title", "The Title field is required."));
    };
    let Some(kind) = body.room_type.as_ref().and_then(RoomKind::requested) else {
        return Ok(responder.invalid("RoomType", "The RoomType field is required."));
    };
    let section = portal.seed().rooms_section.clone();
    let created = portal.update(|state, now| {
        if !state.storage.people.service_type().may_manage_rooms() {
            return Err(ApiError::Denied);
        }
        let mut room = Room::new(kind);
        room.color = body.color.unwrap_or(room.color);
        let new = NewFolder {
            parent: &section,
            title: &title,
            room: Some(room),
            by: User::Service,
        };
        let id = state.storage.add_folder(new, now);
        state.storage.add_tags(&id, &body.tags.unwrap_or_default());
        state.publish_folder("room.created", &id, User::Service, now);
        Ok(id)
    })?;
    Ok(responder.ok(&folder_json(&portal.state(), &created, &responder)))
}

/// Reads a room.
pub(super) async fn room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let state = portal.state();
    known_room(&state.storage, &id)?;
    let room = readable(&state.storage, &id)?;
    Ok(responder.ok(&state.renderer(&responder.base_url).folder(room)))
}

/// A folder that exists and is a room.
pub(super) fn known_room<'a>(storage: &'a Storage, id: &FolderId) -> Result<&'a Folder, ApiError> {
    let room = storage.folder(id).filter(|folder| folder.is_room());
    room.ok_or(ApiError::FolderMissing)
}

/// The body of deleting, archiving or restoring a room.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomOperationBody {
    pub(super) delete_after: Option<bool>,
}

/// The members of a room to change, without those that the sandbox does not keep.
#[derive(Debug, Deserialize)]
pub(super) struct RoomUpdate {
    title: Option<String>,
    tags: Option<Vec<String>>,
    color: Option<String>,
}

/// Changes a room. Tags replace those it has. The event is raised even if nothing changes.
pub(super) async fn update(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<RoomUpdate>,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let title = body.title.unwrap_or_default();
    if title.chars().count() > LONGEST_ROOM_TITLE {
        return Ok(responder.invalid(
            "Title",
            "The field Title must be a string with a maximum length of 170.",
        ));
    }
    portal.update(|state, now| {
        let room = known_room(&state.storage, &id);
        let room =
            room.map_err(|_| ApiError::DeniedBecause("The required folder was not found"))?;
        if !state.storage.may_manage_room(room) {
            return Err(ApiError::DeniedBecause(
                "You don't have permission to edit the room",
            ));
        }
        if let Some(room) = state.storage.folder_mut(&id).and_then(Folder::room_mut) {
            if body.tags.is_some() {
                room.tags.clear();
            }
            room.color = body.color.unwrap_or_else(|| room.color.clone());
        }
        state.storage.add_tags(&id, &body.tags.unwrap_or_default());
        if title.trim().is_empty() {
            state.publish_folder("room.updated", &id, User::Service, now);
        } else {
            state.rename_folder(&id, &title, User::Service, now);
        }
        Ok(())
    })?;
    Ok(responder.ok(&folder_json(&portal.state(), &id, &responder)))
}

/// Pins a room for the service account.
pub(super) async fn pin(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    set_pinned(&portal, &responder, &id, true)
}

/// Unpins a room.
pub(super) async fn unpin(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    set_pinned(&portal, &responder, &id, false)
}

fn set_pinned(portal: &Portal, responder: &Responder, id: &str, pinned: bool) -> ApiResult {
    let id = FolderId::from(id);
    let mut state = portal.state();
    let is_known = known_room(&state.storage, &id).is_ok() && state.storage.may_read(&id);
    // At the limit even a pinned room is refused.
    let is_full = pinned && state.storage.pinned_rooms() >= MOST_PINNED;
    if !is_known || is_full {
        return Err(ApiError::DeniedBecause("You can't pin a room"));
    }
    if let Some(room) = state.storage.folder_mut(&id).and_then(Folder::room_mut) {
        room.pinned = pinned;
    }
    Ok(responder.ok(&folder_json(&state, &id, responder)))
}
