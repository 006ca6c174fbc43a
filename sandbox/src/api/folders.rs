//! Reading, creating and renaming folders (docs/DOCSPACE.md 5.3, A3.2, A3.4).

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::storage::{Folder, NewFolder, Storage};
use crate::user::User;

/// The longest title of a folder in a request, in characters.
const LONGEST_FOLDER_TITLE: usize = 165;

const TITLE_REQUIRED: &str = "The Title field is required.";

/// The title of a new folder, or the new title of a folder.
#[derive(Debug, Deserialize)]
pub(super) struct FolderBody {
    title: Option<String>,
}

/// Reads a folder.
pub(super) async fn folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let state = portal.state();
    let folder = readable(&state.storage, &id)?;
    Ok(responder.ok(&state.renderer(&responder.base_url).folder(folder)))
}

/// A folder that the service account may read.
pub(super) fn readable<'a>(storage: &'a Storage, id: &FolderId) -> Result<&'a Folder, ApiError> {
    let folder = storage.folder(id).ok_or(ApiError::FolderMissing)?;
    if storage.may_read(id) {
        return Ok(folder);
    }
    Err(ApiError::DeniedBecause(
        "You don't have enough permission to view the folder content",
    ))
}

/// The folders from the section down to a folder.
pub(super) async fn path(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let path: Vec<_> = {
        let state = portal.state();
        readable(&state.storage, &id)?;
        let path = state.storage.path(&id);
        let renderer = state.renderer(&responder.base_url);
        path.into_iter()
            .map(|folder| renderer.folder(folder))
            .collect()
    };
    Ok(responder.ok(&path.into()))
}

/// All folders directly in a folder, without pages.
pub(super) async fn subfolders(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let folders: Vec<_> = {
        let state = portal.state();
        readable(&state.storage, &id)?;
        let renderer = state.renderer(&responder.base_url);
        let folders = state.storage.folders_in(&id);
        folders.map(|folder| renderer.folder(folder)).collect()
    };
    Ok(responder.ok(&folders.into()))
}

/// Creates a folder, whether or not there is one of this title.
pub(super) async fn create(
    State(portal): State<Portal>,
    Path(parent): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<FolderBody>,
) -> ApiResult {
    let parent = FolderId::from(parent.as_str());
    let Some(title) = usable_title(body.title, LONGEST_FOLDER_TITLE) else {
        return Ok(responder.invalid("Title", TITLE_REQUIRED));
    };
    let created = portal.update(|state, now| {
        let folder = state.storage.folder(&parent);
        let folder = folder.ok_or(ApiError::DeniedBecause("The required folder was not found"))?;
        if !state.storage.may_create_in(folder) {
            return Err(ApiError::DeniedBecause(
                "You don't have enough permission to create",
            ));
        }
        let new = NewFolder {
            parent: &parent,
            title: title.trim(),
            room: None,
            by: User::Service,
        };
        let id = state.storage.add_folder(new, now);
        state.publish_folder("folder.created", &id, User::Service, now);
        Ok(id)
    })?;
    Ok(responder.ok(&folder_json(&portal.state(), &created, &responder)))
}

/// A title that is neither blank nor too long.
pub(super) fn usable_title(given: Option<String>, longest: usize) -> Option<String> {
    given.filter(|title| !title.trim().is_empty() && title.chars().count() <= longest)
}

/// Renames a folder or room. A title that the portal has to clean is written, and raises an event, each time.
pub(super) async fn rename(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<FolderBody>,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let Some(title) = usable_title(body.title, LONGEST_FOLDER_TITLE) else {
        return Ok(responder.invalid("Title", TITLE_REQUIRED));
    };
    portal.update(|state, now| {
        let storage = &mut state.storage;
        let folder = storage.folder(&id).ok_or(ApiError::FolderMissing)?;
        let may_rename = if folder.is_room() {
            storage.may_manage_room(folder)
        } else {
            storage.may_manage_folder(folder)
        };
        if !may_rename {
            return Err(ApiError::DeniedBecause(
                "You don't have enough permission to rename the folder",
            ));
        }
        if folder.title != title {
            state.rename_folder(&id, &title, User::Service, now);
        }
        Ok(())
    })?;
    Ok(responder.ok(&folder_json(&portal.state(), &id, &responder)))
}

/// The object of a folder or room.
pub(super) fn folder_json(state: &PortalState, id: &FolderId, responder: &Responder) -> Value {
    let renderer = state.renderer(&responder.base_url);
    let folder = state.storage.folder(id);
    folder.map_or(Value::Null, |folder| renderer.folder(folder))
}
