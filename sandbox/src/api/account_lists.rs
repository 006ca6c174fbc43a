//! Lists of accounts beyond the plain one (`UserController.cs` of DocSpace-server).

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::people::{Search, check_reader};
use super::rooms::known_room;
use super::{ApiError, ApiResult, Responder};
use crate::ids::FolderId;
use crate::level::AccessLevel;
use crate::people::{AccountStatus, Person};
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::storage::{Folder, Subject};

/// The statuses of accounts in a request, as a sum.
#[derive(Clone, Copy)]
struct Statuses(u8);

impl Statuses {
    const ACTIVE: Self = Self(1);

    fn requested(text: &str) -> Result<Self, ApiError> {
        let sum = match text.to_lowercase().as_str() {
            "active" => 1,
            "terminated" => 2,
            "pending" => 4,
            "default" => 5,
            "all" => 7,
            number => number
                .parse()
                .map_err(|_| ApiError::BadArgument("Incorrect status"))?,
        };
        Ok(Self(sum))
    }

    fn include(self, status: AccountStatus) -> bool {
        self.0 & status.number() != 0
    }
}

/// Lists active accounts.
pub(super) async fn active(
    State(portal): State<Portal>,
    Query(search): Query<Search>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    list_with_status(&state, &responder, &search, Statuses::ACTIVE)
}

/// Lists accounts with a status, or with one of several.
pub(super) async fn with_status(
    State(portal): State<Portal>,
    Path(status): Path<String>,
    Query(search): Query<Search>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    list_with_status(&state, &responder, &search, Statuses::requested(&status)?)
}

fn list_with_status(
    state: &PortalState,
    responder: &Responder,
    search: &Search,
    statuses: Statuses,
) -> ApiResult {
    check_reader(&state.storage.people)?;
    let found = state
        .storage
        .people
        .all()
        .filter(|person| statuses.include(person.status) && state.storage.may_see(person))
        .filter(|person| search.finds_person(person));
    let renderer = state.renderer(&responder.base_url);
    let found = found.map(|person| renderer.person(person));
    Ok(search.page(responder, found.collect()))
}

/// The query of a search.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    query: Option<String>,
}

/// Searches accounts of a status by parts of their names and addresses, which only administrators may.
pub(super) async fn found_with_status(
    State(portal): State<Portal>,
    Path(status): Path<String>,
    Query(text): Query<Text>,
    responder: Responder,
) -> ApiResult {
    let statuses = Statuses::requested(&status)?;
    let state = portal.state();
    if !state.storage.people.service_type().is_administrator() {
        return Err(ApiError::Denied);
    }
    Ok(search(&state, &responder, text.query, |person| {
        statuses.include(person.status)
    }))
}

/// Searches all accounts.
pub(super) async fn found(
    State(portal): State<Portal>,
    text: Option<Path<String>>,
    Query(query): Query<Text>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    check_reader(&state.storage.people)?;
    let text = text.map(|Path(text)| text).or(query.query);
    Ok(search(&state, &responder, text, |_| true))
}

fn search(
    state: &PortalState,
    responder: &Responder,
    text: Option<String>,
    is_wanted: impl Fn(&Person) -> bool,
) -> Response {
    let search = Search::of_text(text);
    let people = state.storage.people.all();
    let renderer = state.renderer(&responder.base_url);
    let found = people
        .filter(|person| is_wanted(person) && state.storage.may_see(person))
        .filter(|person| search.finds_person(person))
        .map(|person| renderer.person(person));
    responder.ok(&found.collect::<Vec<_>>().into())
}

/// Which of the people are listed for a room.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomQuery {
    exclude_shared: Option<bool>,
    include_shared: Option<bool>,
}

/// Lists accounts, and whether a room is shared with them. The owner of the room counts among those.
pub(super) async fn of_room(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(query): Query<RoomQuery>,
    Query(search): Query<Search>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    let room = known_room(&state.storage, &FolderId::from(id.as_str()))?;
    if !state.storage.may_read(&room.id) {
        return Err(ApiError::Denied);
    }
    let renderer = state.renderer(&responder.base_url);
    let mut found: Vec<Value> = Vec::new();
    for person in state.storage.people.all() {
        let is_shared = is_member(room, person);
        let is_listed = match (query.exclude_shared, query.include_shared) {
            (Some(true), _) => !is_shared,
            (_, Some(true)) => is_shared,
            _ => true,
        };
        if is_listed && search.finds_person(person) && state.storage.may_see(person) {
            let mut object = renderer.person(person);
            object["shared"] = is_shared.into();
            found.push(object);
        }
    }
    Ok(search.page(&responder, found))
}

fn is_member(room: &Folder, person: &Person) -> bool {
    let subject = Subject::Person(person.id.clone());
    let level = room.room().map(|room| room.access(&subject));
    room.created_by.id() == person.id || level.is_some_and(|level| level != AccessLevel::None)
}
