//! What the portal shows of several files and their destination, in few reads.
//!
//! Each file and page is read once and kept as long as the view, so that a hundred files that need the same
//! listing cost one. What must have been read after an event, such as the end of an operation, needs a view
//! created after it.

use std::collections::HashMap;
use std::pin::pin;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::docspace::{Client, Error, FileInfo};
use crate::ids::{FileId, FolderId};
use crate::outbox::Action;

/// Up to this many files are read one by one rather than from a listing of their folder.
const MAX_SINGLE_READS: usize = 4;

/// Files that a page of a listing has to replace: it costs the portal more than one file.
const MIN_FILES_PER_PAGE: usize = 5;

/// Files that are read at the same time.
const CONCURRENT_READS: usize = 10;

/// The files and pages read so far.
#[derive(Debug)]
pub(super) struct PortalView<'a> {
    portal: &'a Client,
    destination: &'a FolderId,
    files: HashMap<FileId, FileLookup>,
    listing: Listing,
}

#[derive(Clone, Debug)]
enum FileLookup {
    Found(Box<FileInfo>),
    Gone,
    Denied,
}

/// The destination's files, the last changed first, as far as they have been read.
#[derive(Debug)]
struct Listing {
    files: Vec<FileInfo>,
    next_start: u64,
    is_complete: bool,
    /// Whether the pages so far were sorted as requested.
    is_sorted: bool,
}

impl<'a> PortalView<'a> {
    /// An empty view of files for this destination.
    pub(super) fn new(portal: &'a Client, destination: &'a FolderId) -> Self {
        Self {
            portal,
            destination,
            files: HashMap::new(),
            listing: Listing {
                files: Vec::new(),
                next_start: 0,
                is_complete: false,
                is_sorted: true,
            },
        }
    }

    /// The portal.
    pub(super) fn portal(&self) -> &'a Client {
        self.portal
    }

    /// Returns the file.
    pub(super) async fn file(&mut self, file: &FileId) -> Result<FileInfo, Error> {
        if !self.files.contains_key(file) {
            let state = file_state(self.portal.files().file(file).await)?;
            self.files.insert(file.clone(), state);
        }
        match &self.files[file] {
            FileLookup::Found(file) => Ok((**file).clone()),
            FileLookup::Gone => Err(Error::NotFound),
            FileLookup::Denied => Err(Error::Forbidden),
        }
    }

    /// Reads several files in as few calls as possible: files of one folder from its listing while that
    /// saves calls, the others at the same time. A single file is left to [`Self::file`].
    pub(super) async fn load(&mut self, files: &[&FileId]) -> Result<(), Error> {
        if files.len() < 2 {
            return Ok(());
        }
        let mut pages = files.len() / MIN_FILES_PER_PAGE;
        let mut missing: Vec<&FileId> = files.to_vec();
        missing.retain(|file| !self.files.contains_key(file));
        while missing.len() > MAX_SINGLE_READS && pages > 0 {
            // This one names the folder to list. It is known afterwards, even if it cannot be read.
            let Some(one) = missing.pop() else { break };
            if let Ok(file) = self.file(one).await {
                self.load_from(&file.folder, &mut missing, &mut pages)
                    .await?;
            }
        }
        let mut reads = stream::iter(missing.into_iter().cloned())
            .map(async |file| {
                let read = self.portal.files().file(&file).await;
                (file, read)
            })
            .buffer_unordered(CONCURRENT_READS);
        let mut loaded = Vec::new();
        while let Some((file, read)) = reads.next().await {
            loaded.push((file, file_state(read)?));
        }
        drop(reads);
        self.files.extend(loaded);
        Ok(())
    }

    /// Lists a folder until none of the files is missing, or the pages are used up.
    async fn load_from(
        &mut self,
        folder: &FolderId,
        missing: &mut Vec<&FileId>,
        pages: &mut usize,
    ) -> Result<(), Error> {
        let mut listing = pin!(self.portal.files().folder_pages(folder));
        while *pages > 0 && !missing.is_empty() {
            *pages -= 1;
            let content = match listing.try_next().await {
                Ok(Some(page)) => page.content,
                Ok(None) => break,
                // A file may be readable although its folder is not.
                Err(Error::NotFound | Error::Forbidden) => return Ok(()),
                Err(error) => return Err(error),
            };
            for file in content.files {
                if let Some(position) = missing.iter().position(|missing| **missing == file.id) {
                    missing.swap_remove(position);
                    self.files
                        .insert(file.id.clone(), FileLookup::Found(Box::new(file)));
                }
            }
        }
        Ok(())
    }

    /// Lists the destination, the last changed file first, up to the first page whose last file is too old.
    /// A destination that does not exist has no files.
    pub(super) async fn destination_files(
        &mut self,
        is_too_old: impl Fn(&FileInfo) -> bool,
    ) -> Result<&[FileInfo], Error> {
        while !self.listing.is_complete {
            let reached =
                self.listing.is_sorted && self.listing.files.last().is_some_and(&is_too_old);
            if reached {
                break;
            }
            self.list_next_page().await?;
        }
        Ok(&self.listing.files)
    }

    async fn list_next_page(&mut self) -> Result<(), Error> {
        let listing = &mut self.listing;
        let page = self
            .portal
            .files()
            .folder_page(self.destination, listing.next_start)
            .await;
        let page = match page {
            Ok(page) => page,
            // The destination no longer exists; the next call reports it.
            Err(Error::NotFound) => {
                listing.is_complete = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        listing.is_complete = page.is_last();
        listing.next_start = page.end();
        listing.is_sorted &= page
            .content
            .files
            .is_sorted_by(|one, next| one.updated >= next.updated);
        listing.files.extend(page.content.files);
        Ok(())
    }

    /// The file in the destination with the title of the action's file, if there is one.
    pub(super) async fn existing_file(
        &mut self,
        action: &Action,
    ) -> Result<Option<FileInfo>, Error> {
        let title = match self.file(&action.file).await {
            Ok(file) => file.title,
            Err(Error::NotFound) => action.title.clone(),
            Err(error) => return Err(error),
        };
        let files = self.destination_files(|_| false).await?;
        let existing = files.iter().find(|file| same_title(&file.title, &title));
        Ok(existing.cloned())
    }
}

/// The state that the portal's response shows; an error that does not concern the file stays an error.
fn file_state(response: Result<FileInfo, Error>) -> Result<FileLookup, Error> {
    match response {
        Ok(file) => Ok(FileLookup::Found(Box::new(file))),
        Err(Error::NotFound) => Ok(FileLookup::Gone),
        Err(Error::Forbidden) => Ok(FileLookup::Denied),
        Err(error) => Err(error),
    }
}

/// Whether the portal treats two titles in one folder as the same.
pub(super) fn same_title(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
