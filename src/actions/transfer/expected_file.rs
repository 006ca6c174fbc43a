//! How the result of a copy, or of a move over another file, is recognised in the destination: by its title,
//! size and time.

use jiff::{SignedDuration, Timestamp};

use crate::docspace::{Conflict, Error, FileInfo};
use crate::ids::FileId;
use crate::outbox::{self, Action};

use super::portal_view::{PortalView, same_title};

/// The portal's times are cut to whole seconds, and so is the measured difference between its clock and
/// ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// What is known of the result before it is found.
#[derive(Clone, Debug)]
pub(super) struct ExpectedFile {
    source: FileId,
    conflict: Conflict,
    titles: Vec<String>,
    /// `None` if the source no longer exists or has changed since.
    size_bytes: Option<u64>,
    not_before: Timestamp,
}

impl ExpectedFile {
    /// The result of a call made at this time of the portal's clock, for this source as it is now.
    pub(super) fn new(
        action: &Action,
        conflict: Conflict,
        called_at: Timestamp,
        source: Option<FileInfo>,
    ) -> Self {
        let not_before = called_at.checked_sub(CLOCK_TOLERANCE).unwrap_or(called_at);
        let mut titles = vec![action.title.clone()];
        titles.extend(source.as_ref().map(|source| source.title.clone()));
        Self {
            source: action.file.clone(),
            conflict,
            titles,
            size_bytes: source
                .filter(|source| source.updated < not_before)
                .map(|source| source.size_bytes),
            not_before,
        }
    }

    /// The files in the destination that match.
    pub(super) async fn candidates(
        &self,
        view: &mut PortalView<'_>,
    ) -> Result<Vec<FileInfo>, Error> {
        let not_before = self.not_before;
        let files = view
            .destination_files(|file| file.updated < not_before)
            .await?;
        Ok(files
            .iter()
            .filter(|file| self.matches(file))
            .cloned()
            .collect())
    }

    /// Whether a matching file was created by the call, rather than overwritten by it.
    pub(super) fn is_new(&self, file: &FileInfo) -> bool {
        file.created >= self.not_before
    }

    fn matches(&self, file: &FileInfo) -> bool {
        let changed = match self.conflict {
            Conflict::Overwrite => file.updated,
            Conflict::Duplicate | Conflict::Skip => file.created,
        };
        file.id != self.source
            && changed >= self.not_before
            && self.size_bytes.is_none_or(|size| size == file.size_bytes)
            && self
                .titles
                .iter()
                .any(|title| self.title_matches(title, &file.title))
    }

    /// Only a duplicate gets another title than its source: one with a number.
    fn title_matches(&self, title: &str, found: &str) -> bool {
        match self.conflict {
            Conflict::Duplicate => outbox::unnumbered(title) == outbox::unnumbered(found),
            Conflict::Overwrite | Conflict::Skip => same_title(title, found),
        }
    }
}
