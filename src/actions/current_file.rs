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
    let read = context.db.read(move |sql| outbox::file_before(sql, this));
    Ok(read.await?.unwrap_or_else(|| action.file.clone()))
}
