//! Sharing a room with people and groups, and listing its members (docs/DOCSPACE.md A5.1).

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json_body::JsonBody;
use super::page::{COUNT_OUT_OF_RANGE, MAX_ENTRIES};
use super::rooms::known_room;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::json::Renderer;
use crate::level::AccessLevel;
use crate::portal::Portal;
use crate::sharing::{Invitation, Invitee, Sharing, SharingError};
use crate::storage::{Folder, LinkKind, Subject};

/// The longest e-mail address in an invitation, in characters.
const LONGEST_EMAIL: usize = 255;

/// The body of sharing a room.
#[derive(Debug, Deserialize)]
pub(super) struct SharingBody {
    invitations: Option<Vec<InvitationBody>>,
    notify: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct InvitationBody {
    id: Option<String>,
    email: Option<String>,
    access: Option<Value>,
}

impl InvitationBody {
    fn invitation(self) -> Option<Invitation> {
        let invitee = match (self.id, self.email) {
            (Some(id), _) if !id.is_empty() => Invitee::Id(id),
            (_, Some(email)) => Invitee::Email(email),
            _ => return None,
        };
        Some(Invitation {
            invitee,
            level: AccessLevel::requested(self.access.as_ref()),
        })
    }
}

/// Shares a room with people and groups, or removes them. A level that the room or the account does not allow is refused
/// in the middle of the list: earlier invitations stay. No event is raised.
pub(super) async fn share(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<SharingBody>,
) -> ApiResult {
    let id = FolderId::from(id.as_str());
    let invitations = body.invitations.unwrap_or_default();
    let is_too_long = |email: &String| email.chars().count() > LONGEST_EMAIL;
    if invitations
        .iter()
        .any(|invitation| invitation.email.as_ref().is_some_and(is_too_long))
    {
        return Ok(responder.invalid(
            "Email",
            "The field Email must be a string with a maximum length of 255.",
        ));
    }
    portal.update(|state, now| {
        let room = known_room(&state.storage, &id)?;
        if !state.storage.may_manage_room(room) {
            return Err(ApiError::Denied);
        }
        if invitations.is_empty() {
            return Ok(responder.ok(&json!({ "error": 0 })));
        }
        let mut sharing = Sharing {
            state: &mut *state,
            room: &id,
            notify: body.notify.unwrap_or(false),
            now,
        };
        let mut members = Vec::new();
        let mut warning = None;
        for invitation in invitations
            .into_iter()
            .filter_map(InvitationBody::invitation)
        {
            match sharing.share(&invitation) {
                Ok(Some(member)) => members.push(member),
                Ok(None) => {}
                Err(SharingError::BadAddress(message)) => warning = Some(message),
                Err(SharingError::Refused(message)) => {
                    return Err(ApiError::DeniedBecause(message));
                }
            }
        }
        let renderer = state.renderer(&responder.base_url);
        let members: Vec<_> = members
            .iter()
            .filter_map(|member| renderer.member(&member.subject, member.level))
            .collect();
        let mut response = json!({ "members": members, "error": 0 });
        if let Some(warning) = warning {
            response["warning"] = warning.into();
        }
        Ok(responder.ok(&response))
    })
}

/// Which members are listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberQuery {
    filter_type: Option<u8>,
    filter_value: Option<String>,
    count: Option<usize>,
    start_index: Option<usize>,
}

impl MemberQuery {
    fn lists(&self, member: &Value) -> bool {
        let wanted = self.filter_value.as_deref().unwrap_or_default();
        let shared_to = &member["sharedTo"];
        let texts = ["displayName", "email", "name", "title"];
        let contains = |text: &&str| {
            let text = shared_to[*text].as_str().unwrap_or_default();
            text.to_lowercase().contains(&wanted.to_lowercase())
        };
        wanted.is_empty() || texts.iter().any(contains)
    }
}

/// Lists the members of a room, the owner first; groups are not expanded. Without the right to see them, the list is
/// empty.
pub(super) async fn members(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(query): Query<MemberQuery>,
    responder: Responder,
) -> ApiResult {
    let count = query.count.unwrap_or(MAX_ENTRIES);
    if !(1..=MAX_ENTRIES).contains(&count) {
        return Ok(responder.invalid("Count", COUNT_OUT_OF_RANGE));
    }
    let id = FolderId::from(id.as_str());
    let state = portal.state();
    let room = known_room(&state.storage, &id)?;
    if !state.storage.may_read(&id) {
        return Ok(responder.counted_page(Vec::new(), 0));
    }
    let renderer = state.renderer(&responder.base_url);
    let members = listed(&renderer, room, query.filter_type.unwrap_or(0));
    let members: Vec<_> = members
        .into_iter()
        .filter(|member| query.lists(member))
        .collect();
    let total = members.len();
    let page = members.into_iter().skip(query.start_index.unwrap_or(0));
    Ok(responder.counted_page(page.take(count).collect(), total))
}

/// The members and links of a room that a filter type selects.
fn listed(renderer: &Renderer<'_>, room: &Folder, filter_type: u8) -> Vec<Value> {
    const ALL: u8 = 0;
    const INVITATION_LINK: u8 = 1;
    const EXTERNAL_LINKS: u8 = 2;
    const ADDITIONAL_LINKS: u8 = 4;
    const PRIMARY_LINK: u8 = 8;
    const USERS: u8 = 16;
    const GROUPS: u8 = 32;

    let links = |selects: fn(LinkKind) -> bool| {
        let selected = room.links.iter().filter(|link| selects(link.kind));
        selected.map(|link| renderer.link(link)).collect()
    };
    let people = |selects: fn(&Subject) -> bool| {
        let members = room.room().map(|room| room.members.iter());
        let mut members: Vec<_> = members.into_iter().flatten().collect();
        members.sort_by_key(|member| matches!(member.subject, Subject::Person(_)));
        let owner = Subject::Person(room.created_by.id().to_owned());
        let owner = std::iter::once((&owner, AccessLevel::Full));
        owner
            .chain(members.iter().map(|member| (&member.subject, member.level)))
            .filter(|(subject, _)| selects(subject))
            .filter_map(|(subject, level)| renderer.member(subject, level))
            .collect()
    };
    match filter_type {
        ALL => people(|_| true),
        USERS => people(|subject| matches!(subject, Subject::Person(_))),
        GROUPS => people(|subject| matches!(subject, Subject::Group(_))),
        INVITATION_LINK => links(|kind| !kind.is_external()),
        EXTERNAL_LINKS => links(LinkKind::is_external),
        ADDITIONAL_LINKS => links(|kind| kind == LinkKind::Additional),
        PRIMARY_LINK => links(|kind| kind == LinkKind::Primary),
        _ => Vec::new(),
    }
}
