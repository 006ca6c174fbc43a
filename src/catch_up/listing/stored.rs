//! The stored part of a listing: its position, what it found so far, and the folders.
//!
//! Only the position is written with every page. Each folder has a row of its own, so that ten thousand of them
//! cost a page no more than one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::{Sql, SqlError, state};
use crate::docspace::FileInfo;
use crate::ids::FolderId;
use crate::inbox::KnownFile;
use crate::list_position::ListPosition;

/// The key of the position in the table `state`.
const KEY: &str = "listing";

/// A listing that has not reached its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::catch_up) struct Listing {
    /// When it began, on the portal's clock.
    pub(in crate::catch_up) started_at: Timestamp,
    /// It looks for files that changed since this time of the portal's clock.
    pub(super) since: Timestamp,
    /// Whether the webhook may have been disabled since then. If it was enabled, the delivery log has every upload.
    #[serde(rename = "may_have_been_off")]
    pub(in crate::catch_up) may_have_been_disabled: bool,
    /// The folder that is being read, and the position in it.
    pub(super) current: Option<(FolderId, ListPosition)>,
    /// Pages read so far.
    pub(super) pages: u64,
}

/// How far a listing of the watched rooms is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingProgress {
    /// When it began.
    pub started_at: Timestamp,
    /// Pages read so far.
    pub pages: u64,
    /// Folders that are known and not read to their end. More may be in them.
    pub folders_left: u64,
}

impl fmt::Display for ListingProgress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "The watched rooms are being listed to find missed uploads, since {:.0}. Pages read: {}. Folders left: {}.",
            self.started_at, self.pages, self.folders_left
        )
    }
}

/// How far the current listing of the watched rooms is; `None` if there is none.
pub fn listing_progress(sql: &Sql) -> Result<Option<ListingProgress>, SqlError> {
    let Some(listing) = Listing::load(sql)? else {
        return Ok(None);
    };
    let folders_left = sql.query_one(
        "SELECT count(*) FROM listed_folders WHERE is_read = 0",
        &[],
        |row| row.get(0),
    )?;
    Ok(Some(ListingProgress {
        started_at: listing.started_at,
        pages: listing.pages,
        folders_left,
    }))
}

impl Listing {
    /// A listing of files that changed since a time of the portal's clock.
    pub(in crate::catch_up) fn new(
        started_at: Timestamp,
        since: Timestamp,
        may_have_been_disabled: bool,
    ) -> Self {
        Self {
            started_at,
            since,
            may_have_been_disabled,
            current: None,
            pages: 0,
        }
    }

    /// Reads the current listing. One that cannot be read, such as that of another version, counts as none.
    pub(in crate::catch_up) fn load(sql: &Sql) -> Result<Option<Self>, SqlError> {
        state::load(sql, KEY)
    }

    /// Whether the file is new and no event reported how it came.
    pub(super) fn is_new(&self, file: &FileInfo, known: KnownFile) -> bool {
        file.created >= self.since && !known.is_arrival_reported
    }

    /// Whether all files after these are too old, if the portal sorts them by their last change.
    pub(super) fn is_past(&self, files: &[FileInfo]) -> bool {
        files.is_sorted_by(|one, next| one.updated >= next.updated)
            && files.last().is_some_and(|last| last.updated < self.since)
    }

    /// Makes this the current listing, of these folders and those in them.
    pub(in crate::catch_up) fn begin(
        &self,
        sql: &Sql,
        watched: &[FolderId],
    ) -> Result<(), SqlError> {
        state::save(sql, KEY, self)?;
        sql.execute("DELETE FROM listed_folders", &[])?;
        add_folders(sql, watched)
    }

    /// From now on, the delivery log need not have what the listing finds.
    pub(in crate::catch_up) fn note_that_webhook_may_have_been_disabled(
        &self,
        sql: &Sql,
    ) -> Result<Self, SqlError> {
        let next = Self {
            may_have_been_disabled: true,
            ..self.clone()
        };
        self.replace(sql, &next)?;
        Ok(next)
    }

    /// Replaces this state of the listing by the next one, unless another run has replaced it: then nothing is
    /// changed, and the result is `false`.
    pub(super) fn replace(&self, sql: &Sql, next: &Self) -> Result<bool, SqlError> {
        state::replace(sql, KEY, self, next)
    }

    /// Ends the listing, unless another run has changed it: then the result is `false`.
    pub(in crate::catch_up) fn end(&self, sql: &Sql) -> Result<bool, SqlError> {
        let ended = state::remove(sql, KEY, self)?;
        if ended {
            sql.execute("DELETE FROM listed_folders", &[])?;
        }
        Ok(ended)
    }
}

/// Adds folders to read, each once.
pub(super) fn add_folders(sql: &Sql, folders: &[FolderId]) -> Result<(), SqlError> {
    for folder in folders {
        sql.execute(
            "INSERT INTO listed_folders (folder) VALUES (:folder) ON CONFLICT (folder) DO NOTHING",
            &[(":folder", folder.as_str().into())],
        )?;
    }
    Ok(())
}

/// A folder that was not read to its end.
pub(super) fn next_folder(sql: &Sql) -> Result<Option<FolderId>, SqlError> {
    let next: Option<String> = sql.query_optional(
        "SELECT folder FROM listed_folders WHERE is_read = 0 ORDER BY folder LIMIT 1",
        &[],
        |row| row.get(0),
    )?;
    Ok(next.as_deref().and_then(FolderId::new))
}

/// Notes that a folder was read to its end.
pub(super) fn mark_read(sql: &Sql, folder: &FolderId) -> Result<usize, SqlError> {
    sql.execute(
        "UPDATE listed_folders SET is_read = 1 WHERE folder = :folder",
        &[(":folder", folder.as_str().into())],
    )
}
