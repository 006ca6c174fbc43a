//! Reading rooms, folders and files, uploading, and commenting.

use std::cmp::Ordering;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::event::UploadEvents;
use crate::ids::{FileId, FolderId};
use crate::json::{Renderer, file_type_of};
use crate::portal::Portal;
use crate::storage::{Activity, File, Folder};
use crate::user::User;

/// The most entries of a page; a request for more is rejected.
const MAX_ENTRIES: usize = 100;

/// The length to which a comment is cut, in characters.
const MAX_COMMENT: usize = 255;

/// The message for a page size that is out of range.
const COUNT_OUT_OF_RANGE: &str = "The field Count must be between 1 and 100.";

/// The requested part of a list, and its order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    count: Option<usize>,
    start_index: Option<usize>,
    sort_by: Option<String>,
    sort_order: Option<String>,
}

impl Page {
    fn by_creation(&self) -> bool {
        self.sort_by
            .as_deref()
            .is_some_and(|by| by.eq_ignore_ascii_case("DateAndTimeCreation"))
    }

    /// The requested number of entries; `None` if it is out of range.
    fn count(&self) -> Option<usize> {
        let count = self.count.unwrap_or(MAX_ENTRIES);
        (1..=MAX_ENTRIES).contains(&count).then_some(count)
    }

    fn start(&self) -> usize {
        self.start_index.unwrap_or(0)
    }

    fn by_time(&self) -> bool {
        self.sort_by
            .as_deref()
            .is_some_and(|by| by.eq_ignore_ascii_case("DateAndTime"))
    }

    fn in_direction(&self, order: Ordering) -> Ordering {
        match self.sort_order.as_deref() {
            Some(direction) if direction.eq_ignore_ascii_case("descending") => order.reverse(),
            _ => order,
        }
    }

    fn folders<'a>(&self, folders: impl Iterator<Item = &'a Folder>) -> Vec<&'a Folder> {
        let by_creation = self.by_creation();
        self.sort(folders, move |folder| {
            let time = if by_creation {
                folder.created
            } else {
                folder.updated
            };
            (time, &folder.title, &folder.id)
        })
    }

    fn files<'a>(&self, files: impl Iterator<Item = &'a File>) -> Vec<&'a File> {
        let by_creation = self.by_creation();
        self.sort(files, move |file| {
            let time = if by_creation {
                file.created
            } else {
                file.updated
            };
            (time, &file.title, &file.id)
        })
    }

    /// Sorts entries by the time of their last change or by title, and then by id.
    fn sort<'a, Entry, Id: Ord + 'a>(
        &self,
        entries: impl Iterator<Item = &'a Entry>,
        key: impl Fn(&'a Entry) -> (Timestamp, &'a String, &'a Id),
    ) -> Vec<&'a Entry> {
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|a, b| {
            let ((a_time, a_title, a_id), (b_time, b_title, b_id)) = (key(a), key(b));
            let order = if self.by_time() || self.by_creation() {
                a_time.cmp(&b_time)
            } else {
                a_title.to_lowercase().cmp(&b_title.to_lowercase())
            };
            self.in_direction(order.then(a_id.cmp(b_id)))
        });
        entries
    }
}

/// Which entries of a folder are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryFilter {
    filter_value: Option<String>,
    filter_type: Option<u8>,
    #[serde(alias = "withSubfolders")]
    with_sub_folders: Option<bool>,
}

impl EntryFilter {
    /// Whether entries of folders below are listed, too: by default, but only together with another filter.
    fn is_deep(&self) -> bool {
        let filters = self.wanted_type() != 0 || !self.wanted_text().is_empty();
        filters && self.with_sub_folders.unwrap_or(true)
    }

    fn wanted_type(&self) -> u8 {
        self.filter_type.unwrap_or(0)
    }

    fn wanted_text(&self) -> String {
        self.filter_value
            .as_deref()
            .unwrap_or_default()
            .to_lowercase()
    }

    fn lists_folder(&self, folder: &Folder) -> bool {
        matches!(self.wanted_type(), 0 | 2)
            && folder.title.to_lowercase().contains(&self.wanted_text())
    }

    fn lists_file(&self, file: &File) -> bool {
        let number = file_type_of(&file.title);
        let is_of_type = match self.wanted_type() {
            0 | 1 => true,
            3 => number == 7,
            4 => number == 6,
            5 => number == 5,
            7 => number == 4,
            10 => number == 1,
            12 => [2, 3].contains(&number),
            22 => number == 10,
            _ => false,
        };
        is_of_type && file.title.to_lowercase().contains(&self.wanted_text())
    }
}

/// A page of a folder's content: folders first, then files.
fn content_json(
    renderer: &Renderer<'_>,
    path: &[&Folder],
    entries: (&[&Folder], &[&File]),
    (start, count): (usize, usize),
) -> Value {
    let (folders, files) = entries;
    let shown_folders = folders.iter().skip(start).take(count);
    let folders_json: Vec<_> = shown_folders
        .map(|folder| renderer.folder(folder))
        .collect();
    let shown_files = files
        .iter()
        .skip(start.saturating_sub(folders.len()))
        .take(count - folders_json.len());
    let files_json: Vec<_> = shown_files.map(|file| renderer.file(file)).collect();
    let parts: Vec<_> = path
        .iter()
        .map(|folder| Renderer::path_part(folder))
        .collect();
    json!({
        "count": folders_json.len() + files_json.len(),
        "files": files_json,
        "folders": folders_json,
        "current": path.last().map(|folder| renderer.folder(folder)),
        "pathParts": parts,
        "startIndex": start,
        "total": folders.len() + files.len(),
        "new": 0,
    })
}

/// Which rooms are listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomFilter {
    filter_value: Option<String>,
    search_area: Option<String>,
}

impl RoomFilter {
    /// Whether a room is listed. All rooms are active: the sandbox has neither an archive nor templates.
    fn lists(&self, room: &Folder) -> bool {
        let area = self.search_area.as_deref().unwrap_or("Active");
        let is_searched = ["0", "active", "2", "any"].contains(&area.to_lowercase().as_str());
        let wanted = self.filter_value.as_deref().unwrap_or_default();
        is_searched && room.title.to_lowercase().contains(&wanted.to_lowercase())
    }
}

pub(super) async fn rooms(
    State(portal): State<Portal>,
    Query(page): Query<Page>,
    Query(filter): Query<RoomFilter>,
    responder: Responder,
) -> ApiResult {
    let Some(count) = page.count() else {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    };
    let content = {
        let state = portal.state();
        let section = &portal.seed().rooms_section;
        let rooms = state
            .storage
            .folders_in(section)
            .filter(|folder| folder.room.is_some() && filter.lists(folder));
        let rooms = page.folders(rooms);
        let path = state.storage.path(section);
        content_json(
            &state.renderer(&responder.base_url),
            &path,
            (&rooms, &[]),
            (page.start(), count),
        )
    };
    Ok(responder.ok(&content))
}

pub(super) async fn content(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
    Query(filter): Query<EntryFilter>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let Some(count) = page.count() else {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    };
    let content = {
        let state = portal.state();
        state.storage.folder(&id).ok_or(ApiError::FolderMissing)?;
        let tree = if filter.is_deep() {
            state.storage.tree(&id)
        } else {
            vec![id.clone()]
        };
        let folders = tree
            .iter()
            .flat_map(|folder| state.storage.folders_in(folder));
        let folders = page.folders(folders.filter(|folder| filter.lists_folder(folder)));
        let files = tree
            .iter()
            .flat_map(|folder| state.storage.files_in(folder));
        let files = page.files(files.filter(|file| filter.lists_file(file)));
        let path = state.storage.path(&id);
        content_json(
            &state.renderer(&responder.base_url),
            &path,
            (&folders, &files),
            (page.start(), count),
        )
    };
    Ok(responder.ok(&content))
}

pub(super) async fn folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let folder = {
        let state = portal.state();
        let folder = state.storage.folder(&id).ok_or(ApiError::FolderMissing)?;
        state.renderer(&responder.base_url).folder(folder)
    };
    Ok(responder.ok(&folder))
}

pub(super) async fn path(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let path: Vec<_> = {
        let state = portal.state();
        state.storage.folder(&id).ok_or(ApiError::FolderMissing)?;
        let path = state.storage.path(&id);
        let renderer = state.renderer(&responder.base_url);
        path.into_iter()
            .map(|folder| renderer.folder(folder))
            .collect()
    };
    Ok(responder.ok(&path.into()))
}

pub(super) async fn file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    Ok(responder.ok(&file_json(&portal, &id, &responder)?))
}

/// The query of the activity log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityQuery {
    from_date: Option<String>,
    to_date: Option<String>,
    count: Option<usize>,
    start_index: Option<usize>,
}

/// A page of a file's activity log, newest entry first. Like actions of one person in one minute are folded into
/// one entry (docs/DOCSPACE.md A1.7).
pub(super) async fn activity_log(
    State(portal): State<Portal>,
    Path(id): Path<i64>,
    Query(query): Query<ActivityQuery>,
    responder: Responder,
) -> ApiResult {
    let count = query.count.unwrap_or(MAX_ENTRIES);
    if !(1..=MAX_ENTRIES).contains(&count) {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    }
    let id = FileId::from(id);
    let (entries, total) = {
        let state = portal.state();
        let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
        let renderer = state.renderer(&responder.base_url);
        // A date that cannot be read counts as none (docs/DOCSPACE.md A1.1).
        let parse = |date: Option<&String>| date.and_then(|date| date.parse::<Timestamp>().ok());
        let (from, to) = (
            parse(query.from_date.as_ref()),
            parse(query.to_date.as_ref()),
        );
        let in_range =
            |at: Timestamp| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to);
        let mut folded: Vec<(&Activity, Vec<Value>)> = Vec::new();
        let (start, mut total) = (query.start_index.unwrap_or(0), 0);
        for activity in file.activities.iter().rev() {
            if !in_range(activity.at) {
                continue;
            }
            total += 1;
            if !(start..start + count).contains(&(total - 1)) {
                continue;
            }
            match folded.last_mut() {
                Some((first, related)) if first.is_folded_with(activity) => {
                    related.push(renderer.activity(file, activity, &[]));
                }
                _ => folded.push((activity, Vec::new())),
            }
        }
        let entries: Vec<_> = folded
            .iter()
            .map(|(activity, related)| renderer.activity(file, activity, related))
            .collect();
        (entries, total)
    };
    Ok(responder.page(&entries.into(), total))
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
        let file = state.storage.file_mut(&id).ok_or(ApiError::Denied)?;
        if file.read_only || file.locked {
            return Err(ApiError::Denied);
        }
        if new.version == file.version {
            file.comment.clone_from(&text);
        }
        state.publish_file("file.updated", &id, User::Service, now);
        Ok(())
    })?;
    Ok(responder.ok(&text.into()))
}

/// What a simple upload does if the folder has a file of the same title.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadQuery {
    create_new_if_exist: Option<bool>,
}

/// A simple upload by the service account, which raises `file.created` and `file.uploaded`, also when it overwrites. The
/// response is a list, as ONLYOFFICE's own client expects.
pub(super) async fn upload(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    Query(query): Query<UploadQuery>,
    responder: Responder,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult {
    let folder = FolderId::from(folder.as_str());
    check_destination(&portal, &folder)?;
    let form = form.map_err(|_| ApiError::UnsupportedBody)?;
    let (title, content) = first_file(form)
        .await
        .ok_or(ApiError::BadArgument("No input files"))?;
    let events = UploadEvents::CreatedAndUploaded;
    let create_new = query.create_new_if_exist.unwrap_or(false);
    let existing = portal.overwritable(&folder, &title).filter(|_| !create_new);
    let file = if let Some(existing) = existing {
        portal.overwrite_by(User::Service, &existing, &content, events.triggers());
        existing
    } else {
        let free = portal.state().storage.free_title(&folder, &title);
        let title = if create_new { free } else { title };
        portal.upload_by(User::Service, &folder, &title, &content, events)
    };
    Ok(responder.ok(&json!([file_json(&portal, &file, &responder)?])))
}

fn check_destination(portal: &Portal, folder: &FolderId) -> Result<(), ApiError> {
    let state = portal.state();
    let folder = state
        .storage
        .folder(folder)
        .ok_or(ApiError::FolderMissing)?;
    if state.storage.is_read_only(folder) || folder.parent.is_none() {
        return Err(ApiError::Denied);
    }
    Ok(())
}

/// The title and content of the first file in a form.
async fn first_file(mut form: Multipart) -> Option<(String, bytes::Bytes)> {
    while let Some(field) = form.next_field().await.ok()? {
        if let Some(title) = field.file_name().map(str::to_owned) {
            return Some((title, field.bytes().await.ok()?));
        }
    }
    None
}

fn file_json(portal: &Portal, id: &FileId, responder: &Responder) -> Result<Value, ApiError> {
    let state = portal.state();
    let file = state.storage.file(id).ok_or(ApiError::FileMissing)?;
    Ok(state.renderer(&responder.base_url).file(file))
}
