//! Starting copies and moves, letting their time pass, and reading them.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ApiError, Here};
use crate::ids::{FileId, FolderId};
use crate::sandbox::activity::Running;
use crate::sandbox::faults::FaultEffect;
use crate::sandbox::json::Shown;
use crate::sandbox::operations::{Conflict, Fate, Kind, Order, Selection, Stage};
use crate::sandbox::world::Person;
use crate::sandbox::{Portal, State as PortalState};

/// The stages an operation passes through after it was queued, each for an equal part of its time.
const STAGES: [Stage; 4] = [
    Stage::Running,
    Stage::Worked,
    Stage::Finished,
    Stage::Completed,
];

/// The request of a copy or move (docs/DOCSPACE.md 4.1). What has no effect on files is not listed.
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

/// A number or a name, as .NET reads an enumeration.
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

/// Which operation is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    id: Option<String>,
}

pub(super) async fn copy(
    State(portal): State<Portal>,
    here: Here,
    effect: Option<Extension<FaultEffect>>,
    Json(batch): Json<Batch>,
) -> Answer {
    start(&portal, &here, Kind::Copy, effect, batch)
}

pub(super) async fn move_(
    State(portal): State<Portal>,
    here: Here,
    effect: Option<Extension<FaultEffect>>,
    Json(batch): Json<Batch>,
) -> Answer {
    start(&portal, &here, Kind::Move, effect, batch)
}

fn start(
    portal: &Portal,
    here: &Here,
    kind: Kind,
    effect: Option<Extension<FaultEffect>>,
    batch: Batch,
) -> Answer {
    let fate = fate(batch.delete_after.unwrap_or(false), effect);
    let single = batch.return_single_operation.unwrap_or(false);
    let Some(order) = order(kind, batch)? else {
        return Ok(list_all(portal, here, Selection::All(Some(kind))));
    };
    let operations = portal.change(|state, now| {
        order.check(&state.world)?;
        let id = state.operations.queue(order, fate);
        if state.operation_time.is_zero() {
            advance(state, &id, Stage::Completed, now);
        } else {
            let running = portal.0.operations.begin();
            let time = state.operation_time;
            tokio::spawn(pass(portal.clone(), id.clone(), time, running));
        }
        let selection = if single {
            Selection::One(&id, None)
        } else {
            Selection::All(Some(kind))
        };
        Ok::<_, ApiError>(read(state, here, selection, now))
    })?;
    Ok(here.answer(&operations.into()))
}

/// The order in a request; `None` when it selects nothing.
fn order(kind: Kind, batch: Batch) -> Result<Option<Order>, ApiError> {
    if batch.folder_ids.is_some_and(|folders| !folders.is_empty()) {
        return Err(ApiError::BadArgument(
            "The sandbox copies and moves files only",
        ));
    }
    let files = batch.file_ids.unwrap_or_default();
    if files.is_empty() {
        return Ok(None);
    }
    let conflict = match batch.conflict_resolve_type {
        None => Conflict::default(),
        Some(field) => field
            .conflict()
            .ok_or(ApiError::BadArgument("conflictResolveType is not known"))?,
    };
    Ok(Some(Order {
        kind,
        files,
        destination: batch.dest_folder_id.ok_or(ApiError::FolderMissing)?,
        conflict,
    }))
}

fn fate(delete_after: bool, effect: Option<Extension<FaultEffect>>) -> Fate {
    let effect = effect.map(|Extension(effect)| effect);
    Fate {
        unreadable: delete_after || effect == Some(FaultEffect::OperationVanishes),
        error: match effect {
            Some(FaultEffect::OperationError(error)) => Some(error),
            _ => None,
        },
    }
}

/// Lets an operation's time pass.
async fn pass(portal: Portal, id: String, time: Duration, _running: Running) {
    let step = time / 4;
    for stage in STAGES {
        tokio::time::sleep(step).await;
        portal.change(|state, now| advance(state, &id, stage, now));
    }
}

/// Brings an operation to a stage; the events of its work are raised with it.
fn advance(state: &mut PortalState, id: &str, reached: Stage, now: Timestamp) {
    let worked = state.operations.advance(id, reached, &mut state.world, now);
    if let Some((kind, results)) = worked {
        for file in &results {
            state.publish_file(kind.trigger(), file, Person::Service, now);
        }
    }
}

pub(super) async fn list(
    State(portal): State<Portal>,
    Query(wanted): Query<Wanted>,
    here: Here,
) -> Response {
    list_wanted(&portal, &here, &wanted, None)
}

pub(super) async fn list_copies(
    State(portal): State<Portal>,
    Query(wanted): Query<Wanted>,
    here: Here,
) -> Response {
    list_wanted(&portal, &here, &wanted, Some(Kind::Copy))
}

pub(super) async fn list_moves(
    State(portal): State<Portal>,
    Query(wanted): Query<Wanted>,
    here: Here,
) -> Response {
    list_wanted(&portal, &here, &wanted, Some(Kind::Move))
}

/// The kinds of operation are numbers or names; only copies and moves exist here.
pub(super) async fn list_kind(
    State(portal): State<Portal>,
    Path(kind): Path<String>,
    Query(wanted): Query<Wanted>,
    here: Here,
) -> Response {
    match kind.to_lowercase().as_str() {
        "0" | "move" => list_wanted(&portal, &here, &wanted, Some(Kind::Move)),
        "1" | "copy" => list_wanted(&portal, &here, &wanted, Some(Kind::Copy)),
        _ => here.answer(&json!([])),
    }
}

fn list_wanted(portal: &Portal, here: &Here, wanted: &Wanted, kind: Option<Kind>) -> Response {
    let selection = match wanted.id.as_deref() {
        Some(id) => Selection::One(id, kind),
        None => Selection::All(kind),
    };
    list_all(portal, here, selection)
}

pub(super) async fn terminate(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    here: Here,
) -> Response {
    portal.change(|state, now| state.operations.cancel(&id, now));
    list_all(&portal, &here, Selection::One(&id, None))
}

fn list_all(portal: &Portal, here: &Here, selection: Selection<'_>) -> Response {
    let operations = portal.change(|state, now| read(state, here, selection, now));
    here.answer(&operations.into())
}

fn read(
    state: &mut PortalState,
    here: &Here,
    selection: Selection<'_>,
    now: Timestamp,
) -> Vec<Value> {
    let shown = Shown {
        world: &state.world,
        base: &here.base,
    };
    state.operations.read(selection, &shown, now)
}
