//! Settle: what became of a call whose answer or whose operation's end we never saw.
//!
//! An empty operation status proves nothing (docs/DOCSPACE.md 4.4), so the effect is looked for: after a move
//! the file's folder, after a copy a new file in the destination, and where one may be overwritten a new
//! version of it. Not finding it proves something only
//! once the portal cannot be at work on it any more. The order matters: first the operations that are
//! under way, then the effect, because an operation may end between the two looks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::db::StoreError;
use crate::docspace::{Conflict, Error, FileInfo, Operation, OperationKind};
use crate::ids::FileId;
use crate::outbox::{self, Action, ActionResult, Intent};

use super::Context;
use super::look::{Look, same_title};
use super::relocate::{Open, Relocation};

/// How long between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// An operation that reports nothing for 60 s vanishes from the status while it goes on (docs/DOCSPACE.md 4.4 rule 5); one that vanished sooner than this has ended.
const SILENT_AFTER: SignedDuration = SignedDuration::from_secs(55);

/// How long an operation that may go on silently is waited for.
const SILENT_FOR: SignedDuration = SignedDuration::from_mins(15);

/// Dates on the wire are cut to whole seconds, and so is the portal's clock as we know it.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// What became of it.
#[derive(Clone, Debug)]
pub(super) enum Settled {
    /// It is done.
    Done(ActionResult),
    /// It had no effect and will have none.
    NotDone,
    /// It cannot be told yet.
    Open {
        /// Why, in words an operator reads.
        reason: &'static str,
        /// When to look again.
        wait: Duration,
    },
    /// The portal could not be asked.
    Unknown(Arc<Error>),
}

/// What became of calls that were left open together.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// The portal shows their operation.
    Running(Operation, Vec<Open<'a>>),
    /// Each by its effect.
    Each(Vec<(Open<'a>, Settled)>),
}

/// Finds out what became of earlier attempts, all of which know the same operation or none.
pub(super) async fn settle<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
) -> Result<Found<'a>, StoreError> {
    let operation = group.first().and_then(|open| open.intent.operation.clone());
    if let Some(id) = operation {
        return match context.portal.operations().get(&id).await {
            Ok(Some(operation)) => Ok(Found::Running(operation, group)),
            Ok(None) => by_effect(context, group, relocation, HashSet::new())
                .await
                .map(Found::Each),
            Err(error) => Ok(unknown(group, error)),
        };
    }
    let others = match unknown_operation(context, relocation.kind).await? {
        Ok(others) => others,
        Err(error) => return Ok(unknown(group, error)),
    };
    let mut each = by_effect(context, group, relocation, HashSet::new()).await?;
    if others {
        for (_, settled) in &mut each {
            if matches!(settled, Settled::NotDone) {
                *settled = look_again("the portal is at work on an operation that may be this one");
            }
        }
    }
    Ok(Found::Each(each))
}

fn unknown(group: Vec<Open<'_>>, error: Error) -> Found<'_> {
    let error = Arc::new(error);
    let each = group
        .into_iter()
        .map(|open| (open, Settled::Unknown(Arc::clone(&error))));
    Found::Each(each.collect())
}

/// Whether the portal is at work on an operation of this kind that is none of our known ones.
async fn unknown_operation(
    context: &Context<'_>,
    kind: OperationKind,
) -> Result<Result<bool, Error>, StoreError> {
    let pending = match context.portal.operations().pending().await {
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

/// Looks for the effects, and says what the absence of each means by now. Files that are taken belong to
/// others already.
pub(super) async fn by_effect<'a>(
    context: &Context<'_>,
    group: Vec<Open<'a>>,
    relocation: Relocation<'_>,
    mut taken: HashSet<FileId>,
) -> Result<Vec<(Open<'a>, Settled)>, StoreError> {
    let mut look = Look::new(context.portal, relocation.to);
    let files: Vec<&FileId> = group.iter().map(|open| &open.action.file).collect();
    let mut failed = match files.len() {
        0 | 1 => None,
        _ => look.survey(&files).await.err().map(Arc::new),
    };
    let mut each = Vec::with_capacity(group.len());
    for open in group {
        if let Some(error) = &failed {
            each.push((open, Settled::Unknown(Arc::clone(error))));
            continue;
        }
        let found = match relocation.kind {
            OperationKind::Move => moved(context, &mut look, &open, relocation).await,
            OperationKind::Copy => copied(context, &mut look, &open, relocation, &taken).await?,
        };
        let settled = match found {
            Ok(Some(outcome)) => {
                taken.extend(outcome.file.clone());
                Settled::Done(outcome)
            }
            Ok(None) => absent(&open.intent, context.clock.now()),
            // Whoever cannot be asked about one file is not asked about the others.
            Err(error) => Settled::Unknown(Arc::clone(failed.insert(Arc::new(error)))),
        };
        each.push((open, settled));
    }
    Ok(each)
}

/// What it means at this time that there is no effect.
fn absent(intent: &Intent, now: Timestamp) -> Settled {
    let age = now.duration_since(intent.at);
    if intent.operation.is_some() {
        return if age < SILENT_AFTER || age > SILENT_FOR {
            Settled::NotDone
        } else {
            look_again("the portal no longer shows the operation, which may still go on")
        };
    }
    if now < intent.settle_after {
        look_again("the portal may still be at work on a call whose answer was lost")
    } else {
        Settled::NotDone
    }
}

fn look_again(reason: &'static str) -> Settled {
    Settled::Open {
        reason,
        wait: LOOK_AGAIN,
    }
}

async fn moved(
    context: &Context<'_>,
    look: &mut Look<'_>,
    open: &Open<'_>,
    relocation: Relocation<'_>,
) -> Result<Option<ActionResult>, Error> {
    match look.file(&open.action.file).await {
        Ok(file) if file.folder == *relocation.to => Ok(Some(outcome(file))),
        Err(Error::NotFound) if relocation.conflict == Conflict::Overwrite => {
            let wanted = Wanted::new(context, open, relocation.conflict, None);
            let found = wanted.candidates(look).await?;
            Ok(found.into_iter().next().map(outcome))
        }
        // A file that is gone has no effect to show; the next call says so.
        Ok(_) | Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn copied(
    context: &Context<'_>,
    look: &mut Look<'_>,
    open: &Open<'_>,
    relocation: Relocation<'_>,
    taken: &HashSet<FileId>,
) -> Result<Result<Option<ActionResult>, Error>, StoreError> {
    let source = match look.file(&open.action.file).await {
        Ok(source) => Some(source),
        Err(Error::NotFound) => None,
        // A portal that shows nothing to this key, as to a key that is refused, proves nothing.
        Err(error) => return Ok(Err(error)),
    };
    let wanted = Wanted::new(context, open, relocation.conflict, source);
    let mut candidates = match wanted.candidates(look).await {
        Ok(candidates) => candidates,
        Err(error) => return Ok(Err(error)),
    };
    // Copies under one title run one after the other, so at most one new file is nobody's: ours.
    candidates.sort_by_key(|file| file.created);
    for file in candidates {
        let id: FileId = file.id.clone();
        if taken.contains(&id) {
            continue;
        }
        let overwritten = file.created < wanted.not_before;
        if overwritten || !context.db.read(move |sql| outbox::made(sql, &id)).await? {
            return Ok(Ok(Some(outcome(file))));
        }
    }
    Ok(Ok(None))
}

/// The file in the destination that has the title of the action's file, if one has.
pub(super) async fn namesake(
    look: &mut Look<'_>,
    action: &Action,
) -> Result<Option<FileInfo>, Error> {
    let title = match look.file(&action.file).await {
        Ok(file) => file.title,
        Err(Error::NotFound) => action.title.clone(),
        Err(error) => return Err(error),
    };
    look.namesake(&title).await
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
        open: &Open<'_>,
        conflict: Conflict,
        source: Option<FileInfo>,
    ) -> Self {
        let Open { action, intent } = open;
        let at = context.portal.to_portal_time(intent.at);
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

    /// All files in the destination that look like it.
    async fn candidates(&self, look: &mut Look<'_>) -> Result<Vec<FileInfo>, Error> {
        let not_before = self.not_before;
        let listing = look
            .destination(|file| file.updated < not_before)
            .await?
            .iter();
        Ok(listing.filter(|file| self.is(file)).cloned().collect())
    }
}

fn outcome(file: FileInfo) -> ActionResult {
    ActionResult {
        file: Some(file.id),
        folder: Some(file.folder),
        note: None,
    }
}
