//! Creating a room from a template (docs/DOCSPACE.md A4.2).

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::folders::usable_title;
use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::portal::Portal;
use crate::template::{RoomFromTemplate, TemplateRequest};
use crate::user::User;

/// A room to create from a template, without the members that the sandbox does not keep.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TemplateBody {
    template_id: Option<FolderId>,
    title: Option<String>,
    tags: Option<Vec<String>>,
    color: Option<String>,
}

/// Starts to create a room. While another creation runs, the request is dropped, and the response shows that one.
pub(super) async fn start(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<TemplateBody>,
) -> ApiResult {
    let Some(title) = usable_title(body.title, usize::MAX) else {
        return Ok(responder.invalid("Title", "The Title field is required."));
    };
    let Some(template) = body.template_id else {
        return Ok(responder.invalid("TemplateId", "The TemplateId field is required."));
    };
    let time = {
        let mut state = portal.state();
        if !state.storage.people.service_type().may_manage_rooms() {
            return Err(ApiError::Denied);
        }
        let running = state.room_from_template.as_ref();
        if running.is_some_and(RoomFromTemplate::is_running) {
            drop(state);
            return Ok(shown(&portal, &responder));
        }
        state.room_from_template = Some(RoomFromTemplate::new(TemplateRequest {
            template,
            title,
            tags: body.tags.unwrap_or_default(),
            color: body.color,
        }));
        state.operation_time
    };
    if time.is_zero() {
        create(&portal);
        end(&portal);
    } else {
        portal.shared.operations.spawn(run(portal.clone(), time));
    }
    Ok(shown(&portal, &responder))
}

/// Shows the creation that runs or ran last.
pub(super) async fn status(State(portal): State<Portal>, responder: Responder) -> Response {
    shown(&portal, &responder)
}

fn shown(portal: &Portal, responder: &Responder) -> Response {
    let state = portal.state();
    match &state.room_from_template {
        Some(task) => responder.ok(&task.to_json()),
        None => responder.empty(),
    }
}

/// Creates the room after half of the time, and ends after all of it.
async fn run(portal: Portal, time: Duration) {
    tokio::time::sleep(time / 2).await;
    create(&portal);
    tokio::time::sleep(time / 2).await;
    end(&portal);
}

fn create(portal: &Portal) {
    let section = portal.seed().rooms_section.clone();
    portal.update(|state, now| {
        let task = state.room_from_template.as_mut();
        let room = task.and_then(|task| task.create(&section, &mut state.storage, now));
        if let Some(room) = room {
            state.publish_folder("room.created", &room, User::Service, now);
        }
    });
}

fn end(portal: &Portal) {
    if let Some(task) = portal.state().room_from_template.as_mut() {
        task.end();
    }
}
