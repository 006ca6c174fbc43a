//! Reading, renaming, locking and commenting files, and deleting one (docs/DOCSPACE.md A3.1, A6, A9).

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FileId;
use crate::portal::Portal;
use crate::storage::{File, Section, Storage, renamed_title};
use crate::user::User;

/// The longest title of a file in a request, in characters.
const LONGEST_FILE_TITLE: usize = 165;

/// The length to which a comment is cut, in characters.
const MAX_COMMENT: usize = 255;

const LOCKED_BY_OTHER: &str = "The file is currently locked by another user";

/// Reads a file, with the room that contains it.
pub(super) async fn file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    let file = {
        let state = portal.state();
        let file = readable(&state.storage, &id)?;
        state.renderer(&responder.base_url).file_with_origin(file)
    };
    Ok(responder.ok(&file))
}

/// A file that the service account may read.
pub(super) fn readable<'a>(storage: &'a Storage, id: &FileId) -> Result<&'a File, ApiError> {
    let file = storage.file(id).ok_or(ApiError::FileMissing)?;
    if storage.may_read(&file.folder) {
        return Ok(file);
    }
    Err(ApiError::DeniedBecause(
        "You don't have enough permission to view the file",
    ))
}

/// A new title of a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileUpdate {
    title: Option<String>,
    last_version: Option<u32>,
}

/// Renames a file. Nothing happens if the title stays the same or is blank; another file of the title is no obstacle.
pub(super) async fn rename(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<FileUpdate>,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    let title = body.title.unwrap_or_default();
    if title.chars().count() > LONGEST_FILE_TITLE {
        return Ok(responder.invalid(
            "File.Title",
            "The field Title must be a string with a maximum length of 165.",
        ));
    }
    if body.last_version.is_some_and(|version| version > 0) {
        return Err(ApiError::BadArgument(
            "The sandbox keeps only the newest version of a file",
        ));
    }
    portal.update(|state, now| {
        let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
        let new_title = renamed_title(&file.title, &title);
        if title.trim().is_empty() || new_title == file.title {
            return Ok(());
        }
        check_rename(&state.storage, file)?;
        if let Some(file) = state.storage.file_mut(&id) {
            file.rename(new_title, User::Service, now);
        }
        state.publish_file("file.updated", &id, User::Service, now);
        Ok::<_, ApiError>(())
    })?;
    let state = portal.state();
    let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
    let renderer = state.renderer(&responder.base_url);
    Ok(responder.ok(&renderer.file_with_origin(file)))
}

fn check_rename(storage: &Storage, file: &File) -> Result<(), ApiError> {
    if !storage.may_read(&file.folder) {
        return Err(ApiError::Denied);
    }
    if storage.section_of(&file.folder) == Some(Section::Trash) {
        return Err(ApiError::Failed("The file is in the Trash"));
    }
    if !storage.may_manage_file(file) {
        return Err(ApiError::Denied);
    }
    if file.is_locked_for(User::Service) {
        return Err(ApiError::Failed(LOCKED_BY_OTHER));
    }
    Ok(())
}

/// Whether a file is to be locked or unlocked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LockBody {
    lock_file: Option<bool>,
}

/// Locks or unlocks a file. The lock of another user stays, without an error. Unlocking removes it, and with it all locks
/// of that user, as in the version that the sandbox imitates; it raises two events.
pub(super) async fn lock(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<LockBody>,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    portal.update(|state, now| {
        let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
        if !state.storage.may_manage_file(file) {
            return Err(ApiError::Denied);
        }
        let events = if body.lock_file.unwrap_or(false) {
            if let Some(file) = state.storage.file_mut(&id) {
                file.lock(User::Service, now);
            }
            1
        } else {
            state.storage.unlock(&id, User::Service, now);
            2
        };
        for _ in 0..events {
            state.publish_file("file.updated", &id, User::Service, now);
        }
        Ok(())
    })?;
    Ok(responder.ok(&file_json(&portal, &id, &responder)?))
}

/// A new comment on one version of a file.
#[derive(Debug, Deserialize)]
pub(super) struct NewComment {
    version: u32,
    comment: Option<String>,
}

/// Sets the comment of a version. The sandbox keeps only the newest version and ignores other comments. The time of
/// the last change stays the same; `file.updated` is raised.
pub(super) async fn comment(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(new): JsonBody<NewComment>,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    let text: String = new.comment.unwrap_or_default();
    let text: String = text.chars().take(MAX_COMMENT).collect();
    portal.update(|state, now| {
        let file = state.storage.file(&id).ok_or(ApiError::Denied)?;
        let may_comment = state.storage.may_comment(file);
        if !may_comment || file.is_locked_for(User::Service) {
            return Err(ApiError::Denied);
        }
        if let Some(file) = state.storage.file_mut(&id)
            && new.version == file.version
        {
            file.comment.clone_from(&text);
        }
        state.publish_file("file.updated", &id, User::Service, now);
        Ok(())
    })?;
    Ok(responder.ok(&text.into()))
}

/// The object of a file.
pub(super) fn file_json(
    portal: &Portal,
    id: &FileId,
    responder: &Responder,
) -> Result<Value, ApiError> {
    let state = portal.state();
    let file = state.storage.file(id).ok_or(ApiError::FileMissing)?;
    Ok(state.renderer(&responder.base_url).file(file))
}
