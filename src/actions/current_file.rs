//! Which file an action that follows a move works on.

use crate::db::StoreError;
use crate::ids::FileId;
use crate::outbox::{self, Action};

use super::attempt::Context;

/// The file of the event, or the file that a move before this action in the rule has overwritten with it.
pub(super) async fn current_file(
    context: &Context<'_>,
    action: &Action,
) -> Result<FileId, StoreError> {
    let this = action.claim.action;
    let before = context
        .db
        .read(move |sql| outbox::outcome_before(sql, this))
        .await?;
    let moved = before.filter(|before| {
        super::properties(&before.kind, &before.plan).is_some_and(|it| it.moves_file())
    });
    Ok(moved
        .and_then(|before| before.result.file)
        .unwrap_or_else(|| action.file.clone()))
}
