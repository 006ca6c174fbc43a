//! Comment: sets the comment of a file's newest version.
//!
//! The file is read first, and a comment that is already set counts as done, even if a person set it. So an
//! attempt after a crash changes nothing and raises no second event, and the call needs no intent.

use crate::db::StoreError;
use crate::docspace::{Error, ErrorClass};
use crate::ids::FileId;
use crate::outbox::{self, Action, ActionResult};
use crate::rules::ActionKind;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::portal_error::{failed_call, unreadable_file};

/// Sets the comment of each file, unless it is set already.
pub(super) async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    text: &str,
) -> Result<Outcomes<'a>, StoreError> {
    each(actions, |action| comment(context, action, text)).await
}

async fn comment(
    context: &Context<'_>,
    action: &Action,
    text: &str,
) -> Result<AttemptOutcome, StoreError> {
    let id = commented_file(context, action).await?;
    let file = match context.portal.files().file(&id).await {
        Ok(file) => file,
        Err(error) => return Ok(unreadable_file(context, &error).await),
    };
    if file.comment == text {
        return Ok(AttemptOutcome::Done(ActionResult::default()));
    }
    Ok(
        match context
            .portal
            .files()
            .set_comment(&id, file.version, text, context.holds(vec![action.claim]))
            .await
        {
            Ok(()) => AttemptOutcome::Done(ActionResult::default()),
            // 403 means "no right" as well as "locked", so the state of the file decides.
            Err(Error::Forbidden) if file.busy => AttemptOutcome::busy(&file),
            Err(error @ Error::NotFound) => unreadable_file(context, &error).await,
            Err(error) if error.class() == ErrorClass::Ambiguous => AttemptOutcome::no_right(
                "this key's user may read the file, but not comment on its versions",
            ),
            Err(error) => failed_call(context, &error, None),
        },
    )
}

/// The file of the event, or the file that a move before this action in the rule has overwritten with it.
async fn commented_file(context: &Context<'_>, action: &Action) -> Result<FileId, StoreError> {
    let this = action.claim.action;
    let before = context
        .db
        .read(move |sql| outbox::outcome_before(sql, this))
        .await?;
    let moved = before.filter(|(kind, _)| *kind == ActionKind::Move);
    Ok(moved
        .and_then(|(_, result)| result.file)
        .unwrap_or_else(|| action.file.clone()))
}
