//! Lists the watched rooms to find files that changed while no webhook was enabled to log them.
//!
//! A large portal takes many runs. The position is stored with what a page contained, so the next run continues
//! there, also after a restart and on another instance. What changes while a listing is under way is found by the
//! webhook or by the next listing, which looks for changes since this one began.

use jiff::Timestamp;
use tracing::{info, warn};

use crate::db::{Db, Sql, StoreError};
use crate::docspace::{Client, Error, FileInfo, FolderContent};
use crate::event::Event;
use crate::ids::FolderId;
use crate::inbox::{self, Source};
use crate::list_position::{ListOrder, ListPosition, NextPage};
use crate::outbox;
use crate::telemetry::ErrorChain;

use super::error::CatchUpError;

mod change;
mod stored;

use change::{SECOND, classify};
pub(super) use stored::Listing;
pub use stored::{ListingProgress, listing_progress};

/// Calls to the portal in one run. At a run every 30 s that is a third of the portal's 1,500 a minute, so that
/// other calls are not delayed.
pub const CALLS_PER_RUN: u32 = 250;

/// What one run of a listing did.
#[derive(Debug)]
pub(super) struct ListingRun {
    /// Uploads that it found.
    pub(super) found: usize,
    /// The listing, if this run reached its end.
    pub(super) completed: Option<Listing>,
}

/// What one page of a folder contained.
#[derive(Debug, Default)]
struct PageResult {
    /// Those that changed since the time that the listing looks for.
    files: Vec<FileInfo>,
    folders: Vec<FolderId>,
    /// Where the folder goes on; `None` at its end.
    next: Option<ListPosition>,
}

/// A run of a listing.
#[derive(Debug)]
pub(super) struct Lister<'a> {
    pub(super) db: &'a Db,
    pub(super) portal: &'a Client,
    /// The time of day.
    pub(super) now: Timestamp,
    /// When it was last known whether the webhook was disabled, on the portal's clock.
    pub(super) webhooks_checked_at: Timestamp,
    /// How many calls to the portal the run may still make.
    pub(super) calls_left: u32,
}

impl Lister<'_> {
    /// Continues a listing. Stores the changed files that no event reported in their present state: as uploads,
    /// or as updates if they were not uploaded.
    pub(super) async fn run(mut self, mut listing: Listing) -> Result<ListingRun, CatchUpError> {
        let mut found = 0;
        while self.calls_left > 0 {
            let mut current = listing.current.clone();
            if current.is_none() {
                let folder = self.db.read(stored::next_folder).await?;
                current = folder.map(|folder| (folder, ListPosition::default()));
            }
            let Some((folder, position)) = current else {
                let completed = Some(listing);
                return Ok(ListingRun { found, completed });
            };
            let page = self.read_page(&listing, &folder, &position).await?;
            let events = self.unreported(&listing, page.files).await?;
            let uploads = events.iter().filter(|(is_upload, ..)| *is_upload).count();
            let next = Listing {
                current: page.next.map(|position| (folder.clone(), position)),
                pages: listing.pages + 1,
                ..listing.clone()
            };
            let stored = self.store(&listing, &next, folder, page.folders, events);
            if !stored.await? {
                break;
            }
            found += uploads;
            listing = next;
        }
        let completed = None;
        Ok(ListingRun { found, completed })
    }

    async fn read_page(
        &mut self,
        listing: &Listing,
        folder: &FolderId,
        position: &ListPosition,
    ) -> Result<PageResult, CatchUpError> {
        self.calls_left = self.calls_left.saturating_sub(1);
        let page = match self
            .portal
            .files()
            .folder_page(folder, position.start())
            .await
        {
            Ok(page) => page,
            Err(error @ (Error::NotFound | Error::Forbidden)) => {
                warn!(folder.id = folder.as_str(), error = %ErrorChain(&error), "a watched folder cannot be listed");
                return Ok(PageResult::default());
            }
            Err(error) => return Err(error.into()),
        };
        let step = position.after(&page, ListOrder::LastChangedFirst);
        let FolderContent { mut files, folders } = page.content;
        let next = match step {
            NextPage::On(_) if listing.is_past(&files) => None,
            NextPage::Back(position) | NextPage::On(position) => Some(position),
            NextPage::End => None,
        };
        files.retain(|file| file.updated >= listing.since);
        Ok(PageResult {
            files,
            folders: folders.into_iter().map(|folder| folder.id).collect(),
            next,
        })
    }

    /// Whether it is known if the webhook was enabled when the file changed. If not, that a change was not reported
    /// does not mean that it is no upload; the next listing decides, which is due if the webhook was disabled.
    fn knows_webhook_state(&self, listing: &Listing, file: &FileInfo) -> bool {
        // The portal's times have whole seconds.
        listing.may_have_been_disabled || file.updated + SECOND <= self.webhooks_checked_at
    }

    /// The events of those files that no event reported in their present state, and whether each is an upload.
    async fn unreported(
        &mut self,
        listing: &Listing,
        files: Vec<FileInfo>,
    ) -> Result<Vec<(bool, Event, Vec<u8>)>, CatchUpError> {
        let current = listing.clone();
        let unreported = self.db.read(move |sql| {
            let mut unreported = Vec::new();
            for file in &files {
                let known = inbox::known_file(sql, &file.id, file.updated)?;
                let is_reported = known.is_state_reported && !current.is_new(file, known);
                if !is_reported && !outbox::is_own_file(sql, &file.id)? {
                    unreported.push((file.clone(), known));
                }
            }
            Ok(unreported)
        });
        let mut events = Vec::new();
        for (file, known) in unreported.await? {
            let calls_left = &mut self.calls_left;
            let change = classify(self.portal, listing, calls_left, &file, known).await?;
            if change.is_update() && !self.knows_webhook_state(listing, &file) {
                continue;
            }
            info!(
                file.id = file.id.as_str(),
                "a listing found a change that no event reported: {}",
                change.evidence()
            );
            let (event, body) = change.event(&file);
            events.push((!change.is_update(), event, body));
        }
        Ok(events)
    }

    /// Stores what a page contained and the position after it, unless another run has continued the listing.
    async fn store(
        &self,
        current: &Listing,
        next: &Listing,
        folder: FolderId,
        folders: Vec<FolderId>,
        events: Vec<(bool, Event, Vec<u8>)>,
    ) -> Result<bool, StoreError> {
        let (current, next, now) = (current.clone(), next.clone(), self.now);
        let write = move |sql: &Sql| {
            if !current.replace(sql, &next)? {
                return Ok(false);
            }
            for (_, event, body) in &events {
                inbox::insert(sql, event, body, Source::Listing, now)?;
            }
            stored::add_folders(sql, &folders)?;
            if next.current.is_none() {
                stored::mark_read(sql, &folder)?;
            }
            Ok(true)
        };
        self.db.write(write).await
    }
}
