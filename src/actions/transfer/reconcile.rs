//! Reconcile: finds out what became of a call whose response, or whose operation's end, was not seen.
//!
//! An empty operation status proves nothing (docs/DOCSPACE.md 4.4), so the effect decides. The order
//! matters: the status of the operations is read before the effect, because an operation may end in between.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

use crate::actions::attempt::Context;
use crate::actions::in_flight::{UnknownOperation, still_possible, unknown_operation};
use crate::actions::intent::Unconfirmed;
use crate::db::StoreError;
use crate::docspace::OperationId;

use super::effect;
use super::group::{Group, StepResult, Transfer};

/// Operations whose status is read at the same time.
const CONCURRENT_READS: usize = 5;

/// Reconciles files of earlier attempts.
pub(super) async fn reconcile<'a>(
    context: &Context<'_>,
    transfer: Transfer<'_>,
    files: Vec<Unconfirmed<'a>>,
) -> Result<StepResult<'a>, StoreError> {
    let began_at = context.portal.portal_time();
    let mut step = StepResult::default();
    let mut searched = find_operations(context, files, &mut step).await;
    // While a call may be in flight, an operation under way tells nothing new.
    let may_be_unknown = searched.iter().any(|file| {
        file.intent.operation.is_none() && still_possible(&file.intent, began_at).is_none()
    });
    let mut may_be_pending = false;
    if may_be_unknown {
        match unknown_operation(context, transfer.kind.number()).await? {
            UnknownOperation::Pending => may_be_pending = true,
            UnknownOperation::None => {}
            UnknownOperation::QueryFailed(error) => {
                let failed = searched.drain(..);
                step.ended
                    .extend(failed.map(|file| file.query_failed(context, &error)));
            }
        }
    }
    let effects = effect::inspect(context, transfer, searched, began_at).await?;
    step.ended.extend(effects.ended);
    let mut not_applied = Vec::new();
    for file in effects.not_applied {
        if may_be_pending && file.intent.operation.is_none() {
            let reason = "the portal is running an operation that may be this one";
            step.ended
                .push(file.search_again(context, began_at, reason));
        } else {
            not_applied.push(file.action);
        }
    }
    step.remaining.extend(Group::submit(not_applied));
    Ok(step)
}

/// Reads the operations that the files name. Returns the files whose operation is gone or unknown; an
/// operation that is gone does not come back, so it is read before the first search only.
async fn find_operations<'a>(
    context: &Context<'_>,
    files: Vec<Unconfirmed<'a>>,
    step: &mut StepResult<'a>,
) -> Vec<Unconfirmed<'a>> {
    let mut gone = Vec::new();
    let mut named: HashMap<OperationId, Vec<Unconfirmed<'a>>> = HashMap::new();
    for file in files {
        match (&file.intent.operation, file.intent.searched_until) {
            (Some(operation), None) => named.entry(operation.clone()).or_default().push(file),
            _ => gone.push(file),
        }
    }
    let (operations, named): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let reads = operations
        .iter()
        .map(|id| context.portal.operations().get(id))
        .collect::<Vec<_>>();
    let reads: Vec<_> = stream::iter(reads)
        .buffered(CONCURRENT_READS)
        .collect()
        .await;
    for (read, files) in reads.into_iter().zip(named) {
        match read {
            Ok(Some(operation)) => step.remaining.push(Group::Watch { files, operation }),
            Ok(None) => gone.extend(files),
            Err(error) => {
                let failed = files.into_iter();
                step.ended
                    .extend(failed.map(|file| file.query_failed(context, &error)));
            }
        }
    }
    gone
}
