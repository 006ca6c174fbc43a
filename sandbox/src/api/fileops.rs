//! Starting operations, advancing them in time, and reading them.

use std::time::Duration;

use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::deviation::Deviation;
use crate::faults::FaultEffect;
use crate::ids::{FileId, FolderId};
use crate::json::Renderer;
use crate::operations::{Kind, OperationOptions, Selection, Stage, Task};
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::transfer::{Conflict, Transfer, TransferRequest};
use crate::user::User;

/// The stages after an operation was queued, each of which takes an equal part of its time.
const STAGES: [Stage; 4] = [
    Stage::Running,
    Stage::Processed,
    Stage::Finished,
    Stage::Completed,
];

/// The body of a copy or move (docs/DOCSPACE.md 4.1), without the members that do not affect files.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    file_ids: Option<Vec<FileId>>,
    folder_ids: Option<Vec<FolderId>>,
    dest_folder_id: Option<FolderId>,
    conflict_resolve_type: Option<ConflictField>,
    delete_after: Option<bool>,
    return_single_operation: Option<bool>,
}

/// A number or a name, both of which .NET accepts for an enumeration.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ConflictField {
    Number(u8),
    Name(String),
}

impl ConflictField {
    fn conflict(&self) -> Option<Conflict> {
        let name = match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name.to_lowercase(),
        };
        match name.as_str() {
            "0" | "skip" => Some(Conflict::Skip),
            "1" | "overwrite" => Some(Conflict::Overwrite),
            "2" | "duplicate" => Some(Conflict::Duplicate),
            _ => None,
        }
    }
}

/// The query of a list of operations.
#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    id: Option<String>,
}

pub(super) async fn copy(
    State(portal): State<Portal>,
    responder: Responder,
    effect: Option<Extension<FaultEffect>>,
    JsonBody(batch): JsonBody<Batch>,
) -> ApiResult {
    transfer(&portal, &responder, Transfer::Copy, effect, batch)
}

pub(super) async fn move_(
    State(portal): State<Portal>,
    responder: Responder,
    effect: Option<Extension<FaultEffect>>,
    JsonBody(batch): JsonBody<Batch>,
) -> ApiResult {
    transfer(&portal, &responder, Transfer::Move, effect, batch)
}

fn transfer(
    portal: &Portal,
    responder: &Responder,
    transfer: Transfer,
    effect: Option<Extension<FaultEffect>>,
    batch: Batch,
) -> ApiResult {
    let options = options(batch.delete_after.unwrap_or(false), effect);
    let single = batch.return_single_operation.unwrap_or(false);
    let kind = match transfer {
        Transfer::Copy => Kind::Copy,
        Transfer::Move => Kind::Move,
    };
    let Some(request) = transfer_request(transfer, batch)? else {
        return Ok(read_selected(portal, responder, Selection::All(Some(kind))));
    };
    let task = |state: &PortalState| {
        request.check(&state.storage)?;
        Ok(Task::Transfer(request))
    };
    start(portal, responder, task, options, (kind, single))
}

/// Queues an operation.
pub(super) fn queue(
    portal: &Portal,
    state: &mut PortalState,
    task: Task,
    options: OperationOptions,
    now: Timestamp,
) -> String {
    let id = state.operations.queue(task, options);
    if state.operation_time.is_zero() {
        advance(state, &id, Stage::Completed, now);
    } else {
        let run = run(portal.clone(), id.clone(), state.operation_time);
        portal.shared.operations.spawn(run);
    }
    id
}

/// Starts an operation after its check, and shows it alone or with the others of its kind.
pub(super) fn start(
    portal: &Portal,
    responder: &Responder,
    task: impl FnOnce(&PortalState) -> Result<Task, ApiError>,
    mut options: OperationOptions,
    (kind, single): (Kind, bool),
) -> ApiResult {
    let operations = portal.update(|state, now| {
        let task = task(state)?;
        options.keep_title = state.deviations.contains(&Deviation::CopiesKeepTitles);
        let id = queue(portal, state, task, options, now);
        let selection = if single {
            Selection::One(&id, None)
        } else {
            Selection::All(Some(kind))
        };
        Ok::<_, ApiError>(read(state, responder, selection, now))
    })?;
    Ok(responder.ok(&operations.into()))
}

/// The request in a body; `None` if it names neither files nor folders.
fn transfer_request(transfer: Transfer, batch: Batch) -> Result<Option<TransferRequest>, ApiError> {
    let files = batch.file_ids.unwrap_or_default();
    let folders = batch.folder_ids.unwrap_or_default();
    if files.is_empty() && folders.is_empty() {
        return Ok(None);
    }
    let conflict = match batch.conflict_resolve_type {
        None => Conflict::default(),
        Some(field) => field
            .conflict()
            .ok_or(ApiError::BadArgument("conflictResolveType is not known"))?,
    };
    Ok(Some(TransferRequest {
        transfer,
        files,
        folders,
        destination: batch.dest_folder_id.ok_or(ApiError::FolderMissing)?,
        conflict,
    }))
}

pub(super) fn options(
    delete_after: bool,
    effect: Option<Extension<FaultEffect>>,
) -> OperationOptions {
    let effect = effect.map(|Extension(effect)| effect);
    OperationOptions {
        hide_result: delete_after || effect == Some(FaultEffect::OperationResultLost),
        error: match effect {
            Some(FaultEffect::OperationError(error)) => Some(error),
            _ => None,
        },
        keep_title: false,
    }
}

/// Advances an operation from stage to stage within its time.
async fn run(portal: Portal, id: String, time: Duration) {
    let step = time / 4;
    for stage in STAGES {
        tokio::time::sleep(step).await;
        portal.update(|state, now| advance(state, &id, stage, now));
    }
}

/// Advances an operation to a stage, and raises the events of what it does on the way.
fn advance(state: &mut PortalState, id: &str, reached: Stage, now: Timestamp) {
    let events = state
        .operations
        .advance(id, reached, &mut state.storage, now);
    for (trigger, payload) in events {
        state.publish(trigger, payload, User::Service, now);
    }
}

pub(super) async fn list(
    State(portal): State<Portal>,
    Query(query): Query<ListQuery>,
    responder: Responder,
) -> Response {
    list_selected(&portal, &responder, &query, None)
}

pub(super) async fn list_copies(
    State(portal): State<Portal>,
    Query(query): Query<ListQuery>,
    responder: Responder,
) -> Response {
    list_selected(&portal, &responder, &query, Some(Kind::Copy))
}

pub(super) async fn list_deletions(
    State(portal): State<Portal>,
    Query(query): Query<ListQuery>,
    responder: Responder,
) -> Response {
    list_selected(&portal, &responder, &query, Some(Kind::Delete))
}

/// The kind is a number or a name.
pub(super) async fn list_kind(
    State(portal): State<Portal>,
    Path(kind): Path<String>,
    Query(query): Query<ListQuery>,
    responder: Responder,
) -> Response {
    match Kind::named(&kind) {
        Some(kind) => list_selected(&portal, &responder, &query, Some(kind)),
        None => responder.ok(&json!([])),
    }
}

fn list_selected(
    portal: &Portal,
    responder: &Responder,
    query: &ListQuery,
    kind: Option<Kind>,
) -> Response {
    let selection = match query.id.as_deref() {
        Some(id) => Selection::One(id, kind),
        None => Selection::All(kind),
    };
    read_selected(portal, responder, selection)
}

pub(super) async fn terminate(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> Response {
    portal.update(|state, now| state.operations.cancel(&id, now));
    read_selected(&portal, &responder, Selection::One(&id, None))
}

fn read_selected(portal: &Portal, responder: &Responder, selection: Selection<'_>) -> Response {
    let operations = portal.update(|state, now| read(state, responder, selection, now));
    responder.ok(&operations.into())
}

pub(super) fn read(
    state: &mut PortalState,
    responder: &Responder,
    selection: Selection<'_>,
    now: Timestamp,
) -> Vec<Value> {
    let renderer = Renderer {
        storage: &state.storage,
        base_url: &responder.base_url,
    };
    let keep = state.deviations.contains(&Deviation::LastingResults);
    state.operations.read(selection, &renderer, keep, now)
}
