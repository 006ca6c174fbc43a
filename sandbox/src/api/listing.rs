//! Listing rooms and the content of folders (docs/DOCSPACE.md A11).

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::folders::readable;
use super::page::{COUNT_OUT_OF_RANGE, Page};
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::json::{Renderer, file_type_of};
use crate::portal::Portal;
use crate::room_kind::RoomKind;
use crate::storage::{File, Folder};

/// Which entries of a folder are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryFilter {
    filter_value: Option<String>,
    filter_type: Option<String>,
    #[serde(alias = "withSubfolders")]
    with_sub_folders: Option<bool>,
}

/// The types of listed entries with DocSpace's numbers and names (`FilterTypeEnum.cs` of DocSpace-server).
const TYPES: [(u8, &str); 11] = [
    (0, "None"),
    (1, "FilesOnly"),
    (2, "FoldersOnly"),
    (3, "DocumentsOnly"),
    (4, "PresentationsOnly"),
    (5, "SpreadsheetsOnly"),
    (7, "ImagesOnly"),
    (10, "ArchiveOnly"),
    (12, "MediaOnly"),
    (22, "Pdf"),
    (23, "PdfForm"),
];

impl EntryFilter {
    /// Whether entries of folders below are listed, too: by default, but only together with another filter.
    fn is_deep(&self) -> bool {
        let filters = self.wanted_type() != 0 || !self.wanted_text().is_empty();
        filters && self.with_sub_folders.unwrap_or(true)
    }

    /// The number of the type in the request, which may name it. The sandbox lists nothing for types it does not know.
    fn wanted_type(&self) -> u8 {
        let text = self.filter_type.as_deref().unwrap_or("0");
        let named = TYPES
            .iter()
            .find(|(_, name)| text.eq_ignore_ascii_case(name));
        named.map_or_else(|| text.parse().unwrap_or(u8::MAX), |(number, _)| *number)
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

/// An object of the trash, with the folder and the room from which it came.
fn with_origin(renderer: &Renderer<'_>, mut object: Value, origin: Option<&FolderId>) -> Value {
    if let Some(folder) = origin.and_then(|id| renderer.storage.folder(id)) {
        object["originId"] = json!(folder.id);
        object["originTitle"] = folder.title.as_str().into();
        if let Some(room) = renderer.storage.room_of(&folder.id) {
            object["originRoomId"] = json!(room.id);
            object["originRoomTitle"] = room.title.as_str().into();
        }
    }
    object
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
        .map(|folder| {
            with_origin(
                renderer,
                renderer.folder(folder),
                folder.trashed_from.as_ref(),
            )
        })
        .collect();
    let shown_files = files
        .iter()
        .skip(start.saturating_sub(folders.len()))
        .take(count - folders_json.len());
    let files_json: Vec<_> = shown_files
        .map(|file| with_origin(renderer, renderer.file(file), file.trashed_from.as_ref()))
        .collect();
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
    subject_owner_id: Option<String>,
    /// A list of tags, of which a room has one, as the text of a JSON array.
    tags: Option<String>,
    without_tags: Option<bool>,
    r#type: Option<String>,
}

/// The sections that a list of rooms covers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SearchArea {
    Active,
    Archive,
    Any,
    Templates,
}

impl RoomFilter {
    fn area(&self) -> SearchArea {
        let area = self.search_area.as_deref().unwrap_or("Active");
        match area.to_lowercase().as_str() {
            "1" | "archive" => SearchArea::Archive,
            "2" | "any" => SearchArea::Any,
            "4" | "templates" => SearchArea::Templates,
            _ => SearchArea::Active,
        }
    }

    /// The tags of which a room has one; `None` if all rooms are listed.
    fn wanted_tags(&self) -> Result<Option<Vec<String>>, ApiError> {
        let given = self.tags.as_deref().filter(|tags| !tags.is_empty());
        given
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_| ApiError::Failed("The JSON value could not be converted."))
    }

    fn lists(&self, folder: &Folder, wanted_tags: Option<&[String]>) -> bool {
        let Some(room) = folder.room() else {
            return false;
        };
        let title = self.filter_value.as_deref().unwrap_or_default();
        let kind = self.r#type.as_ref().and_then(|kind| {
            let kind = Value::String(kind.clone());
            RoomKind::requested(&kind)
        });
        folder.title.to_lowercase().contains(&title.to_lowercase())
            && kind.is_none_or(|kind| kind == room.kind)
            && (!self.without_tags.unwrap_or(false) || room.tags.is_empty())
            && wanted_tags.is_none_or(|tags| tags.iter().any(|tag| room.tags.contains(tag)))
            && self
                .subject_owner_id
                .as_ref()
                .is_none_or(|owner| folder.created_by.id() == owner)
    }
}

/// Lists the rooms that the service account may read. The list is a content page of the section.
pub(super) async fn rooms(
    State(portal): State<Portal>,
    Query(page): Query<Page>,
    Query(filter): Query<RoomFilter>,
    responder: Responder,
) -> ApiResult {
    let Some(count) = page.count() else {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    };
    let wanted_tags = filter.wanted_tags()?;
    let seed = portal.seed();
    let sections: &[_] = match filter.area() {
        SearchArea::Active => &[&seed.rooms_section],
        SearchArea::Archive => &[&seed.archive],
        SearchArea::Any => &[&seed.rooms_section, &seed.archive],
        SearchArea::Templates => &[&seed.templates],
    };
    let content = {
        let state = portal.state();
        let storage = &state.storage;
        let rooms = sections
            .iter()
            .flat_map(|section| storage.folders_in(section))
            .filter(|room| filter.lists(room, wanted_tags.as_deref()))
            .filter(|room| storage.may_read(&room.id));
        let mut rooms = page.folders(rooms);
        rooms.sort_by_key(|folder| !folder.room().is_some_and(|room| room.pinned));
        let path = storage.path(sections.first().copied().unwrap_or(&seed.rooms_section));
        content_json(
            &state.renderer(&responder.base_url),
            &path,
            (&rooms, &[]),
            (page.start(), count),
        )
    };
    Ok(responder.ok(&content))
}

/// Lists a page of the content of a folder, or of a section that is named by its alias.
pub(super) async fn content(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
    Query(filter): Query<EntryFilter>,
    responder: Responder,
) -> ApiResult {
    let Some(count) = page.count() else {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    };
    let id = portal.folder_of_address(&id);
    let state = portal.state();
    readable(&state.storage, &id)?;
    let renderer = state.renderer(&responder.base_url);
    Ok(responder.ok(&folder_content(&renderer, &id, (&page, count), &filter)))
}

/// Lists the first page of every section that the service account sees.
pub(super) async fn root(
    State(portal): State<Portal>,
    Query(page): Query<Page>,
    Query(filter): Query<EntryFilter>,
    responder: Responder,
) -> ApiResult {
    let Some(count) = page.count() else {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    };
    let seed = portal.seed();
    let sections = [
        &seed.my_documents,
        &seed.rooms_section,
        &seed.archive,
        &seed.trash,
    ];
    let state = portal.state();
    let renderer = state.renderer(&responder.base_url);
    let content =
        sections.map(|section| folder_content(&renderer, section, (&page, count), &filter));
    Ok(responder.ok(&content.into_iter().collect()))
}

/// A page of the content of a folder.
fn folder_content(
    renderer: &Renderer<'_>,
    id: &FolderId,
    (page, count): (&Page, usize),
    filter: &EntryFilter,
) -> Value {
    let storage = renderer.storage;
    let tree = if filter.is_deep() {
        storage.tree(id)
    } else {
        vec![id.clone()]
    };
    let folders = tree.iter().flat_map(|folder| storage.folders_in(folder));
    let folders = folders
        .filter(|folder| filter.lists_folder(folder))
        .filter(|folder| !folder.is_room() || storage.may_read(&folder.id));
    let folders = page.folders(folders);
    let files = tree.iter().flat_map(|folder| storage.files_in(folder));
    let files = page.files(files.filter(|file| filter.lists_file(file)));
    let path = storage.path(id);
    content_json(renderer, &path, (&folders, &files), (page.start(), count))
}
