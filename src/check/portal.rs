//! The portal: whether it responds and accepts the key, what the key may do, and the portal's clock.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::certificates;
use crate::docspace::{Client, Error, KeyInfo};
use crate::http_client;
use crate::root_cause::cause_in_words;
use crate::rules::{Condition, KeyScope};

use super::deployment::Deployment;
use super::portal_version;
use crate::finding::Finding;

const HOST: &str = "DOCSPACE_API_HOST";
pub(super) const KEY: &str = "DOCSPACE_API_KEY";

/// A clock skew that is worth a warning.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// How long before its expiry a key is worth a warning.
const KEY_EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Scopes of which the key needs one (docs/DOCSPACE.md 6).
struct NeededScope {
    any_of: &'static [&'static str],
    /// Completes a sentence that starts with the key.
    if_missing: &'static str,
    /// Nothing works without it.
    required: bool,
}

const NEEDED_SCOPES: [NeededScope; 4] = [
    NeededScope {
        any_of: &["files:write", "*:write"],
        if_missing: "lacks the scope files:write, so files cannot be copied or moved; create a key that has it",
        required: true,
    },
    NeededScope {
        any_of: &["rooms:read", "rooms:write", "*:read", "*:write"],
        if_missing: "lacks the scope rooms:read, so `docspace-courier rooms` cannot list the rooms, and a rejected \
                     key is harder to distinguish from a missing permission",
        required: false,
    },
    NeededScope {
        any_of: &[
            "accounts.self:read",
            "accounts.self:write",
            "*:read",
            "*:write",
        ],
        if_missing: "lacks the scope accounts.self:read, so conditions on the key's own user (\"self\") cannot be \
                     evaluated",
        required: false,
    },
    NeededScope {
        any_of: &["*:read", "*:write"],
        if_missing: "lacks the scope *:read, so missed deliveries cannot be fetched and the webhook cannot be \
                     checked; better use a key that has it",
        required: false,
    },
];

/// The scope that rules need which work on rooms, not only on files in them.
const ROOM_SCOPE: NeededScope = NeededScope {
    any_of: &["rooms:write", "*:write"],
    if_missing: "lacks the scope rooms:write, so rooms cannot be shared, tagged or archived; create a key that has it",
    required: true,
};

/// The scope that rules need which ask about people.
const PEOPLE_SCOPE: NeededScope = NeededScope {
    any_of: &["accounts:read", "*:read", "*:write"],
    if_missing: "lacks the scope accounts:read, so nothing can be found out about groups and guests; create a key \
                 that has it",
    required: true,
};

/// The scopes that rules need which change groups.
const GROUP_SCOPE: NeededScope = NeededScope {
    any_of: &["accounts:write", "*:write"],
    if_missing: "lacks the scope accounts:write, so nobody can be added to a group; create a key that has it and \
                 accounts:read",
    required: true,
};

/// The findings about the portal.
pub(super) struct PortalCheck {
    pub(super) findings: Vec<Finding>,
    /// The portal, if further requests make sense.
    pub(super) usable: Option<Arc<Client>>,
}

pub(super) async fn check(deployment: &Deployment) -> PortalCheck {
    let Some(client) = &deployment.portal else {
        return PortalCheck {
            findings: vec![not_checked(
                "DOCSPACE_API_HOST or DOCSPACE_API_KEY is not usable",
            )],
            usable: None,
        };
    };
    let (mut findings, obstacle) = reach(client).await;
    match obstacle {
        None => {
            findings.push(portal_version::check(HOST, client).await);
            findings.extend(key(client, deployment).await);
        }
        Some(obstacle) => findings.push(not_checked(obstacle)),
    }
    findings.extend(clock_skew(client));
    PortalCheck {
        findings,
        usable: obstacle.is_none().then(|| Arc::clone(client)),
    }
}

fn not_checked(obstacle: &str) -> Finding {
    let detail = format!("were not checked, because {obstacle}");
    Finding::warning("rooms, folders, webhook", detail)
}

/// Requests the key's user, which needs the portal and a valid key. Also returns what prevents further
/// requests.
async fn reach(client: &Client) -> (Vec<Finding>, Option<&'static str>) {
    let host = client.host();
    let responds = || Finding::ok(HOST, format!("{host} responds"));
    match client.account().current_user().await {
        Ok(person) => {
            let name = person.display_name;
            let acts = Finding::ok(KEY, format!("is valid and belongs to {name}"));
            (vec![responds(), acts], None)
        }
        Err(Error::Forbidden) => (vec![responds(), Finding::ok(KEY, "is valid")], None),
        Err(Error::KeyRefused) => {
            let rejected = Finding::error(
                KEY,
                "is rejected: it is mistyped, disabled or expired, or its user is disabled; create a new one \
                 under Developer Tools → API keys",
            );
            (
                vec![responds(), rejected],
                Some("the portal rejects the key"),
            )
        }
        Err(error) => {
            let unreachable = Finding::error(HOST, unreachable(host, &error));
            (
                vec![unreachable],
                Some("the portal does not respond as expected"),
            )
        }
    }
}

fn unreachable(host: &str, error: &Error) -> String {
    match error {
        error if error.suggests_no_portal() => {
            format!(
                "{host} has no such portal: the address is mistyped, or the portal is suspended"
            )
        }
        Error::RateLimited { .. } => {
            format!("{host} responds that its rate limit is exceeded; check again later")
        }
        Error::Unreadable { .. }
        | Error::TooLong { .. }
        | Error::Refused { .. }
        | Error::Gateway { .. } => {
            let proxy = http_client::proxy_for(host).map_or_else(String::new, |proxy| {
                format!(" (requests go through the proxy {proxy})")
            });
            format!(
                "{host} responds, but not like a DocSpace portal{proxy}: check the address, and whether a proxy or a \
                 firewall blocks the request"
            )
        }
        Error::Unreachable { source, .. } => match certificates::refusal(source) {
            Some(reason) => format!(
                "the certificate of {host} {reason}; if it is private, name it, or the authority that signed it, in \
                 DOCSPACE_CA_FILE"
            ),
            None => format!(
                "{host} does not respond ({}): check the address and the network",
                cause_in_words(source)
            ),
        },
        error => format!("{host}: {error}; check again when the portal works"),
    }
}

async fn key(client: &Client, deployment: &Deployment) -> Vec<Finding> {
    match client.account().key().await {
        Ok(key) => {
            let mut findings = scopes(&key, deployment);
            findings.extend(expiry(&key, deployment));
            findings
        }
        Err(Error::NotFound | Error::Forbidden | Error::KeyRefused) => vec![Finding::warning(
            KEY,
            "is not an API key but a login token, which will expire; better create an API key",
        )],
        Err(error) => vec![Finding::warning(
            KEY,
            format!("could not be checked for its scopes: {error}"),
        )],
    }
}

fn scopes(key: &KeyInfo, deployment: &Deployment) -> Vec<Finding> {
    if key.permissions.is_empty() {
        return vec![Finding::ok(KEY, "has all permissions of its user")];
    }
    let has_one_of = |scopes: &[&str]| {
        let mut granted = key.permissions.iter();
        granted.any(|scope| scopes.contains(&scope.as_str()))
    };
    let actions = deployment.rules().iter().flat_map(|rule| &rule.actions);
    let needed: Vec<KeyScope> = actions
        .filter_map(|action| action.properties.scope)
        .collect();
    let changes_rooms = needed.contains(&KeyScope::Rooms);
    let changes_groups = needed.contains(&KeyScope::Groups);
    let asks_about_people = changes_groups || needed.contains(&KeyScope::People);
    let conditions = deployment.rules().iter().flat_map(|rule| &rule.conditions);
    let has_condition_on_people = conditions.into_iter().any(Condition::is_about_people);
    let missing: Vec<Finding> = NEEDED_SCOPES
        .iter()
        .chain(changes_rooms.then_some(&ROOM_SCOPE))
        .chain((has_condition_on_people || asks_about_people).then_some(&PEOPLE_SCOPE))
        .chain(changes_groups.then_some(&GROUP_SCOPE))
        .filter(|scope| !has_one_of(scope.any_of))
        .map(|scope| {
            if scope.required {
                Finding::error(KEY, scope.if_missing)
            } else {
                Finding::warning(KEY, scope.if_missing)
            }
        })
        .collect();
    if missing.is_empty() {
        let scopes = key.permissions.join(", ");
        return vec![Finding::ok(
            KEY,
            format!("has the scopes it needs: {scopes}"),
        )];
    }
    missing
}

fn expiry(key: &KeyInfo, deployment: &Deployment) -> Option<Finding> {
    let left = key.expires_at?.duration_since(deployment.clock.now());
    (left < KEY_EXPIRES_SOON).then(|| {
        let days = left.as_hours() / 24;
        Finding::warning(
            KEY,
            format!("expires in {days} days: create a new one before that, or all work stops"),
        )
    })
}

fn clock_skew(client: &Client) -> Option<Finding> {
    let ahead = client.clock_skew();
    (ahead.abs() > MAX_SKEW).then(|| {
        let seconds = ahead.abs().as_secs();
        let side = if ahead.is_positive() {
            "behind"
        } else {
            "ahead of"
        };
        Finding::warning(
            "clock",
            format!(
                "this machine's clock is {seconds} s {side} the portal's, so times in logs are misleading: \
                 synchronize it by NTP"
            ),
        )
    })
}
