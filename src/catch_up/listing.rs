//! Listing the watched rooms: what happened while there was no webhook to log it.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::json;
use tracing::warn;

use crate::docspace::{self, FileInfo, FolderPage};
use crate::event::Event;
use crate::ids::FolderId;
use crate::inbox::{self, Source};
use crate::outbox;
use crate::telemetry::ErrorChain;

use super::{CatchUp, CatchUpError};

/// Pages read in one turn at the most: some of the portal's 1,500 calls a minute are for others.
const PAGES: usize = 1_000;

/// Puts the files of the watched rooms that changed since this time, and that nobody told us of, into
/// the inbox as uploads; returns how many there were.
///
/// A file that was edited in place counts, too: an upload over it looks the same from here, and a copy
/// too many is better than one too few.
pub(super) async fn find(
    context: &CatchUp,
    since: Timestamp,
    now: Timestamp,
) -> Result<usize, CatchUpError> {
    let mut folders: Vec<FolderId> = context.rules.watched_folders();
    let mut visited: HashSet<FolderId> = HashSet::new();
    let mut pages = 0;
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        if !visited.insert(folder.clone()) {
            continue;
        }
        let mut start = 0;
        while let Some(page) = read_page(context, &folder, start).await? {
            pages += 1;
            let last = page.is_last(start);
            start += page.len();
            folders.extend(page.folders.into_iter().map(|folder| folder.id));
            let changed = page.files.into_iter().filter(|file| file.updated >= since);
            found += store(context, changed.collect(), now).await?;
            if pages >= PAGES {
                warn!(
                    pages,
                    "the watched rooms are too large to list whole in one turn"
                );
                return Ok(found);
            }
            if last {
                break;
            }
        }
    }
    Ok(found)
}

async fn read_page(
    context: &CatchUp,
    folder: &FolderId,
    start: u64,
) -> Result<Option<FolderPage>, docspace::Error> {
    match context.portal.folder_page(folder, start).await {
        Ok(page) => Ok(Some(page)),
        Err(error @ (docspace::Error::NotFound | docspace::Error::Forbidden)) => {
            warn!(folder.id = folder.as_str(), error = %ErrorChain(&error), "a watched folder cannot be listed");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn store(
    context: &CatchUp,
    files: Vec<FileInfo>,
    now: Timestamp,
) -> Result<usize, CatchUpError> {
    let stored = context.db.write(move |sql| {
        let mut stored = 0;
        for file in &files {
            if inbox::has_file_state(sql, &file.id, file.updated)?
                || outbox::is_own_copy(sql, &file.id)?
            {
                continue;
            }
            let body = upload_of(file);
            let event = Event::parse(&body).expect("the body was made here");
            inbox::insert(sql, &event, &body, Source::Listing, now)?;
            stored += 1;
        }
        Ok(stored)
    });
    Ok(stored.await?)
}

/// The delivery that would have told of the file.
fn upload_of(file: &FileInfo) -> Vec<u8> {
    let changed = file.updated.to_string();
    json!({
        "event": { "createOn": changed, "trigger": "file.uploaded" },
        "payload": {
            "id": file.id,
            "parentId": file.folder,
            "title": file.title,
            "modifiedOn": changed,
            "fileEntryType": 2,
        },
    })
    .to_string()
    .into_bytes()
}
