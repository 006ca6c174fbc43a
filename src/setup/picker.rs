//! Choosing a room or folder: the rooms, and the folders of one level at a time.

use std::pin::pin;
use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use futures_util::TryStreamExt as _;
use serde::Deserialize;

use crate::admin::layout::{Layout, page};
use crate::case_folding::folded;
use crate::docspace::{Client, Error, FolderInfo};
use crate::ids::FolderId;
use crate::wire::RoomType;

use super::job::Place;
use super::page::{PageResult, layout_of};
use super::place_names::full_name;
use super::state::Setup;
use super::step::{Step, StepItem};

/// Entries on a page; a person searches rather than reading more.
const MAX_SHOWN: usize = 100;

/// Pages of a hundred rooms that a search reads: the portal allows 1,500 calls a minute.
const MAX_PAGES: usize = 50;

#[derive(Template)]
#[template(path = "setup_picker.html")]
struct PickerPage {
    layout: Layout,
    step_list: Vec<StepItem>,
    question: &'static str,
    word: &'static str,
    search: String,
    /// The folders from the room down to the open one; empty where the rooms are listed.
    path: Vec<Entry>,
    /// The Rooms section, where every room can be chosen.
    every_room: Option<Entry>,
    entries: Vec<Entry>,
    has_more: bool,
    /// Why there is nothing to choose from.
    problem: Option<String>,
}

/// A room or folder that can be chosen or opened.
struct Entry {
    id: String,
    title: String,
    /// The kind of a room, or what speaks against it.
    remarks: Vec<&'static str>,
    /// Whether it is a room.
    is_room: bool,
    has_folders: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct PickerQuery {
    /// The folder that is open.
    r#in: Option<String>,
    search: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PickerForm {
    id: FolderId,
}

/// What a level has to show.
#[derive(Default)]
struct Level {
    path: Vec<FolderInfo>,
    section: Option<FolderId>,
    entries: Vec<FolderInfo>,
    has_more: bool,
}

pub(super) async fn show(
    State(setup): State<Arc<Setup>>,
    Path(place): Path<Place>,
    Query(query): Query<PickerQuery>,
) -> PageResult {
    let proposal = setup.proposal()?;
    let deployment = proposal.deployment(setup.clock());
    let search = query.search.unwrap_or_default().trim().to_owned();
    let folder = query.r#in.and_then(|id| id.parse::<FolderId>().ok());
    let level = match (deployment.client(), &folder) {
        (None, _) => Err("Connect to the portal first.".to_owned()),
        (Some(portal), Some(folder)) => folders(portal, folder).await.map_err(|e| explain(&e)),
        (Some(portal), None) => rooms(portal, &search).await.map_err(|e| explain(&e)),
    };
    let (level, problem) = match level {
        Ok(level) => (level, None),
        Err(problem) => (Level::default(), Some(problem)),
    };
    let entry = |folder: &FolderInfo| Entry::new(folder, place);
    let offers_every_room = place == Place::InvoiceFrom && search.is_empty();
    let every_room = level.section.filter(|_| offers_every_room);
    let view = PickerPage {
        layout: layout_of(&proposal),
        step_list: Step::Jobs.list(&proposal),
        question: place.question(),
        word: place.word(),
        search,
        path: level.path.iter().map(entry).collect(),
        every_room: every_room.map(|id| Entry {
            id: id.to_string(),
            title: "Every room that the key can see".to_owned(),
            remarks: Vec::new(),
            is_room: false,
            has_folders: false,
        }),
        entries: level.entries.iter().map(entry).collect(),
        has_more: level.has_more,
        problem,
    };
    Ok(page(StatusCode::OK, &view))
}

pub(super) async fn choose(
    State(setup): State<Arc<Setup>>,
    Path(place): Path<Place>,
    Form(form): Form<PickerForm>,
) -> PageResult {
    let deployment = setup.proposal()?.deployment(setup.clock());
    let portal = deployment.client();
    let portal = portal.ok_or_else(|| anyhow::anyhow!("the portal is not connected"))?;
    let folder = portal.files().folder(&form.id).await?;
    let name = full_name(portal, &folder).await?;
    let id = folder.id.to_string();
    setup.change(|draft| {
        draft.set(place.variable(), &id);
        draft.set_name(&id, &name);
    })?;
    Ok(Redirect::to(Step::Jobs.path()).into_response())
}

fn explain(error: &Error) -> String {
    match error {
        Error::Forbidden => {
            "The key may not list this: it needs the scopes rooms:read and files:read. Create a key that has them in \
             DocSpace, under Developer Tools → API keys, and enter it in the first step."
                .to_owned()
        }
        error => format!("The portal did not list this: {error}."),
    }
}

/// The rooms whose title contains the search, in letters of either case.
async fn rooms(portal: &Client, search: &str) -> Result<Level, Error> {
    let search = folded(search);
    let mut level = Level::default();
    let mut pages = pin!(portal.files().room_pages());
    for _ in 0..MAX_PAGES {
        let Some(page) = pages.try_next().await? else {
            return Ok(level);
        };
        for room in page.content.folders {
            level.section = level.section.or_else(|| room.root_folder_id.clone());
            if !folded(&room.title).contains(&search) {
                continue;
            }
            if level.entries.len() == MAX_SHOWN {
                level.has_more = true;
                return Ok(level);
            }
            level.entries.push(room);
        }
    }
    level.has_more = true;
    Ok(level)
}

/// The folders directly in a room or folder.
async fn folders(portal: &Client, folder: &FolderId) -> Result<Level, Error> {
    let path = portal.files().folder_path(folder).await?;
    let mut level = Level {
        path: path
            .into_iter()
            .filter(|folder| !folder.is_section())
            .collect(),
        ..Level::default()
    };
    let mut pages = pin!(portal.files().folder_pages(folder));
    while let Some(page) = pages.try_next().await? {
        // The portal lists folders before files, so no more folders follow the first file.
        let (has_files, is_last) = (!page.content.files.is_empty(), page.is_last());
        level.entries.extend(page.content.folders);
        if has_files {
            break;
        }
        if level.entries.len() >= MAX_SHOWN {
            level.has_more = !is_last;
            break;
        }
    }
    level.entries.sort_by_key(|folder| folded(&folder.title));
    Ok(level)
}

impl Entry {
    fn new(folder: &FolderInfo, place: Place) -> Self {
        let mut remarks: Vec<&'static str> =
            folder.room_type.map(RoomType::name).into_iter().collect();
        let rights = folder.security;
        if place.is_source() && folder.in_room == Some(false) {
            remarks.push("the key's user is not a member");
        }
        if !place.is_source() && folder.accepts_only_forms() {
            remarks.push("takes only PDF forms");
        } else if !place.is_source() && rights.is_some_and(|rights| rights.create == Some(false)) {
            remarks.push("not writable with this key");
        }
        Self {
            id: folder.id.to_string(),
            title: folder.title.clone(),
            remarks,
            is_room: folder.room_type.is_some(),
            has_folders: !place.is_source() && folder.folders_count != Some(0),
        }
    }
}
