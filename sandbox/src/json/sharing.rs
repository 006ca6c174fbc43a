//! Members and links of rooms and files (docs/DOCSPACE.md A5).

use serde_json::{Value, json};

use super::{Renderer, date};
use crate::level::AccessLevel;
use crate::storage::{Link, LinkKind, Subject};
use crate::user::User;

/// DocSpace's numbers for the kinds of subjects.
const USER: u8 = 0;
const EXTERNAL_LINK: u8 = 1;
const GROUP: u8 = 2;
const INVITATION_LINK: u8 = 3;
const PRIMARY_LINK: u8 = 4;

impl Renderer<'_> {
    /// A member of a room; `None` for an account or group that does not exist.
    pub(crate) fn member(&self, subject: &Subject, level: AccessLevel) -> Option<Value> {
        let people = &self.storage.people;
        let (subject_type, key, shared_to) = match subject {
            Subject::Person(id) => (USER, "sharedToUser", self.person(people.person(id)?)),
            Subject::Group(id) => (
                GROUP,
                "sharedToGroup",
                self.group_summary(people.group(id)?),
            ),
        };
        let is_owner = level == AccessLevel::Full;
        let is_self = shared_to["id"] == User::Service.id();
        let mut member = share(level, subject_type, is_owner, !is_owner && !is_self);
        member["sharedTo"] = shared_to.clone();
        member[key] = shared_to;
        Some(member)
    }

    /// A link to a room or file.
    pub(crate) fn link(&self, link: &Link) -> Value {
        let (subject_type, link_type) = match link.kind {
            LinkKind::Invitation { .. } => (INVITATION_LINK, 0),
            LinkKind::Primary => (PRIMARY_LINK, 1),
            LinkKind::Additional => (EXTERNAL_LINK, 1),
        };
        let short: String = link.id.chars().filter(|one| *one != '-').take(7).collect();
        let mut shown = json!({
            "id": link.id,
            "title": link.title,
            "shareLink": format!("{}/s/{short}", self.base_url),
            "linkType": link_type,
            "denyDownload": link.deny_download,
            "isExpired": false,
            "primary": link.kind == LinkKind::Primary,
            "internal": link.internal,
        });
        if let Some(expires) = link.expires {
            shown["expirationDate"] = date(expires).into();
        }
        if let Some(password) = &link.password {
            shown["password"] = password.as_str().into();
        }
        match link.kind {
            LinkKind::Invitation { max_use_count } => {
                shown["currentUseCount"] = 0.into();
                if let Some(count) = max_use_count {
                    shown["maxUseCount"] = count.into();
                }
            }
            LinkKind::Primary | LinkKind::Additional => {
                shown["requestToken"] = format!("{short}token").into();
            }
        }
        let mut object = share(link.level, subject_type, false, true);
        for right in [
            "canEditInternal",
            "canEditDenyDownload",
            "canEditExpirationDate",
        ] {
            object[right] = link.kind.is_external().into();
        }
        object["sharedTo"] = shown.clone();
        object["sharedLink"] = shown;
        object
    }
}

/// What members and links have in common.
fn share(level: AccessLevel, subject_type: u8, is_owner: bool, can_edit_access: bool) -> Value {
    json!({
        "access": level.number(),
        "isLocked": false,
        "isOwner": is_owner,
        "canEditAccess": can_edit_access,
        "canEditInternal": false,
        "canEditDenyDownload": false,
        "canEditExpirationDate": false,
        "canRevoke": false,
        "subjectType": subject_type,
    })
}
