//! The rooms and folders that rules watch: whether they are of the expected kind, and whether the key may take
//! files out of them.
//!
//! Reading is not copying: an administrator who is not a member of a room receives its events but may not copy
//! its files (docs/DOCSPACE.md 1.9). The rights of a file are certain. If there is no file, membership and access
//! level of the room must do.

use crate::docspace::{Client, FolderInfo};
use crate::ids::FolderId;
use crate::rules::{FileRight, Rule};
use crate::wire::{AccessLevel, RoomType};

use super::deployment::Deployment;
use super::folders::unreadable;
use crate::finding::Finding;

/// A watched room or folder and what rules do with its files.
struct WatchedFolder<'a> {
    folder: &'a FolderId,
    /// Whether a rule calls it a room.
    as_room: bool,
    rules: Vec<&'a str>,
    copies: bool,
    moves: bool,
}

impl WatchedFolder<'_> {
    fn rule_names(&self) -> String {
        match &self.rules[..] {
            [rule] => format!("the rule {rule}"),
            rules => format!("the rules {}", rules.join(" and ")),
        }
    }
}

/// Whether files of a folder may be copied and moved; `None` if the portal does not say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SourceRights {
    copy: Option<bool>,
    r#move: Option<bool>,
}

pub(super) async fn check(deployment: &Deployment, portal: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources(deployment.rules()) {
        let kind = if source.as_room { "room" } else { "folder" };
        let subject = format!("{kind} {}", source.folder);
        match portal.files().folder(source.folder).await {
            Ok(folder) => {
                findings.push(check_kind(&subject, &source, &folder));
                if !folder.is_section() {
                    let rights = rights(portal, &folder).await;
                    findings.extend(check_rights(&subject, &source, &folder, rights));
                }
            }
            Err(error) => findings.push(unreadable(subject, &error)),
        }
    }
    findings
}

fn sources(rules: &[Rule]) -> Vec<WatchedFolder<'_>> {
    let mut sources: Vec<WatchedFolder<'_>> = Vec::new();
    for rule in rules {
        let needs = |right| rule.actions.iter().any(|action| action.needs(right));
        let (copies, moves) = (needs(FileRight::Copy), needs(FileRight::Move));
        for folder in rule.watched_folders() {
            let as_room = rule.watched_rooms().any(|room| room == folder);
            if let Some(source) = sources.iter_mut().find(|source| source.folder == folder) {
                source.as_room |= as_room;
                source.rules.push(&rule.name);
                source.copies |= copies;
                source.moves |= moves;
            } else {
                sources.push(WatchedFolder {
                    folder,
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

fn check_kind(subject: &str, source: &WatchedFolder<'_>, folder: &FolderInfo) -> Finding {
    let (title, rules) = (&folder.title, source.rule_names());
    if folder.is_section() {
        return Finding::warning(
            subject,
            format!(
                "is the section “{title}”, not a room, so uploads in every room match {rules}; if that is not \
                 intended, use the id of one room; otherwise make the user of the key a member of each room"
            ),
        );
    }
    match folder.room_type.map(RoomType::name) {
        Some(kind) => Finding::ok(
            subject,
            format!("is the {kind} room “{title}”, watched by {rules}"),
        ),
        None if !source.as_room => Finding::ok(
            subject,
            format!("is the folder “{title}”, watched by {rules}"),
        ),
        None => Finding::warning(
            subject,
            format!(
                "is the folder “{title}”, not a room: only uploads in it and its subfolders match"
            ),
        ),
    }
}

async fn rights(portal: &Client, folder: &FolderInfo) -> SourceRights {
    let page = portal.files().folder_page(&folder.id, 0).await;
    let files = page.map(|page| page.content.files);
    // A file that is open or locked may not be moved by anyone at the moment.
    let file = files
        .unwrap_or_default()
        .into_iter()
        .find(|file| !file.busy);
    match file {
        Some(file) if file.may_copy.is_some() || file.may_move.is_some() => SourceRights {
            copy: file.may_copy,
            r#move: file.may_move,
        },
        _ => rights_by_membership(folder),
    }
}

/// `inRoom` alone does not prove that copies are rejected: it is false for members through a group, too, but those
/// have an access level (docs/DOCSPACE.md 5.3).
/// Without a share, a user who is in the room is its owner.
fn rights_by_membership(room: &FolderInfo) -> SourceRights {
    match (room.in_room, room.access) {
        (Some(false), Some(AccessLevel::None)) => SourceRights {
            copy: Some(false),
            r#move: Some(false),
        },
        (Some(true), Some(AccessLevel::None)) => SourceRights {
            copy: Some(true),
            r#move: Some(true),
        },
        (Some(_), Some(access)) => SourceRights {
            copy: Some(true),
            r#move: Some(access == AccessLevel::RoomManager),
        },
        (Some(true), None) => SourceRights {
            copy: Some(true),
            r#move: None,
        },
        (Some(false), None) | (None, _) => SourceRights::default(),
    }
}

fn check_rights(
    subject: &str,
    source: &WatchedFolder<'_>,
    folder: &FolderInfo,
    rights: SourceRights,
) -> Option<Finding> {
    let copy = rights.copy.filter(|_| source.copies);
    let r#move = rights.r#move.filter(|_| source.moves);
    if copy == Some(false) || (r#move == Some(false) && rights.copy == Some(false)) {
        let message = if folder.in_room == Some(false) {
            "the user of the key is an administrator but not a member, so copies and moves are rejected: make \
             that user a room manager there"
        } else {
            "the user of the key may read its files, but not copy or move them: make that user a room manager \
             there"
        };
        return Some(Finding::error(subject, message));
    }
    if r#move == Some(false) {
        return Some(Finding::error(
            subject,
            "the user of the key may copy its files, but not move them: make that user a room manager there",
        ));
    }
    if (source.copies && copy.is_none()) || (source.moves && r#move.is_none()) {
        return Some(Finding::warning(
            subject,
            "the portal does not report whether the user of the key may copy or move its files: upload a file \
             and check again",
        ));
    }
    let what = match (source.copies, source.moves) {
        (true, true) => "copied and moved",
        (true, false) => "copied",
        (false, true) => "moved",
        (false, false) => return None,
    };
    Some(Finding::ok(
        subject,
        format!("its files can be {what} with this key"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_in_a_room_without_files() {
        let check = |members: &str, copy: Option<bool>, r#move: Option<bool>| {
            let room = format!(r#"{{"id": 7, "roomType": 5 {members}}}"#);
            let room: FolderInfo = serde_json::from_str(&room).unwrap();
            let expected = SourceRights { copy, r#move };
            assert_eq!(rights_by_membership(&room), expected, "{members}");
        };
        // An administrator who is not a member.
        check(
            r#", "inRoom": false, "access": 0"#,
            Some(false),
            Some(false),
        );
        // Members in person.
        check(r#", "inRoom": true, "access": 9"#, Some(true), Some(true));
        check(r#", "inRoom": true, "access": 2"#, Some(true), Some(false));
        check(r#", "inRoom": true"#, Some(true), None);
        // The owner.
        check(r#", "inRoom": true, "access": 0"#, Some(true), Some(true));
        // Members through a group.
        check(r#", "inRoom": false, "access": 9"#, Some(true), Some(true));
        check(r#", "inRoom": false, "access": 2"#, Some(true), Some(false));
        check(r#", "inRoom": false"#, None, None);
        check("", None, None);
    }
}
