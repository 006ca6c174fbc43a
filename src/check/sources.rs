//! The rooms and folders that rules watch: whether they are what they are named as, and whether this key
//! may take files out of them.
//!
//! Reading is not copying: an administrator who is no member of a room receives its events, and is
//! refused every copy (docs/DOCSPACE.md 1.9). A file's own rights tell for certain; without a file, membership
//! and access level do.

use crate::docspace::{Client, Error, FolderInfo};
use crate::ids::FolderId;
use crate::rules::{ActionPlan, Rule};
use crate::wire::{AccessLevel, RoomType};

use super::{Deployment, Finding};

/// A room or folder, and what rules do with its files.
struct Source<'a> {
    room: &'a FolderId,
    /// A rule names it as a room.
    as_room: bool,
    rules: Vec<&'a str>,
    copies: bool,
    moves: bool,
}

impl Source<'_> {
    /// The rules in words.
    fn rules(&self) -> String {
        match &self.rules[..] {
            [rule] => format!("the {rule} rule"),
            rules => format!("the rules {}", rules.join(" and ")),
        }
    }
}

/// What the portal says of the rights over a room's files; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rights {
    copy: Option<bool>,
    r#move: Option<bool>,
}

pub(super) async fn look(deployment: &Deployment, portal: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources(&deployment.rules) {
        let what = if source.as_room { "room" } else { "folder" };
        let subject = format!("{what} {}", source.room);
        match portal.files().folder(source.room).await {
            Ok(room) => {
                findings.push(kind(&subject, &source, &room));
                if !room.is_section() {
                    let rights = rights(portal, &room).await;
                    findings.extend(may_take(&subject, &source, &room, rights));
                }
            }
            Err(error) => findings.push(unread(subject, &error)),
        }
    }
    findings
}

fn sources(rules: &[Rule]) -> Vec<Source<'_>> {
    let mut sources: Vec<Source<'_>> = Vec::new();
    for rule in rules {
        let copies = rule
            .actions
            .iter()
            .any(|action| matches!(action, ActionPlan::Copy { .. }));
        let moves = rule
            .actions
            .iter()
            .any(|action| matches!(action, ActionPlan::Move { .. }));
        for room in rule.places() {
            let as_room = rule.rooms().any(|named| named == room);
            if let Some(source) = sources.iter_mut().find(|source| source.room == room) {
                source.as_room |= as_room;
                source.rules.push(&rule.name);
                source.copies |= copies;
                source.moves |= moves;
            } else {
                sources.push(Source {
                    room,
                    as_room,
                    rules: vec![&rule.name],
                    copies,
                    moves,
                });
            }
        }
    }
    sources
}

/// What a folder that could not be read means.
pub(super) fn unread(subject: String, error: &Error) -> Finding {
    match error {
        Error::NotFound => Finding::wrong(
            subject,
            "does not exist: it is mistyped or was deleted; `rooms --folders` lists what there is",
        ),
        Error::Forbidden => Finding::wrong(
            subject,
            "may not be read: give the key's user access to the room, and the key the scope files:write",
        ),
        error => Finding::warning(
            subject,
            format!("could not be looked at: {error}; check again"),
        ),
    }
}

fn kind(subject: &str, source: &Source<'_>, room: &FolderInfo) -> Finding {
    let (title, rules) = (&room.title, source.rules());
    if room.is_section() {
        return Finding::warning(
            subject,
            format!(
                "is the section “{title}”, not a room: every room's uploads count for {rules}; \
                 name one room if that is not meant, and make the key's user a member of each"
            ),
        );
    }
    match room.room_type.map(RoomType::name) {
        Some(kind) => Finding::good(
            subject,
            format!("is the {kind} room “{title}”, watched by {rules}"),
        ),
        None if !source.as_room => Finding::good(
            subject,
            format!("is the folder “{title}”, watched by {rules}"),
        ),
        None => Finding::warning(
            subject,
            format!("is the folder “{title}”, not a room: only uploads in it and below it count"),
        ),
    }
}

async fn rights(portal: &Client, room: &FolderInfo) -> Rights {
    let files = portal
        .files()
        .folder_page(&room.id, 0)
        .await
        .map(|page| page.content.files);
    // A file that is open or locked may not be moved just now, whoever asks.
    let file = files
        .unwrap_or_default()
        .into_iter()
        .find(|file| !file.busy);
    match file {
        Some(file) if file.may_copy.is_some() || file.may_move.is_some() => Rights {
            copy: file.may_copy,
            r#move: file.may_move,
        },
        _ => by_membership(room),
    }
}

fn by_membership(room: &FolderInfo) -> Rights {
    match (room.in_room, room.access) {
        (Some(false), _) => Rights {
            copy: Some(false),
            r#move: Some(false),
        },
        (Some(true), Some(access)) if access != AccessLevel::None => Rights {
            copy: Some(true),
            r#move: Some(access.manages_room()),
        },
        (Some(true), _) => Rights {
            copy: Some(true),
            r#move: None,
        },
        (None, _) => Rights::default(),
    }
}

fn may_take(
    subject: &str,
    source: &Source<'_>,
    room: &FolderInfo,
    rights: Rights,
) -> Option<Finding> {
    let copy = rights.copy.filter(|_| source.copies);
    let r#move = rights.r#move.filter(|_| source.moves);
    if copy == Some(false) || (r#move == Some(false) && rights.copy == Some(false)) {
        let outsider = if room.in_room == Some(false) {
            "the key's user sees it as an administrator and is no member"
        } else {
            "the key's user may read its files, not take them"
        };
        return Some(Finding::wrong(
            subject,
            format!(
                "{outsider}: copies and moves are refused; make that user a room manager there"
            ),
        ));
    }
    if r#move == Some(false) {
        return Some(Finding::wrong(
            subject,
            "the key's user may copy its files and not move them: make that user a room manager there",
        ));
    }
    if (source.copies && copy.is_none()) || (source.moves && r#move.is_none()) {
        return Some(Finding::warning(
            subject,
            "the portal does not say whether the key's user may take files out of it: upload one, and \
             check again",
        ));
    }
    let what = match (source.copies, source.moves) {
        (true, true) => "copied and moved",
        (true, false) => "copied",
        (false, true) => "moved",
        (false, false) => return None,
    };
    Some(Finding::good(
        subject,
        format!("its files can be {what} with this key"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_membership_tells() {
        let check = |members: &str, copy: Option<bool>, r#move: Option<bool>| {
            let room = format!(r#"{{"id": 7, "roomType": 5 {members}}}"#);
            let room: FolderInfo = serde_json::from_str(&room).unwrap();
            assert_eq!(by_membership(&room), Rights { copy, r#move }, "{members}");
        };
        check(
            r#", "inRoom": false, "access": 0"#,
            Some(false),
            Some(false),
        );
        check(r#", "inRoom": true, "access": 9"#, Some(true), Some(true));
        check(r#", "inRoom": true, "access": 2"#, Some(true), Some(false));
        check(r#", "inRoom": true"#, Some(true), None);
        check(r#", "inRoom": true, "access": 0"#, Some(true), None);
        check("", None, None);
    }
}
