//! Inviting people to the portal, and changing and deleting accounts (`UserController.cs` of DocSpace-server). The sandbox
//! raises no events about people.

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::guid::random_guid;
use crate::people::{AccountStatus, AccountType, Person};
use crate::portal::Portal;
use crate::state::State as PortalState;
use crate::user::User;

/// Accounts to change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountsBody {
    user_ids: Option<Vec<String>>,
}

/// People to invite.
#[derive(Debug, Deserialize)]
pub(super) struct InvitationsBody {
    invitations: Option<Vec<InvitationBody>>,
}

#[derive(Debug, Deserialize)]
struct InvitationBody {
    email: Option<String>,
    r#type: Option<Value>,
}

/// Invites people to the portal. The response lists all who were invited and have not signed in.
pub(super) async fn invite(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<InvitationsBody>,
) -> ApiResult {
    let now = portal.now();
    let mut state = portal.state();
    let people = &mut state.storage.people;
    if !people.service_type().may_manage_rooms() {
        return Err(ApiError::Denied);
    }
    for invitation in body.invitations.unwrap_or_default() {
        let email = invitation.email.unwrap_or_default();
        if !crate::sharing::is_address(&email) {
            return Err(ApiError::BadArgument("The email address is not valid"));
        }
        let account_type = requested_type(invitation.r#type.as_ref())?;
        match account_type {
            AccountType::User => {}
            AccountType::RoomAdmin if people.service_type().is_administrator() => {}
            _ => return Err(ApiError::Denied),
        }
        match people.by_email(&email) {
            Some(known) if known.status == AccountStatus::Disabled => {
                return Err(ApiError::BadArgument("The user is disabled"));
            }
            Some(_) => {}
            None => {
                people.add_invited(&email, account_type, now);
            }
        }
    }
    let renderer = state.renderer(&responder.base_url);
    let pending = state.storage.people.all();
    let pending = pending.filter(|person| person.status == AccountStatus::Pending);
    let pending = pending.map(|person| renderer.listed_person(person));
    Ok(responder.counted(pending.collect()))
}

/// The account type with a number or name, also with the number as a text.
fn requested_type(given: Option<&Value>) -> Result<AccountType, ApiError> {
    let text = match given {
        Some(Value::String(text)) => text.to_lowercase(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    match text.as_str() {
        "1" | "roomadmin" => Ok(AccountType::RoomAdmin),
        "2" | "guest" => Ok(AccountType::Guest),
        "3" | "docspaceadmin" => Ok(AccountType::Administrator),
        "4" | "user" => Ok(AccountType::User),
        _ => Err(ApiError::BadArgument("Incorrect type")),
    }
}

/// Enables or disables accounts: status 1 or 2. The own account, those of administrators and the owner's stay.
pub(super) async fn set_status(
    State(portal): State<Portal>,
    Path(status): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<AccountsBody>,
) -> ApiResult {
    let is_enabled = match status.to_lowercase().as_str() {
        "1" | "active" => true,
        "2" | "terminated" => false,
        _ => return Err(ApiError::BadArgument("Incorrect status")),
    };
    change(&portal, &responder, body, |person| {
        let is_untouchable =
            person.id == User::Service.id() || person.account_type.is_administrator();
        if is_untouchable {
            return Err(ApiError::Denied);
        }
        person.status = match (is_enabled, person.status) {
            (false, _) => AccountStatus::Disabled,
            (true, AccountStatus::Disabled) if person.first_name.is_empty() => {
                AccountStatus::Pending
            }
            (true, AccountStatus::Disabled) => AccountStatus::Active,
            (true, status) => status,
        };
        Ok(())
    })
}

/// Gives accounts a higher type.
pub(super) async fn set_type(
    State(portal): State<Portal>,
    Path(wanted): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<AccountsBody>,
) -> ApiResult {
    let wanted = requested_type(Some(&wanted.into()))?;
    change(&portal, &responder, body, |person| {
        // Only the owner, whose key the sandbox does not have, appoints administrators.
        let is_refused = person.status == AccountStatus::Disabled
            || wanted.is_administrator()
            || wanted.rank() <= person.account_type.rank();
        if is_refused {
            return Err(ApiError::Denied);
        }
        person.account_type = wanted;
        Ok(())
    })
}

/// Changes accounts, which only administrators may. None is changed if one is refused.
fn change(
    portal: &Portal,
    responder: &Responder,
    body: AccountsBody,
    change: impl Fn(&mut Person) -> Result<(), ApiError>,
) -> ApiResult {
    let mut state = portal.state();
    let mut changed = Vec::new();
    for id in accounts(&state, body)? {
        let person = state.storage.people.person(&id);
        let mut person = person.cloned().ok_or(ApiError::Denied)?;
        change(&mut person)?;
        changed.push(person);
    }
    for person in &changed {
        state.storage.people.add(person.clone());
    }
    let renderer = state.renderer(&responder.base_url);
    let shown: Vec<_> = changed
        .iter()
        .map(|person| renderer.person(person))
        .collect();
    Ok(responder.ok(&shown.into()))
}

/// The ids in a request of an administrator.
fn accounts(state: &PortalState, body: AccountsBody) -> Result<Vec<String>, ApiError> {
    if !state.storage.people.service_type().is_administrator() {
        return Err(ApiError::Denied);
    }
    Ok(body.user_ids.unwrap_or_default())
}

/// Deletes accounts, all of which must be disabled.
pub(super) async fn delete(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<AccountsBody>,
) -> ApiResult {
    let mut state = portal.state();
    let ids = accounts(&state, body)?;
    let people = &state.storage.people;
    let known = ids.iter().filter_map(|id| people.person(id));
    let known: Vec<_> = known.cloned().collect();
    if known
        .iter()
        .any(|person| person.status != AccountStatus::Disabled)
    {
        return Err(ApiError::DeniedBecause("Users are not suspended"));
    }
    let renderer = state.renderer(&responder.base_url);
    let shown: Vec<_> = known.iter().map(|person| renderer.person(person)).collect();
    for person in known {
        state.storage.remove_person(&person.id);
    }
    Ok(responder.ok(&shown.into()))
}

/// The body of lowering the type of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeBody {
    user_id: Option<String>,
    r#type: Option<Value>,
}

/// Gives an account a lower type: User or Guest. The portal does this in a task, which the sandbox has finished when it
/// responds.
pub(super) async fn lower_type(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<TypeBody>,
) -> ApiResult {
    let wanted = requested_type(body.r#type.as_ref())?;
    if wanted.may_manage_rooms() {
        return Err(ApiError::BadArgument("Can not update to this type"));
    }
    let mut state = portal.state();
    let people = &mut state.storage.people;
    if !people.service_type().is_administrator() {
        return Err(ApiError::Denied);
    }
    let id = body.user_id.unwrap_or_default();
    let person = people.person_mut(&id).filter(|person| {
        let is_own = person.id == User::Service.id();
        !is_own
            && person.status != AccountStatus::Disabled
            && !person.account_type.is_administrator()
    });
    let person = person.ok_or(ApiError::BadArgument("Can not update type"))?;
    person.account_type = wanted;
    Ok(responder.ok(&finished_task()))
}

/// How far the task is that lowers the type of an account.
pub(super) async fn type_progress(responder: Responder) -> ApiResult {
    Ok(responder.ok(&finished_task()))
}

fn finished_task() -> Value {
    json!({ "id": random_guid(), "percentage": 100, "isCompleted": true, "status": 2, "error": "" })
}
