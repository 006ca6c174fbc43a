//! The fields of a link in a request (docs/DOCSPACE.md A5.2).

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::level::AccessLevel;
use crate::room_kind::RoomKind;
use crate::storage::{Link, LinkKind};

/// The latest end of a link.
const LONGEST_VALIDITY: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// The length of a password, in characters.
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=30;

/// The longest title of a link, in characters.
const LONGEST_TITLE: usize = 255;

/// The title of a link that was created without one.
const DEFAULT_TITLE: &str = "Shared link";

/// How often an invitation may be used.
const MAX_USE_COUNT: std::ops::RangeInclusive<u32> = 1..=1000;

/// The fields of a link in a request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkBody {
    pub(super) link_id: Option<String>,
    pub(super) access: Option<Value>,
    pub(super) expiration_date: Option<String>,
    pub(super) internal: Option<bool>,
    pub(super) title: Option<String>,
    pub(super) link_type: Option<u8>,
    pub(super) password: Option<String>,
    pub(super) deny_download: Option<bool>,
    pub(super) max_use_count: Option<u32>,
    pub(super) primary: Option<bool>,
}

/// The link that a request describes, or the field that is wrong.
pub(super) fn link(
    id: String,
    kind: LinkKind,
    room_kind: Option<RoomKind>,
    body: LinkBody,
    now: Timestamp,
) -> Result<Link, (&'static str, &'static str)> {
    let title = body.title.filter(|title| !title.is_empty());
    let title = title.unwrap_or_else(|| DEFAULT_TITLE.to_owned());
    if title.chars().count() > LONGEST_TITLE {
        return Err((
            "Title",
            "The field Title must be a string with a maximum length of 255.",
        ));
    }
    let password = body.password.filter(|password| !password.is_empty());
    let is_valid = |password: &String| PASSWORD_LENGTH.contains(&password.chars().count());
    if password
        .as_ref()
        .is_some_and(|password| !is_valid(password))
    {
        return Err(("Password", "The password does not satisfy the policy"));
    }
    if body
        .max_use_count
        .is_some_and(|count| !MAX_USE_COUNT.contains(&count))
    {
        return Err((
            "MaxUseCount",
            "The field MaxUseCount must be between 1 and 1000.",
        ));
    }
    let expires = expiration(body.expiration_date.as_deref(), kind, now)?;
    let is_public = room_kind == Some(RoomKind::Public);
    Ok(Link {
        id,
        kind,
        title,
        level: AccessLevel::requested(body.access.as_ref()),
        expires: expires.filter(|_| !(is_public && kind == LinkKind::Primary)),
        password,
        internal: body.internal.unwrap_or(false) && !is_public,
        deny_download: body.deny_download.unwrap_or(false),
    })
}

/// When a link ends. An external link whose date has passed or cannot be read is valid for ever, without an error.
fn expiration(
    given: Option<&str>,
    kind: LinkKind,
    now: Timestamp,
) -> Result<Option<Timestamp>, (&'static str, &'static str)> {
    const FIELD: &str = "ExpirationDate";
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let time = given.parse::<Timestamp>().ok().filter(|time| *time > now);
    match time {
        Some(time) if time.duration_since(now) > LONGEST_VALIDITY => {
            Err((FIELD, "The expiration date is too late"))
        }
        None if !kind.is_external() => Err((FIELD, "The expiration date is not valid")),
        time => Ok(time),
    }
}
