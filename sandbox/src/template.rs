//! Creating a room from a template (docs/DOCSPACE.md A4.2): one at a time in the whole portal.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ids::FolderId;
use super::storage::{Folder, NewFile, NewFolder, Room, Section, Storage};
use super::user::User;

const TEMPLATE_UNREADABLE: &str = "Access denied";

/// The room number as long as there is no room.
const NO_ROOM: i64 = -1;

/// What a request asks for.
#[derive(Clone, Debug)]
pub(super) struct TemplateRequest {
    pub(super) template: FolderId,
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) color: Option<String>,
}

/// The last creation of a room from a template, which runs or has ended.
#[derive(Debug)]
pub(super) struct RoomFromTemplate {
    request: TemplateRequest,
    room: Option<FolderId>,
    error: &'static str,
    ended: bool,
}

impl RoomFromTemplate {
    pub(super) fn new(request: TemplateRequest) -> Self {
        Self {
            request,
            room: None,
            error: "",
            ended: false,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        !self.ended
    }

    /// Creates the room, whose contents raise no events. A template that cannot be read is an error of the task only.
    pub(super) fn create(
        &mut self,
        section: &FolderId,
        storage: &mut Storage,
        now: Timestamp,
    ) -> Option<FolderId> {
        let template = storage.folder(&self.request.template).cloned();
        let Some(template) = template.filter(|template| is_template(storage, template)) else {
            self.error = TEMPLATE_UNREADABLE;
            self.ended = true;
            return None;
        };
        let mut room = Room::new(template.room_kind()?);
        room.color = self.request.color.clone().unwrap_or(room.color);
        let id = add_folder(storage, section, &self.request.title, Some(room), now);
        storage.add_tags(&id, &self.request.tags);
        copy_content(storage, &template.id, &id, now);
        self.room = Some(id.clone());
        Some(id)
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn to_json(&self) -> Value {
        let room = self
            .room
            .as_ref()
            .map_or(json!(NO_ROOM), |room| json!(room));
        let progress = match (self.ended, &self.room) {
            (true, _) => json!(100),
            (false, Some(_)) => json!(0.5),
            (false, None) => json!(0),
        };
        json!({
            "roomId": room,
            "progress": progress,
            "error": self.error,
            "isCompleted": self.ended,
        })
    }
}

fn is_template(storage: &Storage, folder: &Folder) -> bool {
    folder.is_room()
        && storage.section_of(&folder.id) == Some(Section::Templates)
        && storage.may_read(&folder.id)
}

/// Copies the folders and files of one folder into another.
fn copy_content(storage: &mut Storage, from: &FolderId, to: &FolderId, now: Timestamp) {
    let mut pairs = VecDeque::from([(from.clone(), to.clone())]);
    while let Some((from, to)) = pairs.pop_front() {
        let files: Vec<_> = storage.files_in(&from).cloned().collect();
        for file in files {
            let new = NewFile {
                folder: to.clone(),
                title: file.title,
                content: file.content,
                by: User::Service,
            };
            storage.add_file(new, now);
        }
        let folders: Vec<_> = storage.folders_in(&from).cloned().collect();
        for folder in folders {
            let copy = add_folder(storage, &to, &folder.title, None, now);
            pairs.push_back((folder.id, copy));
        }
    }
}

fn add_folder(
    storage: &mut Storage,
    parent: &FolderId,
    title: &str,
    room: Option<Room>,
    now: Timestamp,
) -> FolderId {
    let new = NewFolder {
        parent,
        title,
        room,
        by: User::Service,
    };
    storage.add_folder(new, now)
}
