//! How the result of a copy, or of a move over another file, is recognised in the destination: by its title,
//! size and time.

use jiff::Timestamp;

use crate::actions::in_flight::CLOCK_TOLERANCE;
use crate::docspace::{Client, Conflict, Error, FileInfo};
use crate::ids::FileId;
use crate::outbox::{self, Action};

use crate::actions::portal_view::{PortalView, same_title};

/// What is known of the result before it is found.
#[derive(Clone, Debug)]
pub(super) struct ExpectedFile {
    source: FileId,
    /// Whether the source may have been renamed since the event or the call.
    may_have_old_titles: bool,
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
            may_have_old_titles: source.as_ref().is_some_and(|source| {
                source.title != action.title || source.updated > called_at + CLOCK_TOLERANCE
            }),
            source: action.file.clone(),
            conflict,
            titles,
            size_bytes: source
                .filter(|source| source.updated < not_before)
                .map(|source| source.size_bytes),
            not_before,
        }
    }

    /// Adds the titles that the source had since the call: the result has the one of the time of the call.
    pub(super) async fn add_old_titles(&mut self, portal: &Client) -> Result<(), Error> {
        if self.may_have_old_titles {
            let read = portal.files().old_titles(&self.source, self.not_before);
            match read.await {
                Ok(titles) => self.titles.extend(titles),
                // Files in third-party storage have no activity log.
                Err(Error::NotFound | Error::Forbidden) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    const CALLED_AT_S: i64 = 1_000_000;

    /// A file of 5 bytes that was created and changed at these seconds after the call.
    fn file(id: i64, title: &str, created_s: i64, updated_s: i64) -> FileInfo {
        let time = |seconds| Timestamp::from_second(CALLED_AT_S + seconds).unwrap();
        FileInfo {
            id: FileId::from(id),
            title: title.to_owned(),
            created: time(created_s),
            updated: time(updated_s),
            ..FileInfo::example()
        }
    }

    fn expected(conflict: Conflict, source: Option<FileInfo>) -> ExpectedFile {
        let called_at = Timestamp::from_second(CALLED_AT_S).unwrap();
        ExpectedFile::new(&Action::example(), conflict, called_at, source)
    }

    #[test]
    fn a_result_is_recognised_by_title_size_and_time() {
        use Conflict::{Duplicate, Overwrite, Skip};
        let check = |conflict, found: &FileInfo, matches: bool| {
            let source = file(1, "plan.docx", -99, -99);
            let expected = expected(conflict, Some(source));
            assert_eq!(expected.matches(found), matches, "{conflict:?} {found:?}");
        };
        for conflict in [Duplicate, Overwrite, Skip] {
            check(conflict, &file(2, "plan.docx", 0, 0), true);
            check(conflict, &file(2, "plan.docx", -2, -2), true);
            check(conflict, &file(2, "plan.docx", -3, -3), false);
            check(conflict, &file(1, "plan.docx", 0, 0), false);
            check(conflict, &file(2, "other.docx", 0, 0), false);
            check(
                conflict,
                &file(2, "plan (2).docx", 0, 0),
                conflict == Duplicate,
            );
            // A new version of an existing file.
            check(
                conflict,
                &file(2, "plan.docx", -99, 0),
                conflict == Overwrite,
            );
            let larger = FileInfo {
                size_bytes: 6,
                ..file(2, "plan.docx", 0, 0)
            };
            check(conflict, &larger, false);
        }
    }

    #[test]
    fn a_source_that_has_changed_since_does_not_say_the_size() {
        let larger = FileInfo {
            size_bytes: 6,
            ..file(2, "plan.docx", 0, 0)
        };
        let changed = file(1, "renamed.docx", -99, 3);
        for source in [None, Some(changed)] {
            assert!(expected(Conflict::Duplicate, source).matches(&larger));
        }
        let unchanged = file(1, "plan.docx", -99, -99);
        assert!(!expected(Conflict::Duplicate, Some(unchanged)).matches(&larger));
    }
}
