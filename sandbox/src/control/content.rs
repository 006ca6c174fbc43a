//! Files without events, and events without files: large folders, and any trigger now.

use axum::extract::State;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Refused, parse};
use crate::event::Payload;
use crate::ids::{FileId, FolderId};
use crate::portal::Portal;
use crate::storage::NewFile;
use crate::triggers::TRIGGERS;
use crate::user::User;

/// The most files that a request adds.
const MOST_FILES: u32 = 100_000;

/// Files to add.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFiles {
    folder: FolderId,
    count: u32,
    /// The beginning of the titles, which a number follows.
    #[serde(default = "default_title")]
    title: String,
    #[serde(default = "default_extension")]
    extension: String,
}

fn default_title() -> String {
    "file".to_owned()
}

fn default_extension() -> String {
    ".pdf".to_owned()
}

/// Adds many small files of the client to a folder, without events.
pub(super) async fn add_files(State(portal): State<Portal>, body: String) -> Answer {
    let new: NewFiles = parse(&body)?;
    if new.count > MOST_FILES {
        let message = format!("`count` must not exceed {MOST_FILES}");
        return Err(Refused::bad_request(message).into());
    }
    let now = portal.now();
    let mut state = portal.state();
    if state.storage.folder(&new.folder).is_none() {
        return Err(Refused::bad_request("`folder` does not exist").into());
    }
    let ids = (1..=new.count).map(|number| {
        let file = NewFile {
            folder: new.folder.clone(),
            title: format!("{} {number:05}{}", new.title, new.extension),
            content: Bytes::from_static(b"content"),
            by: User::Client,
        };
        state.storage.add_file(file, now)
    });
    let ids: Vec<_> = ids.collect();
    Ok(axum::Json(json!({
        "count": ids.len(),
        "first": ids.first(),
        "last": ids.last(),
    })))
}

/// An event to raise, about a file or about a folder or room.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewEvent {
    trigger: String,
    file: Option<FileId>,
    folder: Option<FolderId>,
}

/// Raises an event of the client, whatever happened.
pub(super) async fn raise_event(State(portal): State<Portal>, body: String) -> Answer {
    let new: NewEvent = parse(&body)?;
    let known = TRIGGERS.iter().find(|(name, _)| *name == new.trigger);
    let Some((trigger, _)) = known else {
        return Err(Refused::bad_request("`trigger` is not known").into());
    };
    let payload = {
        let state = portal.state();
        match (&new.file, &new.folder) {
            (Some(file), None) => Payload::of_file_in(&state.storage, file),
            (None, Some(folder)) => Payload::of_folder_in(&state.storage, folder),
            _ => return Err(Refused::bad_request("name either a `file` or a `folder`").into()),
        }
    };
    let Some(payload) = payload else {
        return Err(Refused::bad_request("the file or folder does not exist").into());
    };
    let delivered = portal.update(|state, now| {
        let before = state.undelivered.len();
        state.publish(trigger, payload, User::Client, now);
        state.undelivered.len() - before
    });
    Ok(axum::Json(Value::from_iter([("webhooks", delivered)])))
}
