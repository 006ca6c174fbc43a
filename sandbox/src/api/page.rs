//! The requested part of a list, and its order (docs/DOCSPACE.md A11.1).

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::Deserialize;

use crate::storage::{File, Folder};

/// The most entries of a page; a request for more is rejected.
pub(super) const MAX_ENTRIES: usize = 100;

/// The message for a page size that is out of range.
pub(super) const COUNT_OUT_OF_RANGE: &str = "The field Count must be between 1 and 100.";

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
    pub(super) fn count(&self) -> Option<usize> {
        let count = self.count.unwrap_or(MAX_ENTRIES);
        (1..=MAX_ENTRIES).contains(&count).then_some(count)
    }

    pub(super) fn start(&self) -> usize {
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

    pub(super) fn folders<'a>(&self, folders: impl Iterator<Item = &'a Folder>) -> Vec<&'a Folder> {
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

    pub(super) fn files<'a>(&self, files: impl Iterator<Item = &'a File>) -> Vec<&'a File> {
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
