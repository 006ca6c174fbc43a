//! Reconcile: finds out what became of a call whose response, or whose operation's end, was not seen.
//!
//! An empty operation status proves nothing (docs/DOCSPACE.md 4.4), so the effect decides. The order
//! matters: the status of the operations is read before the effect, because an operation may end in between.

use crate::actions::attempt::Context;
use crate::actions::intent::{RECONCILE_AGAIN_AFTER, Unconfirmed};
use crate::db::StoreError;
use crate::docspace::{Error, OperationKind};
use crate::outbox;

use super::effect;
use super::group::{Group, Step, Transfer};

/// Reconciles files of earlier attempts, which all name the same operation or none.
pub(super) async fn reconcile<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
) -> Result<Step<'a>, StoreError> {
    let operation = files.first().and_then(|file| file.intent.operation.clone());
    let may_be_pending = match operation {
        Some(id) => match context.portal.operations().get(&id).await {
            Ok(Some(operation)) => {
                return Ok(Step::remaining(Group::Watch { files, operation }));
            }
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        },
        None => unknown_operation_pending(context, transfer.kind).await?,
    };
    let may_be_pending = match may_be_pending {
        Ok(may_be_pending) => may_be_pending,
        Err(error) => {
            let failed = files.into_iter();
            return Ok(Step::ended(
                failed.map(|file| file.query_failed(context, &error)),
            ));
        }
    };
    let mut effects = effect::inspect(context, transfer, files).await?;
    if may_be_pending {
        let reason = "the portal is running an operation that may be this one";
        let postponed = effects.not_applied.drain(..);
        effects
            .ended
            .extend(postponed.map(|file| file.postpone(reason, RECONCILE_AGAIN_AFTER)));
    }
    let not_applied = effects.not_applied.into_iter().map(|file| file.action);
    Ok(Step {
        ended: effects.ended,
        remaining: Group::submit(not_applied.collect()).into_iter().collect(),
    })
}

/// Whether the portal runs an operation of this kind that no action in the outbox names.
async fn unknown_operation_pending(
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
    let found = context.db.read(move |sql| {
        for id in &candidates {
            if !outbox::owns_operation(sql, id)? {
                return Ok(true);
            }
        }
        Ok(false)
    });
    Ok(Ok(found.await?))
}
