//! Look: what the portal shows of several files and of their destination, in few reads.
//!
//! A read is kept for as long as the look lasts, so that a hundred files that ask for the same listing
//! cost what one costs. Whoever must know that something happened before, such as that an operation has
//! ended, begins a new look after it.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

use crate::docspace::{Client, Error, FileInfo};
use crate::ids::{FileId, FolderId};

/// So few files are read one by one.
const FEW: usize = 4;

/// Files that a page of their folder must be worth: a page costs the portal more than a file.
const FILES_A_PAGE: usize = 5;

/// Reads of single files side by side.
const SIDE_BY_SIDE: usize = 10;

/// What was read so far.
#[derive(Debug)]
pub(super) struct Look<'a> {
    portal: &'a Client,
    to: &'a FolderId,
    files: HashMap<FileId, Seen>,
    listing: Listing,
}

#[derive(Clone, Debug)]
enum Seen {
    There(FileInfo),
    Gone,
    Denied,
}

/// The destination's files, last changed first, as far as they were read.
#[derive(Debug, Default)]
struct Listing {
    files: Vec<FileInfo>,
    next: u64,
    complete: bool,
    /// Whether the portal sorts as it is asked to.
    sorted: bool,
}

impl<'a> Look<'a> {
    /// A look at files that go to this destination.
    pub(super) fn new(portal: &'a Client, to: &'a FolderId) -> Self {
        Self {
            portal,
            to,
            files: HashMap::new(),
            listing: Listing {
                sorted: true,
                ..Listing::default()
            },
        }
    }

    /// A file as it is now.
    pub(super) async fn file(&mut self, file: &FileId) -> Result<FileInfo, Error> {
        if !self.files.contains_key(file) {
            let seen = see(self.portal.files().file(file).await)?;
            self.files.insert(file.clone(), seen);
        }
        match &self.files[file] {
            Seen::There(file) => Ok(file.clone()),
            Seen::Gone => Err(Error::NotFound),
            Seen::Denied => Err(Error::Forbidden),
        }
    }

    /// Reads these files in as few calls as it can: those that lie in one folder with its listing, as
    /// long as that is worth it, and the rest side by side.
    pub(super) async fn survey(&mut self, files: &[&FileId]) -> Result<(), Error> {
        let mut pages = files.len() / FILES_A_PAGE;
        let mut unseen: Vec<&FileId> = files.to_vec();
        unseen.retain(|file| !self.files.contains_key(file));
        while unseen.len() > FEW && pages > 0 {
            // The last of them says where to look; whatever it is, it is seen then.
            let Some(one) = unseen.pop() else { break };
            if let Ok(file) = self.file(one).await {
                self.list(&file.folder, &mut unseen, &mut pages).await?;
            }
        }
        let mut reads = stream::iter(unseen.into_iter().cloned())
            .map(async |file| {
                let seen = see(self.portal.files().file(&file).await);
                (file, seen)
            })
            .buffer_unordered(SIDE_BY_SIDE);
        let mut seen = Vec::new();
        while let Some((file, read)) = reads.next().await {
            seen.push((file, read?));
        }
        drop(reads);
        self.files.extend(seen);
        Ok(())
    }

    /// Lists a folder until all these files are seen, or the pages are used up.
    async fn list(
        &mut self,
        folder: &FolderId,
        unseen: &mut Vec<&FileId>,
        pages: &mut usize,
    ) -> Result<(), Error> {
        let mut start = 0;
        while *pages > 0 && !unseen.is_empty() {
            *pages -= 1;
            let page = match self.portal.files().folder_page(folder, start).await {
                Ok(page) => page,
                // A folder that may not be listed, although its file may be read.
                Err(Error::NotFound | Error::Forbidden) => return Ok(()),
                Err(error) => return Err(error),
            };
            let last = page.is_last();
            start = page.end();
            for file in page.content.files {
                if let Some(position) = unseen.iter().position(|unseen| **unseen == file.id) {
                    unseen.swap_remove(position);
                    self.files.insert(file.id.clone(), Seen::There(file));
                }
            }
            if last {
                break;
            }
        }
        Ok(())
    }

    /// The destination's files until the first page that ends with one this function calls too old;
    /// nothing where there is no destination.
    pub(super) async fn destination(
        &mut self,
        too_old: impl Fn(&FileInfo) -> bool,
    ) -> Result<&[FileInfo], Error> {
        while !self.listing.complete {
            let reached = self.listing.sorted && self.listing.files.last().is_some_and(&too_old);
            if reached {
                break;
            }
            self.next_page().await?;
        }
        Ok(&self.listing.files)
    }

    /// The file in the destination that has this title, if one has.
    pub(super) async fn namesake(&mut self, title: &str) -> Result<Option<FileInfo>, Error> {
        let listing = self.destination(|_| false).await?;
        let namesake = listing.iter().find(|file| same_title(&file.title, title));
        Ok(namesake.cloned())
    }

    async fn next_page(&mut self) -> Result<(), Error> {
        let page = match self
            .portal
            .files()
            .folder_page(self.to, self.listing.next)
            .await
        {
            Ok(page) => page,
            // The destination is gone; the next call says so.
            Err(Error::NotFound) => {
                self.listing.complete = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.listing.complete = page.is_last();
        self.listing.next = page.end();
        self.listing.sorted &= page
            .content
            .files
            .is_sorted_by(|one, next| one.updated >= next.updated);
        self.listing.files.extend(page.content.files);
        Ok(())
    }
}

/// Takes what the portal says about one file; an error that says nothing about it stays one.
fn see(answer: Result<FileInfo, Error>) -> Result<Seen, Error> {
    match answer {
        Ok(file) => Ok(Seen::There(file)),
        Err(Error::NotFound) => Ok(Seen::Gone),
        Err(Error::Forbidden) => Ok(Seen::Denied),
        Err(error) => Err(error),
    }
}

/// Whether two files of these titles could not lie in one folder under one title.
pub(super) fn same_title(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
