//! The folders above a folder, remembered: one question to the portal per folder, not per file.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::event::Trigger;
use crate::ids::FolderId;

/// How long an answer is believed. Webhooks that do not announce moved folders are common, so moves
/// must be noticed without them.
const BELIEVED_FOR: Duration = Duration::from_mins(5);

/// Answers kept at the most.
const FOLDERS: usize = 10_000;

/// The answers of the portal about the folders above a folder.
#[derive(Debug, Default)]
pub(super) struct FolderPaths {
    known: Mutex<HashMap<FolderId, Path>>,
}

#[derive(Debug)]
struct Path {
    folders: Vec<FolderId>,
    asked_at: Timestamp,
}

impl FolderPaths {
    /// The folders from the top-most one down to this one, when that is known.
    pub(super) fn get(&self, folder: &FolderId, now: Timestamp) -> Option<Vec<FolderId>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let path = known.get(folder)?;
        (now < path.asked_at + BELIEVED_FOR).then(|| path.folders.clone())
    }

    /// Remembers an answer.
    pub(super) fn insert(&self, folder: FolderId, folders: Vec<FolderId>, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= FOLDERS {
            known.clear();
        }
        known.insert(
            folder,
            Path {
                folders,
                asked_at: now,
            },
        );
    }

    /// Forgets everything when an event says that a folder or room may lie elsewhere now.
    pub(super) fn note(&self, trigger: &Trigger) {
        const MOVES: [&str; 6] = [
            "folder.moved",
            "folder.copied",
            "folder.restored",
            "room.archived",
            "room.restored",
            "room.deleted",
        ];
        if MOVES.contains(&trigger.as_str()) {
            self.known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_believed_for_a_while_and_until_a_folder_moves() {
        let start = Timestamp::UNIX_EPOCH;
        let folder = FolderId::from(7);
        let paths = FolderPaths::default();
        assert_eq!(paths.get(&folder, start), None);

        paths.insert(
            folder.clone(),
            vec![FolderId::from(1), folder.clone()],
            start,
        );
        paths.note(&Trigger::new("file.moved"));
        assert!(paths.get(&folder, start + Duration::from_mins(4)).is_some());
        assert!(paths.get(&folder, start + BELIEVED_FOR).is_none());

        paths.note(&Trigger::new("folder.moved"));
        assert!(paths.get(&folder, start).is_none());
    }
}
