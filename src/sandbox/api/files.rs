//! Reading rooms, folders and files, and uploading.

use std::cmp::Ordering;

use axum::Json;
use axum::extract::{Multipart, Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ApiError, Here};
use crate::ids::{FileId, FolderId};
use crate::sandbox::json::Shown;
use crate::sandbox::world::{File, Folder, Person};
use crate::sandbox::{Announced, Portal};

/// The most entries in one answer; a call that asks for more is refused.
const ENTRIES_AT_ONCE: usize = 100;

/// Characters of a comment that are kept.
const LONGEST_COMMENT: usize = 255;

/// What a call that asks for more is told.
const COUNT_RULE: &str = "The field Count must be between 1 and 100.";

/// Which part of a list is asked for, and in which order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    count: Option<usize>,
    start_index: Option<usize>,
    sort_by: Option<String>,
    sort_order: Option<String>,
}

impl Page {
    /// How many entries are asked for; `None` when that is too many, or none.
    fn count(&self) -> Option<usize> {
        let count = self.count.unwrap_or(ENTRIES_AT_ONCE);
        (1..=ENTRIES_AT_ONCE).contains(&count).then_some(count)
    }

    fn start(&self) -> usize {
        self.start_index.unwrap_or(0)
    }

    fn by_time(&self) -> bool {
        self.sort_by
            .as_deref()
            .is_some_and(|by| by.eq_ignore_ascii_case("DateAndTime"))
    }

    fn directed(&self, order: Ordering) -> Ordering {
        match self.sort_order.as_deref() {
            Some(direction) if direction.eq_ignore_ascii_case("descending") => order.reverse(),
            _ => order,
        }
    }

    fn folders<'a>(&self, folders: impl Iterator<Item = &'a Folder>) -> Vec<&'a Folder> {
        let mut sorted: Vec<_> = folders.collect();
        sorted.sort_by(|a, b| {
            let by_time = a.updated.cmp(&b.updated);
            let by_title = a.title.to_lowercase().cmp(&b.title.to_lowercase());
            let order = if self.by_time() { by_time } else { by_title };
            self.directed(order.then(a.id.cmp(&b.id)))
        });
        sorted
    }

    fn files<'a>(&self, files: impl Iterator<Item = &'a File>) -> Vec<&'a File> {
        let mut sorted: Vec<_> = files.collect();
        sorted.sort_by(|a, b| {
            let by_time = a.updated.cmp(&b.updated);
            let by_title = a.title.to_lowercase().cmp(&b.title.to_lowercase());
            let order = if self.by_time() { by_time } else { by_title };
            self.directed(order.then(a.id.cmp(&b.id)))
        });
        sorted
    }
}

/// A page of a folder's content: the folders come before the files.
fn content_json(
    shown: &Shown<'_>,
    path: &[&Folder],
    entries: (&[&Folder], &[&File]),
    (start, count): (usize, usize),
) -> Value {
    let (folders, files) = entries;
    let folders_here = folders.iter().skip(start).take(count);
    let folders_json: Vec<_> = folders_here.map(|folder| shown.folder(folder)).collect();
    let files_here = files
        .iter()
        .skip(start.saturating_sub(folders.len()))
        .take(count - folders_json.len());
    let files_json: Vec<_> = files_here.map(|file| shown.file(file)).collect();
    let parts: Vec<_> = path.iter().map(|folder| Shown::path_part(folder)).collect();
    json!({
        "count": folders_json.len() + files_json.len(),
        "files": files_json,
        "folders": folders_json,
        "current": path.last().map(|folder| shown.folder(folder)),
        "pathParts": parts,
        "startIndex": start,
        "total": folders.len() + files.len(),
        "new": 0,
    })
}

pub(super) async fn rooms(
    State(portal): State<Portal>,
    Query(page): Query<Page>,
    here: Here,
) -> Answer {
    let Some(count) = page.count() else {
        return Ok(here.invalid("Count", COUNT_RULE));
    };
    let content = {
        let state = portal.state();
        let section = &portal.seed().rooms_section;
        let rooms = state
            .world
            .folders_in(section)
            .filter(|folder| folder.room.is_some());
        let rooms = page.folders(rooms);
        let path = state.world.path(section);
        content_json(
            &state.shown(&here.base),
            &path,
            (&rooms, &[]),
            (page.start(), count),
        )
    };
    Ok(here.answer(&content))
}

pub(super) async fn content(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
    here: Here,
) -> Answer {
    let id = folder_id(&id)?;
    let Some(count) = page.count() else {
        return Ok(here.invalid("Count", COUNT_RULE));
    };
    let content = {
        let state = portal.state();
        state.world.folder(&id).ok_or(ApiError::FolderMissing)?;
        let folders = page.folders(state.world.folders_in(&id));
        let files = page.files(state.world.files_in(&id));
        let path = state.world.path(&id);
        content_json(
            &state.shown(&here.base),
            &path,
            (&folders, &files),
            (page.start(), count),
        )
    };
    Ok(here.answer(&content))
}

pub(super) async fn folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    here: Here,
) -> Answer {
    let id = folder_id(&id)?;
    let folder = {
        let state = portal.state();
        let folder = state.world.folder(&id).ok_or(ApiError::FolderMissing)?;
        state.shown(&here.base).folder(folder)
    };
    Ok(here.answer(&folder))
}

pub(super) async fn path(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    here: Here,
) -> Answer {
    let id = folder_id(&id)?;
    let path: Vec<_> = {
        let state = portal.state();
        state.world.folder(&id).ok_or(ApiError::FolderMissing)?;
        let path = state.world.path(&id);
        let shown = state.shown(&here.base);
        path.into_iter()
            .map(|folder| shown.folder(folder))
            .collect()
    };
    Ok(here.answer(&path.into()))
}

pub(super) async fn file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    here: Here,
) -> Answer {
    let id = FileId::new(&id).ok_or(ApiError::FileMissing)?;
    Ok(here.answer(&file_json(&portal, &id, &here)?))
}

/// A new comment for one version of a file.
#[derive(Debug, Deserialize)]
pub(super) struct NewComment {
    version: u32,
    comment: Option<String>,
}

/// Sets the comment of a version by the key's user; older versions are not kept here, so theirs is
/// nobody's. It changes no time of change, and raises `file.updated`.
pub(super) async fn comment(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    here: Here,
    Json(new): Json<NewComment>,
) -> Answer {
    let id = FileId::new(&id).ok_or(ApiError::FileMissing)?;
    let text: String = new.comment.unwrap_or_default();
    let text: String = text.chars().take(LONGEST_COMMENT).collect();
    portal.change(|state, now| {
        let file = state.world.file_mut(&id).ok_or(ApiError::Denied)?;
        if file.forbidden || file.locked {
            return Err(ApiError::Denied);
        }
        if new.version == file.version {
            file.comment.clone_from(&text);
        }
        state.publish_file("file.updated", &id, Person::Service, now);
        Ok(())
    })?;
    Ok(here.answer(&text.into()))
}

/// A plain upload by the key's user: it raises `file.created` and `file.uploaded`. The
/// answer is a list, as ONLYOFFICE's own client expects it.
pub(super) async fn upload(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    here: Here,
    form: Multipart,
) -> Answer {
    let folder = folder_id(&folder)?;
    check_destination(&portal, &folder)?;
    let (title, content) = first_file(form)
        .await
        .ok_or(ApiError::BadArgument("No input files"))?;
    let announced = Announced::CreatedAndUploaded;
    let file = portal.upload_by(Person::Service, &folder, &title, &content, announced);
    Ok(here.answer(&json!([file_json(&portal, &file, &here)?])))
}

fn check_destination(portal: &Portal, folder: &FolderId) -> Result<(), ApiError> {
    let state = portal.state();
    let folder = state.world.folder(folder).ok_or(ApiError::FolderMissing)?;
    let refuses = folder.forbidden || state.world.is_without_us(&folder.id);
    if refuses || folder.parent.is_none() {
        return Err(ApiError::Denied);
    }
    Ok(())
}

/// The first part of the form that has a file name.
async fn first_file(mut form: Multipart) -> Option<(String, bytes::Bytes)> {
    while let Some(field) = form.next_field().await.ok()? {
        if let Some(title) = field.file_name().map(str::to_owned) {
            return Some((title, field.bytes().await.ok()?));
        }
    }
    None
}

fn file_json(portal: &Portal, id: &FileId, here: &Here) -> Result<Value, ApiError> {
    let state = portal.state();
    let file = state.world.file(id).ok_or(ApiError::FileMissing)?;
    Ok(state.shown(&here.base).file(file))
}

fn folder_id(text: &str) -> Result<FolderId, ApiError> {
    FolderId::new(text).ok_or(ApiError::FolderMissing)
}
