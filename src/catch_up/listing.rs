//! Lists the watched rooms to find files that changed while no webhook was on to log them.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use tracing::warn;

use crate::db::{Db, StoreError};
use crate::docspace::{Client, Error, FileInfo};
use crate::event::Event;
use crate::ids::FolderId;
use crate::inbox::{self, Source};
use crate::outbox;
use crate::telemetry::ErrorChain;

use super::error::CatchUpError;

/// The most pages in one run: other calls share the portal's limit of 1,500 a minute.
const MAX_PAGES: usize = 1_000;

/// Stores the files in these rooms and folders that changed since this time, and that no delivery reported, as
/// uploads. Returns how many there were.
///
/// A file that was edited in place counts, too. Its listing looks like that of a file that was uploaded again,
/// and one copy too many is better than one too few.
pub(super) async fn find(
    db: &Db,
    portal: &Client,
    watched: Vec<FolderId>,
    since: Timestamp,
    now: Timestamp,
) -> Result<usize, CatchUpError> {
    let mut folders = watched;
    let mut visited: HashSet<FolderId> = HashSet::new();
    let mut pages_read = 0;
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        if !visited.insert(folder.clone()) {
            continue;
        }
        let mut pages = pin!(portal.files().folder_pages(&folder));
        loop {
            let content = match pages.try_next().await {
                Ok(Some(page)) => page.content,
                Ok(None) => break,
                Err(error @ (Error::NotFound | Error::Forbidden)) => {
                    warn!(folder.id = folder.as_str(), error = %ErrorChain(&error), "a watched folder cannot be listed");
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            pages_read += 1;
            folders.extend(content.folders.into_iter().map(|folder| folder.id));
            let mut changed = content.files;
            changed.retain(|file| file.updated >= since);
            found += store(db, changed, now).await?;
            if pages_read >= MAX_PAGES {
                warn!(
                    pages = pages_read,
                    "the watched rooms have more pages than one run reads"
                );
                return Ok(found);
            }
        }
    }
    Ok(found)
}

async fn store(db: &Db, files: Vec<FileInfo>, now: Timestamp) -> Result<usize, StoreError> {
    db.write(move |sql| {
        let mut stored = 0;
        for file in &files {
            if inbox::has_file_state(sql, &file.id, file.updated)?
                || outbox::is_own_copy(sql, &file.id)?
            {
                continue;
            }
            let (event, body) = Event::upload(&file.id, &file.folder, &file.title, file.updated);
            inbox::insert(sql, &event, &body, Source::Listing, now)?;
            stored += 1;
        }
        Ok(stored)
    })
    .await
}
