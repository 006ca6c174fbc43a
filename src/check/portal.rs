//! The portal: whether it answers, whether it takes the key, what the key may do, and its clock.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::docspace::{Client, Error, KeyInfo};

use super::{Deployment, Finding};

const HOST: &str = "DOCSPACE_API_HOST";
const KEY: &str = "DOCSPACE_API_KEY";

/// A difference of the clocks that deserves a word.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// How long before its end a key deserves a word.
const KEY_ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A right the key needs: the scopes of which one is enough (docs/DOCSPACE.md 6), and what fails without.
struct Right {
    scopes: [&'static str; 4],
    without: &'static str,
    vital: bool,
}

const RIGHTS: [Right; 4] = [
    Right {
        scopes: ["files:write", "*:write", "", ""],
        without: "lacks the scope files:write: no file can be copied or moved; make a key that has it",
        vital: true,
    },
    Right {
        scopes: ["rooms:read", "rooms:write", "*:read", "*:write"],
        without: "lacks the scope rooms:read: `rooms` cannot list the rooms",
        vital: false,
    },
    Right {
        scopes: [
            "accounts.self:read",
            "accounts.self:write",
            "*:read",
            "*:write",
        ],
        without: "lacks the scope accounts.self:read: a refused key is told apart from a refused file less surely",
        vital: false,
    },
    Right {
        scopes: ["*:read", "*:write", "", ""],
        without: "lacks the scope *:read: deliveries that never arrived cannot be fetched, and the webhook \
                  cannot be looked at; a key with it is better",
        vital: false,
    },
];

/// What was found about the portal.
pub(super) struct Portal {
    pub(super) findings: Vec<Finding>,
    /// The portal, if further questions make sense.
    pub(super) usable: Option<Arc<Client>>,
}

pub(super) async fn look(deployment: &Deployment) -> Portal {
    let Some(client) = &deployment.portal else {
        return Portal {
            findings: vec![not_asked()],
            usable: None,
        };
    };
    let (mut findings, usable) = reach(client).await;
    if usable {
        findings.extend(key(client, deployment).await);
    } else {
        findings.push(not_asked());
    }
    findings.extend(clock(client));
    Portal {
        findings,
        usable: usable.then(|| Arc::clone(client)),
    }
}

fn not_asked() -> Finding {
    Finding::warning(
        "rooms, folders, webhook",
        "were not looked at, because the portal could not be asked",
    )
}

/// Asks who we are: that needs the portal, and a valid key.
async fn reach(client: &Client) -> (Vec<Finding>, bool) {
    let host = client.host();
    let answers = || Finding::good(HOST, format!("{host} answers"));
    match client.account().current_user().await {
        Ok(person) => {
            let name = person.display_name;
            let acts = Finding::good(KEY, format!("is valid, and acts as {name}"));
            (vec![answers(), acts], true)
        }
        Err(Error::Forbidden) => (vec![answers(), Finding::good(KEY, "is valid")], true),
        Err(Error::KeyRefused) => (
            vec![
                answers(),
                Finding::wrong(
                    KEY,
                    "is refused: it is mistyped, switched off or expired, or its user is disabled; \
                     make a new one under Developer Tools → API keys",
                ),
            ],
            false,
        ),
        Err(error) => (vec![Finding::wrong(HOST, unreached(host, &error))], false),
    }
}

fn unreached(host: &str, error: &Error) -> String {
    match error {
        Error::NotFound => format!("{host} knows no such portal: it is mistyped or suspended"),
        Error::RateLimited { .. } => {
            format!("{host} answers that its rate limit is reached; check again later")
        }
        Error::Unreadable { .. } | Error::Refused { .. } => {
            format!(
                "{host} answers, but not as a DocSpace portal does; is it the portal's address?"
            )
        }
        Error::Unreachable { source, .. } => format!(
            "{host} does not answer ({}): check the address, the network and the certificate",
            innermost(source)
        ),
        error => format!("{host}: {error}; check again when the portal is well"),
    }
}

/// The last of the causes, which is the one that tells.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

async fn key(client: &Client, deployment: &Deployment) -> Vec<Finding> {
    match client.account().key().await {
        Ok(key) => {
            let mut findings = scopes(&key);
            findings.extend(expiry(&key, deployment));
            findings
        }
        Err(Error::NotFound | Error::Forbidden | Error::KeyRefused) => vec![Finding::warning(
            KEY,
            "is no API key but a login token, which ends some day; an API key does not surprise you",
        )],
        Err(error) => vec![Finding::warning(
            KEY,
            format!("its scopes could not be read: {error}"),
        )],
    }
}

fn scopes(key: &KeyInfo) -> Vec<Finding> {
    if key.permissions.is_empty() {
        return vec![Finding::good(KEY, "may do everything its user may")];
    }
    let lacking: Vec<Finding> = RIGHTS
        .iter()
        .filter(|right| {
            let mut granted = key.permissions.iter();
            !granted.any(|scope| right.scopes.contains(&scope.as_str()))
        })
        .map(|right| {
            if right.vital {
                Finding::wrong(KEY, right.without)
            } else {
                Finding::warning(KEY, right.without)
            }
        })
        .collect();
    if lacking.is_empty() {
        let scopes = key.permissions.join(", ");
        return vec![Finding::good(
            KEY,
            format!("has the scopes it needs: {scopes}"),
        )];
    }
    lacking
}

fn expiry(key: &KeyInfo, deployment: &Deployment) -> Option<Finding> {
    let left = key.expires_at?.duration_since(deployment.clock.now());
    (left < KEY_ENDS_SOON).then(|| {
        let days = left.as_hours() / 24;
        Finding::warning(
            KEY,
            format!("expires in {days} days: make a new one before, or all work stops"),
        )
    })
}

fn clock(client: &Client) -> Option<Finding> {
    let ahead = client.clock_skew();
    (ahead.abs() > SKEW).then(|| {
        let seconds = ahead.abs().as_secs();
        let side = if ahead.is_positive() {
            "behind"
        } else {
            "ahead of"
        };
        Finding::warning(
            "clock",
            format!(
                "this machine's clock is {seconds} s {side} the portal's: times in logs mislead; \
                 let it be set by NTP"
            ),
        )
    })
}
