//! Files.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::activity::{Action, Activity};
use super::link::Link;
use crate::ids::{FileId, FolderId};
use crate::user::User;

/// The comment of an uploaded version.
pub(crate) const UPLOADED: &str = "Uploaded";

/// The comment of a version that was unlocked.
const UNLOCKED: &str = "The file is unlocked";

/// A file with its newest content.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) id: FileId,
    pub(crate) folder: FolderId,
    /// The folder from which it was moved to the trash, if it is there.
    pub(crate) trashed_from: Option<FolderId>,
    pub(crate) title: String,
    pub(crate) content: Bytes,
    pub(crate) version: u32,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) created_by: User,
    pub(crate) updated_by: User,
    /// The comment of the newest version.
    pub(crate) comment: String,
    /// Who has locked it.
    pub(crate) locked_by: Option<User>,
    pub(crate) in_editor: bool,
    /// Whether the service account has only the right to read it.
    pub(crate) read_only: bool,
    /// The password that its document asks for.
    pub(crate) password: Option<String>,
    pub(crate) links: Vec<Link>,
    /// Its activity log, oldest entry first.
    pub(crate) activities: Vec<Activity>,
}

impl File {
    /// Adds an entry to the activity log.
    pub(crate) fn log(&mut self, action: Action, by: User, at: Timestamp) {
        let data = json!({ "id": self.id, "title": self.title, "parentId": self.folder });
        self.log_with(action, by, at, data);
    }

    fn log_with(&mut self, action: Action, by: User, at: Timestamp, data: Value) {
        self.activities.push(Activity {
            action,
            by,
            at,
            data,
        });
    }

    /// Changes the title, which counts as a change of the file at least a second after the previous one.
    pub(crate) fn rename(&mut self, title: String, by: User, now: Timestamp) {
        let old_title = std::mem::replace(&mut self.title, title);
        self.touch(by, now);
        let data = json!({ "id": self.id, "oldTitle": old_title, "newTitle": self.title });
        self.log_with(Action::Renamed, by, now, data);
    }

    /// Adds a version. It is at least a second newer than the previous one, so that their times differ.
    pub(crate) fn overwrite(&mut self, content: Bytes, by: User, now: Timestamp) {
        self.content = content;
        self.version += 1;
        UPLOADED.clone_into(&mut self.comment);
        self.touch(by, now);
    }

    fn touch(&mut self, by: User, now: Timestamp) {
        self.updated_by = by;
        self.updated = now.max(self.updated + SignedDuration::from_secs(1));
    }

    /// Locks the file unless another user has locked it.
    pub(crate) fn lock(&mut self, by: User, now: Timestamp) {
        self.locked_by.get_or_insert(by);
        self.log(Action::Locked, by, now);
    }

    /// Unlocks the file, whoever has locked it.
    pub(crate) fn unlock(&mut self, by: User, now: Timestamp) {
        self.locked_by = None;
        UNLOCKED.clone_into(&mut self.comment);
        self.log(Action::Unlocked, by, now);
    }

    pub(crate) fn is_locked_for(&self, user: User) -> bool {
        self.locked_by.is_some_and(|holder| holder != user)
    }
}

/// A file to add.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) folder: FolderId,
    pub(crate) title: String,
    pub(crate) content: Bytes,
    pub(crate) by: User,
}
