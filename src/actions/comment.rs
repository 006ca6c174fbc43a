//! Comment: sets the comment of a file's newest version.
//!
//! The file is read first: a comment that is there already is done, whoever set it, so a repetition after
//! a crash changes nothing and raises no second event.

use futures_util::future::join_all;

use crate::db::StoreError;
use crate::docspace::{Error, ErrorClass};
use crate::ids::FileId;
use crate::outbox::{self, Action, ActionResult};

use super::{AttemptOutcome, Context, diagnose};

/// How many comments are set side by side.
const AT_A_TIME: usize = 5;

/// Sets the comment of each file, or finds that it is set.
pub(super) async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    text: &str,
) -> Result<Vec<(&'a Action, AttemptOutcome)>, StoreError> {
    let mut all = Vec::with_capacity(actions.len());
    for some in actions.chunks(AT_A_TIME) {
        let ended = join_all(some.iter().map(|action| on_one(context, action, text))).await;
        for (action, ended) in some.iter().zip(ended) {
            all.push((action, ended?));
        }
    }
    Ok(all)
}

async fn on_one(
    context: &Context<'_>,
    action: &Action,
    text: &str,
) -> Result<AttemptOutcome, StoreError> {
    let id = commented(context, action).await?;
    let file = match context.portal.files().file(&id).await {
        Ok(file) => file,
        Err(error) => return Ok(diagnose::unreadable_file(context, &error).await),
    };
    if file.comment == text {
        return Ok(AttemptOutcome::Done(ActionResult::default()));
    }
    Ok(
        match context
            .portal
            .files()
            .set_comment(&id, file.version, text)
            .await
        {
            Ok(()) => AttemptOutcome::Done(ActionResult::default()),
            // 403 says "no right" and "locked" alike, so what the file says of itself counts.
            Err(Error::Forbidden) if file.busy => AttemptOutcome::Failed {
                reason: "the file is open in an editor or locked".to_owned(),
                intent: None,
            },
            Err(error) if error.class() == ErrorClass::Ambiguous => AttemptOutcome::Dead {
                code: "no_right",
                reason: "this key's user may read the file, but not comment on its versions"
                    .to_owned(),
            },
            Err(error) => diagnose::failed_call(context, &error, None),
        },
    )
}

/// The file of the event; where the rule has moved it over another one, that one.
async fn commented(context: &Context<'_>, action: &Action) -> Result<FileId, StoreError> {
    let this = action.claim.action;
    let before = context
        .db
        .read(move |sql| outbox::outcome_before(sql, this))
        .await?;
    let moved = before.filter(|(kind, _)| kind == "move");
    Ok(moved
        .and_then(|(_, outcome)| outcome.file)
        .unwrap_or_else(|| action.file.clone()))
}
