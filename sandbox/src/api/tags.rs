//! The tags of rooms and of the portal (docs/DOCSPACE.md A8).

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::json;

use super::folders::{folder_json, usable_title};
use super::json_body::JsonBody;
use super::page::{COUNT_OUT_OF_RANGE, MAX_ENTRIES};
use super::rooms::known_room;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::portal::Portal;
use crate::storage::{Action, Folder, Storage};
use crate::user::User;

/// The longest tag, in characters.
const LONGEST_TAG: usize = 255;

/// Tags to add to a room or to take off it.
#[derive(Debug, Deserialize)]
pub(super) struct TagsBody {
    names: Option<Vec<String>>,
}

/// Adds tags to a room. Unknown ones are created.
pub(super) async fn add(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<TagsBody>,
) -> ApiResult {
    let Some(names) = body.names else {
        return Ok(responder.invalid("Names", "The Names field is required."));
    };
    let id = FolderId::from(id.as_str());
    portal.update(|state, now| {
        check_tagging(&state.storage, &id)?;
        state.storage.add_tags(&id, &names);
        state
            .storage
            .log_folder(Action::TagsAdded, &id, User::Service, now);
        Ok::<_, ApiError>(())
    })?;
    Ok(responder.ok(&folder_json(&portal.state(), &id, &responder)))
}

/// Takes tags off a room. The portal keeps them in its list.
pub(super) async fn remove(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<TagsBody>,
) -> ApiResult {
    let Some(names) = body.names else {
        return Ok(responder.invalid("Names", "The Names field is required."));
    };
    let id = FolderId::from(id.as_str());
    let mut state = portal.state();
    check_tagging(&state.storage, &id)?;
    if let Some(room) = state.storage.folder_mut(&id).and_then(Folder::room_mut) {
        room.tags.retain(|tag| !names.contains(tag));
    }
    Ok(responder.ok(&folder_json(&state, &id, &responder)))
}

fn check_tagging(storage: &Storage, id: &FolderId) -> Result<(), ApiError> {
    let room = known_room(storage, id)?;
    if storage.may_tag(room) {
        return Ok(());
    }
    Err(ApiError::Denied)
}

/// A new tag of the portal.
#[derive(Debug, Deserialize)]
pub(super) struct NewTag {
    name: Option<String>,
}

/// Creates a tag. One that exists is returned as if it had been created.
pub(super) async fn create(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<NewTag>,
) -> ApiResult {
    let Some(name) = usable_title(body.name, LONGEST_TAG) else {
        return Ok(responder.invalid("Name", "The Name field is required."));
    };
    let mut state = portal.state();
    if !state.storage.people.service_type().may_manage_rooms() {
        return Err(ApiError::Denied);
    }
    if !state.storage.tags.contains(&name) {
        state.storage.tags.push(name.clone());
    }
    Ok(responder.ok(&name.into()))
}

/// Which tags are listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagQuery {
    filter_value: Option<String>,
    count: Option<usize>,
    start_index: Option<usize>,
}

/// The names of the portal's tags.
pub(super) async fn list(
    State(portal): State<Portal>,
    Query(query): Query<TagQuery>,
    responder: Responder,
) -> ApiResult {
    let count = query.count.unwrap_or(MAX_ENTRIES);
    if !(1..=MAX_ENTRIES).contains(&count) {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    }
    let wanted = query.filter_value.unwrap_or_default().to_lowercase();
    let state = portal.state();
    let mut tags: Vec<_> = state
        .storage
        .tags
        .iter()
        .filter(|tag| tag.to_lowercase().contains(&wanted))
        .collect();
    tags.sort();
    let page = tags.into_iter().skip(query.start_index.unwrap_or(0));
    Ok(responder.ok(&json!(page.take(count).collect::<Vec<_>>())))
}
