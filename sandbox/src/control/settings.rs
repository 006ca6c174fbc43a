//! How the portal behaves: its speed, clock, limits, failures and the account of the key.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, Refused, parse};
use crate::deviation::Deviation;
use crate::faults::RandomFaults;
use crate::people::AccountType;
use crate::portal::Portal;
use crate::user::User;

/// What to change; members that are left out stay as they are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsChange {
    latency_ms: Option<u64>,
    operation_ms: Option<u64>,
    clock_offset_seconds: Option<i64>,
    log_time_zone: Option<String>,
    /// 0 for no limit.
    rate_limit_per_minute: Option<u32>,
    random_faults: Option<RandomFaultsChange>,
    down: Option<bool>,
    key_valid: Option<bool>,
    scopes: Option<Vec<String>>,
    account_type: Option<AccountTypeName>,
    deviations: Option<Vec<String>>,
    delivered_per_log_page: Option<usize>,
    added_per_log_page: Option<usize>,
}

/// Random faults of all calls; a probability of 0 ends them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RandomFaultsChange {
    probability: f64,
    #[serde(default)]
    seed: u64,
}

/// The types of the account that has the key.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AccountTypeName {
    Owner,
    Administrator,
    RoomAdmin,
    User,
    Guest,
}

/// The types by name.
const ACCOUNT_TYPES: [(AccountTypeName, AccountType); 5] = [
    (AccountTypeName::Owner, AccountType::Owner),
    (AccountTypeName::Administrator, AccountType::Administrator),
    (AccountTypeName::RoomAdmin, AccountType::RoomAdmin),
    (AccountTypeName::User, AccountType::User),
    (AccountTypeName::Guest, AccountType::Guest),
];

/// The largest move of the clock, in seconds: about ten years.
const LARGEST_OFFSET: i64 = 315_000_000;

/// Reads the settings.
pub(super) async fn read(State(portal): State<Portal>) -> axum::Json<Value> {
    shown(&portal)
}

fn shown(portal: &Portal) -> axum::Json<Value> {
    let now = portal.now().to_string();
    let clock_offset = portal.shared.clock_offset.load(Ordering::Relaxed);
    let state = portal.state();
    let deviations: Vec<_> = state.deviations.iter().map(|known| known.name()).collect();
    let account_type = state.storage.people.service_type();
    let account_type = ACCOUNT_TYPES
        .iter()
        .find(|(_, known)| *known == account_type);
    axum::Json(json!({
        "now": now,
        "latencyMs": state.latency.as_millis(),
        "operationMs": state.operation_time.as_millis(),
        "clockOffsetSeconds": clock_offset,
        "logTimeZone": state.log_zone_name,
        "rateLimitPerMinute": state.rate.per_minute.unwrap_or(0),
        "randomFaults": state.faults.random().map(
            |faults| json!({ "probability": faults.probability, "seed": faults.seed }),
        ),
        "down": state.access.down,
        "keyValid": state.access.key_valid,
        "scopes": state.access.scopes,
        "accountType": account_type.map(|(name, _)| name),
        "deviations": deviations,
        "deliveredPerLogPage": state.delivered_per_log_page,
        "addedPerLogPage": state.added_per_log_page,
    }))
}

/// Changes settings, all of those in the body or, if one is wrong, none.
pub(super) async fn change(State(portal): State<Portal>, body: String) -> Answer {
    let change: SettingsChange = parse(&body)?;
    let deviations = change.deviations.as_ref().map(|names| {
        let known = names.iter().map(|name| name.parse::<Deviation>());
        known.collect::<Result<Vec<_>, _>>()
    });
    let deviations = deviations
        .transpose()
        .map_err(|problem| Refused::bad_request(format!("a name in `deviations` {problem}")))?;
    let offset = change.clock_offset_seconds;
    if offset.is_some_and(|offset| offset.abs() > LARGEST_OFFSET) {
        let message = "`clockOffsetSeconds` must be within ten years";
        return Err(Refused::bad_request(message).into());
    }
    let is_probability = |faults: &RandomFaultsChange| (0.0..=1.0).contains(&faults.probability);
    if !change.random_faults.as_ref().is_none_or(is_probability) {
        return Err(Refused::bad_request("`probability` must be between 0 and 1").into());
    }
    if let Some(zone) = &change.log_time_zone {
        portal.set_log_time_zone(zone).map_err(|problem| {
            Refused::bad_request(format!("`logTimeZone` is not a POSIX time zone: {problem}"))
        })?;
    }
    if let Some(deviations) = deviations {
        portal.set_deviations(&deviations);
    }
    if let Some(offset) = offset {
        portal.shared.clock_offset.store(offset, Ordering::Relaxed);
    }
    apply(&portal, change);
    Ok(shown(&portal))
}

/// Applies what cannot be wrong.
fn apply(portal: &Portal, change: SettingsChange) {
    let mut state = portal.state();
    set(
        &mut state.latency,
        change.latency_ms.map(Duration::from_millis),
    );
    set(
        &mut state.operation_time,
        change.operation_ms.map(Duration::from_millis),
    );
    if let Some(limit) = change.rate_limit_per_minute {
        state.rate.per_minute = Some(limit).filter(|limit| *limit > 0);
    }
    if let Some(faults) = change.random_faults {
        let RandomFaultsChange { probability, seed } = faults;
        let faults = RandomFaults { seed, probability };
        state
            .faults
            .set_random(Some(faults).filter(|_| probability > 0.0));
    }
    set(&mut state.access.down, change.down);
    set(&mut state.access.key_valid, change.key_valid);
    set(&mut state.access.scopes, change.scopes);
    set(
        &mut state.delivered_per_log_page,
        change.delivered_per_log_page,
    );
    set(&mut state.added_per_log_page, change.added_per_log_page);
    let service = state.storage.people.person_mut(User::Service.id());
    if let (Some(service), Some(wanted)) = (service, change.account_type) {
        service.account_type = match wanted {
            AccountTypeName::Owner => AccountType::Owner,
            AccountTypeName::Administrator => AccountType::Administrator,
            AccountTypeName::RoomAdmin => AccountType::RoomAdmin,
            AccountTypeName::User => AccountType::User,
            AccountTypeName::Guest => AccountType::Guest,
        };
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
