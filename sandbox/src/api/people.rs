//! Reading accounts, and reading and changing groups (docs/DOCSPACE.md A10).

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::json_body::JsonBody;
use super::page::{COUNT_OUT_OF_RANGE, MAX_ENTRIES};
use super::{ApiError, ApiResult, Responder};
use crate::json::Renderer;
use crate::people::{AccountStatus, AccountType, People, Person};
use crate::portal::Portal;
use crate::state::State as PortalState;

/// The query of a list of people or groups.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Search {
    filter_value: Option<String>,
    count: Option<usize>,
    start_index: Option<usize>,
}

impl Search {
    /// A search for a text.
    pub(super) fn of_text(text: Option<String>) -> Self {
        Self {
            filter_value: text,
            count: None,
            start_index: None,
        }
    }

    /// Whether the text is part of the name or address of a person.
    pub(super) fn finds_person(&self, person: &Person) -> bool {
        self.finds(&person.display_name()) || self.finds(&person.email)
    }

    fn finds(&self, text: &str) -> bool {
        let wanted = self.filter_value.as_deref().unwrap_or_default();
        text.to_lowercase().contains(&wanted.to_lowercase())
    }

    /// The requested part of a list.
    pub(super) fn page(&self, responder: &Responder, found: Vec<Value>) -> Response {
        let count = self.count.unwrap_or(MAX_ENTRIES);
        if !(1..=MAX_ENTRIES).contains(&count) {
            return responder.invalid("Count", COUNT_OUT_OF_RANGE);
        }
        let total = found.len();
        let page = found.into_iter().skip(self.start_index.unwrap_or(0));
        responder.counted_page(page.take(count).collect(), total)
    }
}

/// Reads the account with an id or user name.
pub(super) async fn person(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    let people = &state.storage.people;
    let person = people.person(&id).or_else(|| people.by_user_name(&id));
    show(&state, &responder, person)
}

/// The query of a person by e-mail address.
#[derive(Debug, Deserialize)]
pub(super) struct EmailQuery {
    email: Option<String>,
}

/// Reads the account with an e-mail address.
pub(super) async fn by_email(
    State(portal): State<Portal>,
    Query(query): Query<EmailQuery>,
    responder: Responder,
) -> ApiResult {
    let email = query.email.unwrap_or_default();
    if email.trim().is_empty() {
        return Err(ApiError::BadArgument(
            "Value cannot be null. (Parameter 'email')",
        ));
    }
    let state = portal.state();
    show(&state, &responder, state.storage.people.by_email(&email))
}

/// A person. The service account, a room admin, does not see guests whom it shares no room with.
fn show(state: &PortalState, responder: &Responder, person: Option<&Person>) -> ApiResult {
    let person = person.ok_or(ApiError::PersonMissing)?;
    if !state.storage.may_see(person) {
        return Err(ApiError::Denied);
    }
    Ok(responder.ok(&state.renderer(&responder.base_url).person(person)))
}

/// Lists accounts.
pub(super) async fn people(
    State(portal): State<Portal>,
    Query(search): Query<Search>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    check_reader(&state.storage.people)?;
    let renderer = state.renderer(&responder.base_url);
    let people = state.storage.people.all();
    let people = people.filter(|person| state.storage.may_see(person));
    let found = people
        .filter(|person| search.finds_person(person))
        .map(|person| renderer.person(person));
    Ok(search.page(&responder, found.collect()))
}

/// Checks that the service account may read lists of people and groups.
pub(super) fn check_reader(people: &People) -> Result<(), ApiError> {
    match people.service_type() {
        AccountType::User | AccountType::Guest => Err(ApiError::Denied),
        _ => Ok(()),
    }
}

/// Lists groups, without their members.
pub(super) async fn groups(
    State(portal): State<Portal>,
    Query(search): Query<Search>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    check_reader(&state.storage.people)?;
    let groups = state.storage.people.groups();
    let found = groups
        .filter(|group| search.finds(&group.name))
        .map(Renderer::listed_group);
    Ok(search.page(&responder, found.collect()))
}

/// The query of a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupQuery {
    include_members: Option<bool>,
}

/// Reads a group, with its members unless they are not asked for.
pub(super) async fn group(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Query(query): Query<GroupQuery>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    check_reader(&state.storage.people)?;
    let group = state.storage.people.group(&id);
    let group = group.ok_or(ApiError::GroupMissing)?;
    let includes_members = query.include_members.unwrap_or(true);
    let renderer = state.renderer(&responder.base_url);
    Ok(responder.ok(&renderer.group(group, includes_members)))
}

/// Lists the groups of a person.
pub(super) async fn groups_of_person(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
) -> ApiResult {
    let state = portal.state();
    check_reader(&state.storage.people)?;
    let renderer = state.renderer(&responder.base_url);
    let groups = state.storage.people.groups_of(&id);
    Ok(responder.counted(groups.map(|group| renderer.group_summary(group)).collect()))
}

/// The ids of people to add to a group or to remove from it.
#[derive(Debug, Deserialize)]
pub(super) struct MembersBody {
    members: Option<Vec<String>>,
}

/// Adds people to a group. No event is raised.
pub(super) async fn add_members(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<MembersBody>,
) -> ApiResult {
    let added = body.members.unwrap_or_default();
    change_members(&portal, &id, &responder, |members| {
        for person in added {
            if !members.contains(&person) {
                members.push(person);
            }
        }
    })
}

/// Removes people from a group.
pub(super) async fn remove_members(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<MembersBody>,
) -> ApiResult {
    let removed = body.members.unwrap_or_default();
    change_members(&portal, &id, &responder, |members| {
        members.retain(|member| !removed.contains(member));
    })
}

/// Replaces the members of a group.
pub(super) async fn replace_members(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<MembersBody>,
) -> ApiResult {
    let replacing = body.members.unwrap_or_default();
    change_members(&portal, &id, &responder, |members| *members = replacing)
}

/// Changes the members of a group, which only administrators may. Accounts that do not exist, are disabled or belong to
/// guests are silently ignored.
fn change_members(
    portal: &Portal,
    id: &str,
    responder: &Responder,
    change: impl FnOnce(&mut Vec<String>),
) -> ApiResult {
    let mut state = portal.state();
    let people = &mut state.storage.people;
    let group = people.group(id).ok_or(ApiError::GroupMissing)?;
    if !people.service_type().is_administrator() {
        return Err(ApiError::Denied);
    }
    let mut members = group.members.clone();
    change(&mut members);
    members.retain(|member| people.person(member).is_some_and(may_join));
    if let Some(group) = people.group_mut(id) {
        group.members = members;
    }
    let renderer = state.renderer(&responder.base_url);
    let group = state.storage.people.group(id);
    let shown = group.map_or(Value::Null, |group| renderer.group(group, true));
    Ok(responder.ok(&shown))
}

fn may_join(person: &Person) -> bool {
    person.account_type != AccountType::Guest && person.status != AccountStatus::Disabled
}
