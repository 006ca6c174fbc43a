//! Settle: what became of a call whose answer or whose operation's end we never saw.
//!
//! An empty operation status proves nothing (CONTRACT 4.4), so the effect is looked for: after a move
//! the file's folder, after a copy a new file in the destination, and where one may be overwritten a new
//! version of it. Not finding it proves something only
//! once the portal cannot be at work on it any more. The order matters: first the operations that are
//! under way, then the effect, because an operation may end between the two looks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::db::StoreError;
use crate::docspace::{Conflict, Error, FileInfo, Operation, OperationKind};
use crate::ids::{FileId, FolderId};
use crate::outbox::{self, Action, Intent, Outcome};

use super::Context;
use super::relocate::Relocation;

/// How long between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// An operation that reports nothing for 60 s vanishes from the status while it goes on (CONTRACT
/// 4.4 rule 5); one that vanished sooner than this has ended.
const SILENT_AFTER: SignedDuration = SignedDuration::from_secs(55);

/// How long an operation that may go on silently is waited for.
const SILENT_FOR: SignedDuration = SignedDuration::from_mins(15);

/// Dates on the wire are cut to whole seconds, and so is the portal's clock as we know it.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// What became of it.
#[derive(Debug)]
pub(super) enum Settled {
    /// It is done.
    Done(Outcome),
    /// It had no effect and will have none.
    NotDone,
    /// The portal shows its operation.
    Running(Operation),
    /// It cannot be told yet.
    Open {
        /// Why, in words an operator reads.
        reason: String,
        /// The intent to go on with.
        intent: Intent,
        /// When to look again.
        wait: Duration,
    },
    /// The portal could not be asked.
    Unknown(Error),
}

/// Finds out what became of an earlier attempt.
pub(super) async fn settle(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    intent: &Intent,
) -> Result<Settled, StoreError> {
    if let Some(id) = &intent.operation {
        return match context.portal.operation(id).await {
            Ok(Some(operation)) => Ok(Settled::Running(operation)),
            Ok(None) => by_effect(context, action, relocation, intent).await,
            Err(error) => Ok(Settled::Unknown(error)),
        };
    }
    let others = match unknown_operation(context, relocation.kind).await? {
        Ok(others) => others,
        Err(error) => return Ok(Settled::Unknown(error)),
    };
    let settled = by_effect(context, action, relocation, intent).await?;
    Ok(match settled {
        Settled::NotDone if others => open(
            intent.clone(),
            "the portal is at work on an operation that may be this one",
        ),
        settled => settled,
    })
}

/// Whether the portal is at work on an operation of this kind that is none of our known ones.
async fn unknown_operation(
    context: &Context<'_>,
    kind: OperationKind,
) -> Result<Result<bool, Error>, StoreError> {
    let pending = match context.portal.pending_operations().await {
        Ok(pending) => pending,
        Err(error) => return Ok(Err(error)),
    };
    let candidates: Vec<_> = pending
        .into_iter()
        .filter(|operation| operation.is_pending(kind))
        .map(|operation| operation.id)
        .collect();
    let known = context
        .db
        .read(move |sql| {
            for id in &candidates {
                if !outbox::knows(sql, id)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await?;
    Ok(Ok(known))
}

/// Looks for the effect, and says what its absence means by now.
pub(super) async fn by_effect(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    intent: &Intent,
) -> Result<Settled, StoreError> {
    let found = match relocation.kind {
        OperationKind::Move => moved(context, action, relocation, intent).await,
        OperationKind::Copy => copied(context, action, relocation, intent).await?,
    };
    Ok(match found {
        Ok(Some(outcome)) => Settled::Done(outcome),
        Ok(None) => absent(intent, context.clock.now()),
        Err(error) => Settled::Unknown(error),
    })
}

/// What it means at this time that there is no effect.
fn absent(intent: &Intent, now: Timestamp) -> Settled {
    let age = now.duration_since(intent.at);
    if intent.operation.is_some() {
        return if age < SILENT_AFTER || age > SILENT_FOR {
            Settled::NotDone
        } else {
            open(
                intent.clone(),
                "the portal no longer shows the operation, which may still go on",
            )
        };
    }
    if now < intent.settle_after {
        open(
            intent.clone(),
            "the portal may still be at work on a call whose answer was lost",
        )
    } else {
        Settled::NotDone
    }
}

fn open(intent: Intent, reason: &str) -> Settled {
    Settled::Open {
        reason: reason.to_owned(),
        intent,
        wait: LOOK_AGAIN,
    }
}

async fn moved(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    intent: &Intent,
) -> Result<Option<Outcome>, Error> {
    match context.portal.file(&action.file).await {
        Ok(file) if file.folder == *relocation.to => Ok(Some(outcome(file))),
        Err(Error::NotFound) if relocation.conflict == Conflict::Overwrite => {
            let wanted = Wanted::new(context, action, relocation.conflict, None, intent);
            let found = candidates(context, relocation.to, &wanted).await?;
            Ok(found.into_iter().next().map(outcome))
        }
        // A file that is gone has no effect to show; the next call says so.
        Ok(_) | Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn copied(
    context: &Context<'_>,
    action: &Action,
    relocation: Relocation<'_>,
    intent: &Intent,
) -> Result<Result<Option<Outcome>, Error>, StoreError> {
    let source = match context.portal.file(&action.file).await {
        Ok(source) => Some(source),
        Err(Error::NotFound) => None,
        // A portal that shows nothing to this key, as to a key that is refused, proves nothing.
        Err(error) => return Ok(Err(error)),
    };
    let wanted = Wanted::new(context, action, relocation.conflict, source, intent);
    let mut candidates = match candidates(context, relocation.to, &wanted).await {
        Ok(candidates) => candidates,
        Err(error) => return Ok(Err(error)),
    };
    // Copies under one title run one after the other, so at most one new file is nobody's: ours.
    candidates.sort_by_key(|file| file.created);
    for file in candidates {
        let id: FileId = file.id.clone();
        let overwritten = file.created < wanted.not_before;
        if overwritten || !context.db.read(move |sql| outbox::made(sql, &id)).await? {
            return Ok(Ok(Some(outcome(file))));
        }
    }
    Ok(Ok(None))
}

/// The file in the destination that has the title of the action's file, if one has.
pub(super) async fn namesake(
    context: &Context<'_>,
    action: &Action,
    to: &FolderId,
) -> Result<Option<FileInfo>, Error> {
    let title = match context.portal.file(&action.file).await {
        Ok(file) => file.title,
        Err(Error::NotFound) => action.title.clone(),
        Err(error) => return Err(error),
    };
    let mut start = 0;
    loop {
        let page = context.portal.folder_page(to, start).await?;
        let last = page.is_last(start);
        start += page.len();
        let found = page
            .files
            .into_iter()
            .find(|file| same_title(&file.title, &title));
        if found.is_some() || last {
            return Ok(found);
        }
    }
}

fn same_title(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// All files in the destination that look like the copy.
async fn candidates(
    context: &Context<'_>,
    to: &FolderId,
    wanted: &Wanted,
) -> Result<Vec<FileInfo>, Error> {
    let mut candidates = Vec::new();
    let mut start = 0;
    loop {
        let page = match context.portal.folder_page(to, start).await {
            Ok(page) => page,
            // The destination is gone; the next call says so.
            Err(Error::NotFound) => return Ok(candidates),
            Err(error) => return Err(error),
        };
        let last = page.is_last(start) || wanted.has_only_older_after(&page.files);
        start += page.len();
        candidates.extend(page.files.into_iter().filter(|file| wanted.is(file)));
        if last {
            return Ok(candidates);
        }
    }
}

/// How the new file, or the new version of the overwritten one, is recognised: by title, size and time.
struct Wanted {
    source: FileId,
    conflict: Conflict,
    titles: Vec<String>,
    /// `None` when the source is gone or has changed since.
    size_bytes: Option<u64>,
    not_before: Timestamp,
}

impl Wanted {
    fn new(
        context: &Context<'_>,
        action: &Action,
        conflict: Conflict,
        source: Option<FileInfo>,
        intent: &Intent,
    ) -> Self {
        let at = context.portal.on_portal_clock(intent.at);
        let not_before = at.checked_sub(CLOCK_SLACK).unwrap_or(at);
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

    fn is(&self, file: &FileInfo) -> bool {
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
                .any(|title| self.fits(title, &file.title))
    }

    /// Only a copy that stands beside its namesake has another title than its source.
    fn fits(&self, title: &str, found: &str) -> bool {
        match self.conflict {
            Conflict::Duplicate => outbox::unnumbered(title) == outbox::unnumbered(found),
            Conflict::Overwrite | Conflict::Skip => same_title(title, found),
        }
    }

    /// Whether the page is sorted as it was asked for and has come to files from before the call.
    fn has_only_older_after(&self, files: &[FileInfo]) -> bool {
        files.is_sorted_by(|one, next| one.updated >= next.updated)
            && files
                .last()
                .is_some_and(|last| last.updated < self.not_before)
    }
}

fn outcome(file: FileInfo) -> Outcome {
    Outcome {
        file: Some(file.id),
        folder: Some(file.folder),
        note: None,
    }
}
