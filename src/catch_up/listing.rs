//! Lists the watched rooms to find files that changed while no webhook was on to log them.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::db::Db;
use crate::docspace::{Activity, Client, Error, FileInfo};
use crate::event::Event;
use crate::ids::FolderId;
use crate::inbox::{self, KnownFile, Source};
use crate::outbox;
use crate::telemetry::ErrorChain;

use super::error::CatchUpError;

/// The most pages in one run: other calls share the portal's limit of 1,500 a minute.
const MAX_PAGES: usize = 1_000;

/// The resolution of the portal's times.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// What a listing looks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// Files that changed since this time of the portal's clock.
    pub(super) since: Timestamp,
    /// The time of day.
    pub(super) now: Timestamp,
    /// Whether the webhook may have been off since then. If it was on, the delivery log has every upload.
    pub(super) may_have_been_off: bool,
}

impl Search {
    /// Whether the file is new and no event reported how it came.
    fn is_new(self, file: &FileInfo, known: KnownFile) -> bool {
        file.created >= self.since && !known.is_arrival_reported
    }
}

/// Stores the files in these rooms and folders that changed and that no event reported in their present state:
/// as uploads, or as updates if they were not uploaded. Returns how many uploads there were.
pub(super) async fn find(
    db: &Db,
    portal: &Client,
    watched: Vec<FolderId>,
    search: Search,
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
            changed.retain(|file| file.updated >= search.since);
            found += store(db, portal, changed, search).await?;
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

async fn store(
    db: &Db,
    portal: &Client,
    files: Vec<FileInfo>,
    search: Search,
) -> Result<usize, CatchUpError> {
    let unreported = db
        .read(move |sql| {
            let mut unreported = Vec::new();
            for file in &files {
                let known = inbox::known_file(sql, &file.id, file.updated)?;
                let is_reported = known.is_state_reported && !search.is_new(file, known);
                if !is_reported && !outbox::is_own_copy(sql, &file.id)? {
                    unreported.push((file.clone(), known));
                }
            }
            Ok(unreported)
        })
        .await?;
    let mut events = Vec::new();
    let mut uploads = 0;
    for (file, known) in unreported {
        let change = classify(portal, &file, known, search).await?;
        info!(
            file.id = file.id.as_str(),
            "a listing found a change that no event reported: {}",
            change.evidence()
        );
        uploads += usize::from(matches!(change, Change::Upload(_)));
        events.push(change.event(&file));
    }
    db.write(move |sql| {
        for (event, body) in &events {
            inbox::insert(sql, event, body, Source::Listing, search.now)?;
        }
        Ok(())
    })
    .await?;
    Ok(uploads)
}

/// A change of a file that no event reported, and the evidence for its kind.
#[derive(Clone, Copy, Debug)]
enum Change {
    Upload(&'static str),
    Update(&'static str),
}

impl Change {
    fn evidence(self) -> &'static str {
        match self {
            Self::Upload(evidence) | Self::Update(evidence) => evidence,
        }
    }

    fn event(self, file: &FileInfo) -> (Event, Vec<u8>) {
        let FileInfo {
            id,
            folder,
            title,
            updated,
            ..
        } = file;
        match self {
            Self::Upload(evidence) => Event::upload(id, folder, title, *updated, evidence),
            Self::Update(evidence) => Event::update(id, folder, title, *updated, evidence),
        }
    }
}

/// Finds out whether a changed file was uploaded. A listing does not distinguish an upload from an edit or a new
/// title, so the portal's activity log is read where that matters.
async fn classify(
    portal: &Client,
    file: &FileInfo,
    known: KnownFile,
    search: Search,
) -> Result<Change, CatchUpError> {
    if search.is_new(file, known) {
        return Ok(Change::Upload("the file is new"));
    }
    // What led to a state that was reported is known.
    let after_known = known.newest_state.map(|state| state + SECOND);
    let since = after_known.map_or(search.since, |state| state.max(search.since));
    let activities = match portal.files().activities(&file.id, since).await {
        Ok(activities) => activities,
        Err(error @ (Error::NotFound | Error::Forbidden)) if search.may_have_been_off => {
            warn!(file.id = file.id.as_str(), error = %ErrorChain(&error), "the activity log of a file cannot be read");
            return Ok(Change::Upload(
                "its activity log cannot be read, and the webhook was off",
            ));
        }
        Err(Error::NotFound | Error::Forbidden) => {
            return Ok(Change::Update(
                "its activity log cannot be read, and the webhook was on",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let has = |wanted| activities.contains(&wanted);
    Ok(if !known.is_arrival_reported && has(Activity::Created) {
        Change::Upload("its activity log has an upload")
    } else if !search.may_have_been_off {
        Change::Update("the webhook was on, and no upload is known")
    } else if has(Activity::ContentChanged) || !has(Activity::Other) {
        Change::Upload(
            "its content changed while the webhook was off, and the activity log does not distinguish an upload \
             from an edit",
        )
    } else {
        Change::Update("its activity log has other changes only")
    })
}
