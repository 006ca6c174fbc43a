//! Links to rooms and files (docs/DOCSPACE.md A5.2).

use axum::extract::{Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::json_body::JsonBody;
use super::link_body::{LinkBody, link};
use super::link_target::Target;
use super::{ApiError, ApiResult, Responder};
use crate::guid::random_guid;
use crate::ids::{FileId, FolderId};
use crate::level::AccessLevel;
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::storage::{Action, Link, LinkKind};
use crate::user::User;

/// The query of the links of a room.
#[derive(Debug, Deserialize)]
pub(super) struct LinkQuery {
    r#type: Option<u8>,
}

/// Creates, changes or deletes a link of a room. Without a type, it is an invitation.
pub(super) async fn set_of_room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<LinkBody>,
) -> ApiResult {
    let target = Target::Room(FolderId::from(id.as_str()));
    let kind = match body.link_type.unwrap_or(0) {
        0 => LinkKind::Invitation {
            max_use_count: body.max_use_count,
        },
        _ if body.primary.unwrap_or(false) => LinkKind::Primary,
        _ => LinkKind::Additional,
    };
    set(&portal, &responder, &target, kind, body)
}

/// Creates, changes or deletes a link of a file.
pub(super) async fn set_of_file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<LinkBody>,
) -> ApiResult {
    let target = Target::File(FileId::from(id.as_str()));
    set(&portal, &responder, &target, entry_link_kind(&body), body)
}

/// Creates, changes or deletes a link of a folder.
pub(super) async fn set_of_folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<LinkBody>,
) -> ApiResult {
    let target = Target::Folder(FolderId::from(id.as_str()));
    set(&portal, &responder, &target, entry_link_kind(&body), body)
}

/// The kind of a link of a file or folder, which is always external.
fn entry_link_kind(body: &LinkBody) -> LinkKind {
    if body.primary.unwrap_or(false) {
        LinkKind::Primary
    } else {
        LinkKind::Additional
    }
}

fn set(
    portal: &Portal,
    responder: &Responder,
    target: &Target,
    kind: LinkKind,
    body: LinkBody,
) -> ApiResult {
    portal.update(|state, now| {
        target.check(&state.storage)?;
        let id = body.link_id.clone();
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(random_guid);
        let known = target.links(&state.storage).iter();
        let known = known.clone().find(|link| link.id == id).cloned();
        if AccessLevel::requested(body.access.as_ref()) == AccessLevel::None {
            if let Some(links) = target.links_mut(&mut state.storage) {
                links.retain(|link| link.id != id);
            }
            return Ok(responder.empty());
        }
        let kind = known.as_ref().map_or(kind, |known| known.kind);
        if known.is_none() {
            target.check_limit(&state.storage, kind)?;
        }
        let room_kind = target.room_kind(&state.storage);
        let link = match link(id, kind, room_kind, body, now) {
            Ok(link) => link,
            Err((field, message)) => return Ok(responder.invalid(field, message)),
        };
        store(state, target, link.clone(), now);
        Ok(responder.ok(&state.renderer(&responder.base_url).link(&link)))
    })
}

/// Adds a link, or replaces the one with its id.
fn store(state: &mut PortalState, target: &Target, link: Link, now: Timestamp) {
    let Some(links) = target.links_mut(&mut state.storage) else {
        return;
    };
    if let Some(known) = links.iter_mut().find(|known| known.id == link.id) {
        *known = link;
        return;
    }
    // The primary link is shown first.
    let position = if link.kind == LinkKind::Primary {
        0
    } else {
        links.len()
    };
    let is_external = link.kind.is_external();
    links.insert(position, link);
    if let Target::Room(room) = target
        && is_external
    {
        state
            .storage
            .log_folder(Action::LinkCreated, room, User::Service, now);
    }
}

/// Lists the links of a room.
pub(super) async fn of_room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(query): Query<LinkQuery>,
    responder: Responder,
) -> ApiResult {
    let target = Target::Room(FolderId::from(id.as_str()));
    let wanted = query.r#type.map(|kind| kind != 0);
    let state = portal.state();
    target.check(&state.storage)?;
    let links = target.links(&state.storage).iter();
    let links = links.filter(|link| wanted.is_none_or(|wanted| link.kind.is_external() == wanted));
    let renderer = state.renderer(&responder.base_url);
    let links: Vec<_> = links.map(|link| renderer.link(link)).collect();
    Ok(responder.counted(links))
}

/// Lists the links of a file, without creating one.
pub(super) async fn of_file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    list(
        &portal,
        &responder,
        &Target::File(FileId::from(id.as_str())),
    )
}

/// Lists the links of a folder, without creating one.
pub(super) async fn of_folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let target = Target::Folder(FolderId::from(id.as_str()));
    list(&portal, &responder, &target)
}

fn list(portal: &Portal, responder: &Responder, target: &Target) -> ApiResult {
    let state = portal.state();
    target.check(&state.storage)?;
    let renderer = state.renderer(&responder.base_url);
    let links = target.links(&state.storage).iter();
    let links: Vec<_> = links.map(|link| renderer.link(link)).collect();
    let total = links.len();
    Ok(responder.counted_page(links, total))
}

/// Reads the primary link of a room, and creates it if there is none.
pub(super) async fn primary_of_room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let target = Target::Room(FolderId::from(id.as_str()));
    primary(&portal, &responder, &target, read_only_link())
}

/// Reads the primary link of a file, and creates it if there is none.
pub(super) async fn primary_of_file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let target = Target::File(FileId::from(id.as_str()));
    primary(&portal, &responder, &target, read_only_link())
}

/// Reads the primary link of a folder, and creates it if there is none.
pub(super) async fn primary_of_folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let target = Target::Folder(FolderId::from(id.as_str()));
    primary(&portal, &responder, &target, read_only_link())
}

/// Creates the primary link of a file. If there is one, it is returned, and the fields of the request are ignored.
pub(super) async fn create_primary_of_file(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<LinkBody>,
) -> ApiResult {
    let target = Target::File(FileId::from(id.as_str()));
    primary(&portal, &responder, &target, body)
}

/// The same for a folder.
pub(super) async fn create_primary_of_folder(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<LinkBody>,
) -> ApiResult {
    let target = Target::Folder(FolderId::from(id.as_str()));
    primary(&portal, &responder, &target, body)
}

fn read_only_link() -> LinkBody {
    LinkBody {
        access: Some(AccessLevel::Read.number().into()),
        ..LinkBody::default()
    }
}

fn primary(
    portal: &Portal,
    responder: &Responder,
    target: &Target,
    body: LinkBody,
) -> Result<Response, ApiError> {
    let known = {
        let state = portal.state();
        target.check(&state.storage)?;
        let mut links = target.links(&state.storage).iter();
        let known = links.find(|link| link.kind == LinkKind::Primary);
        known.map(|link| state.renderer(&responder.base_url).link(link))
    };
    if let Some(link) = known {
        return Ok(responder.ok(&link));
    }
    let body = LinkBody {
        link_id: None,
        ..body
    };
    set(portal, responder, target, LinkKind::Primary, body)
}
