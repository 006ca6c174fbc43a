//! The rooms and folders that rules watch: whether they are of the expected kind, and whether the key may do with their
//! files what the rules do.
//!
//! Reading is not copying: an administrator who is not a member of a room receives its events but may not copy
//! its files (docs/DOCSPACE.md 1.9). The rights of a file are certain. If there is no file, membership and access
//! level of the room must do.

use crate::docspace::{Client, FileInfo, FolderInfo};
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
    needs: Vec<FileRight>,
}

impl WatchedFolder<'_> {
    fn needs(&self, right: FileRight) -> bool {
        self.needs.contains(&right)
    }

    fn rule_names(&self) -> String {
        match &self.rules[..] {
            [rule] => format!("the rule {rule}"),
            [rules @ .., last] => format!("the rules {} and {last}", rules.join(", ")),
            [] => "no rule".to_owned(),
        }
    }
}

/// What may be done with the files of a folder; `None` for a right that the portal does not report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SourceRights {
    copy: Option<bool>,
    r#move: Option<bool>,
    comment: Option<bool>,
    rename: Option<bool>,
    lock: Option<bool>,
    delete: Option<bool>,
    link: Option<bool>,
    create: Option<bool>,
    share: Option<bool>,
    tag: Option<bool>,
    archive: Option<bool>,
}

/// The rights beside those to copy and move, each with what the key may do, its user may not do, and who may.
const OTHER_RIGHTS: [(FileRight, [&str; 3]); 10] = [
    (
        FileRight::Comment,
        [
            "its files can be commented on",
            "comment on its files",
            "a room manager or content creator there",
        ],
    ),
    (
        FileRight::Rename,
        [
            "its files can be renamed",
            "rename its files",
            "a room manager there",
        ],
    ),
    (
        FileRight::Lock,
        [
            "its files can be locked",
            "lock its files",
            "a room manager there",
        ],
    ),
    (
        FileRight::Delete,
        [
            "its files can be deleted",
            "delete its files",
            "a room manager there",
        ],
    ),
    (
        FileRight::Link,
        [
            "links to its files can be made",
            "make links to its files",
            "a room manager there",
        ],
    ),
    (
        FileRight::CreateFolder,
        [
            "folders can be created in it",
            "create folders in it",
            "a room manager or content creator there",
        ],
    ),
    (
        FileRight::CreateFile,
        [
            "files can be created in it",
            "create files in it",
            "a room manager or content creator there",
        ],
    ),
    (
        FileRight::Share,
        ["it can be shared", "share it", "a room manager there"],
    ),
    (
        FileRight::Tag,
        ["it can be tagged", "tag it", "a room manager there"],
    ),
    (
        FileRight::Archive,
        [
            "it can be archived",
            "archive it",
            "its owner or an administrator of the portal",
        ],
    ),
];

impl SourceRights {
    fn of_file(file: &FileInfo) -> Self {
        Self {
            copy: file.may_copy,
            r#move: file.may_move,
            comment: file.may_comment,
            rename: file.may_rename,
            lock: file.may_lock,
            delete: file.may_delete,
            link: file.may_share,
            ..Self::default()
        }
    }

    /// The rights to the room itself. An administrator may tag and archive every room, its owner may do both, too
    /// (docs/DOCSPACE.md A1.6).
    fn with_room(self, room: &FolderInfo, is_administrator: bool) -> Self {
        let edit = room.security.and_then(|rights| rights.edit_room);
        let is_owner = room
            .access
            .map(|access| access == AccessLevel::None && room.in_room == Some(true));
        let may = |right: Option<bool>| if is_administrator { Some(true) } else { right };
        Self {
            tag: may(edit),
            archive: may(is_owner),
            ..self
        }
    }

    fn get(self, right: FileRight) -> Option<bool> {
        match right {
            FileRight::Copy => self.copy,
            FileRight::Move => self.r#move,
            FileRight::Comment => self.comment,
            FileRight::Rename => self.rename,
            FileRight::Lock => self.lock,
            FileRight::Delete => self.delete,
            FileRight::Link => self.link,
            FileRight::CreateFolder | FileRight::CreateFile => self.create,
            FileRight::Share => self.share,
            FileRight::Tag => self.tag,
            FileRight::Archive => self.archive,
        }
    }
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
                    let mut rights = rights(portal, &folder).await;
                    rights.create = folder.may_create_in();
                    rights.share = folder.security.and_then(|rights| rights.edit_access);
                    if source.needs(FileRight::Tag) || source.needs(FileRight::Archive) {
                        let user = portal.account().current_user().await;
                        let is_administrator =
                            user.is_ok_and(|user| user.is_owner || user.is_admin);
                        rights = rights.with_room(&folder, is_administrator);
                    }
                    findings.extend(check_rights(&subject, &source, &folder, rights));
                    findings.extend(check_other_rights(&subject, &source, rights));
                }
            }
            Err(error) => {
                let users = deployment.users_of(source.folder);
                findings.push(unreadable(subject, &users, &error));
            }
        }
    }
    findings
}

fn sources(rules: &[Rule]) -> Vec<WatchedFolder<'_>> {
    let mut sources: Vec<WatchedFolder<'_>> = Vec::new();
    for rule in rules {
        let moves = rule
            .actions
            .iter()
            .position(|action| action.properties.moves_file());
        // After a move, the file is in the destination.
        let here = moves.map_or(rule.actions.len(), |last| last + 1);
        let needs = rule.actions[..here]
            .iter()
            .filter_map(|action| action.properties.needs);
        for folder in rule.watched_folders() {
            let as_room = rule.watched_rooms().any(|room| room == folder);
            if let Some(source) = sources.iter_mut().find(|source| source.folder == folder) {
                source.as_room |= as_room;
                source.rules.push(&rule.name);
                source.needs.extend(needs.clone());
            } else {
                sources.push(WatchedFolder {
                    folder,
                    as_room,
                    rules: vec![&rule.name],
                    needs: needs.clone().collect(),
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
        Some(file) if file.may_copy.is_some() || file.may_move.is_some() => {
            SourceRights::of_file(&file)
        }
        _ => rights_by_membership(folder),
    }
}

/// `inRoom` alone does not prove that copies are rejected: it is false for members through a group, too, but those
/// have an access level (docs/DOCSPACE.md 5.3).
/// Without a share, a user who is in the room is its owner.
fn rights_by_membership(room: &FolderInfo) -> SourceRights {
    let all = |may: bool| [Some(may); 3];
    let [copy, manage, comment] = match (room.in_room, room.access) {
        (Some(is_owner), Some(AccessLevel::None)) => all(is_owner),
        (Some(_), Some(access)) => {
            let is_manager = access == AccessLevel::RoomManager;
            let comments = is_manager || access == AccessLevel::ContentCreator;
            [Some(true), Some(is_manager), Some(comments)]
        }
        (Some(true), None) => [Some(true), None, None],
        (Some(false), None) | (None, _) => [None; 3],
    };
    SourceRights {
        copy,
        r#move: manage,
        comment,
        rename: manage,
        lock: manage,
        delete: manage,
        link: manage,
        ..SourceRights::default()
    }
}

fn check_rights(
    subject: &str,
    source: &WatchedFolder<'_>,
    folder: &FolderInfo,
    rights: SourceRights,
) -> Option<Finding> {
    let (copies, moves) = (source.needs(FileRight::Copy), source.needs(FileRight::Move));
    let copy = rights.copy.filter(|_| copies);
    let r#move = rights.r#move.filter(|_| moves);
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
    if (copies && copy.is_none()) || (moves && r#move.is_none()) {
        return Some(Finding::warning(
            subject,
            "the portal does not report whether the user of the key may copy or move its files: upload a file \
             and check again",
        ));
    }
    let what = match (copies, moves) {
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

/// Whether the key may do what else a rule does.
fn check_other_rights(
    subject: &str,
    source: &WatchedFolder<'_>,
    rights: SourceRights,
) -> Vec<Finding> {
    let needed = OTHER_RIGHTS
        .iter()
        .filter(|(right, _)| source.needs(*right));
    let findings = needed.map(|(right, [can, verb, roles])| match rights.get(*right) {
        Some(true) => Finding::ok(subject, format!("{can} with this key")),
        Some(false) => Finding::error(
            subject,
            format!("the user of the key may not {verb}: make that user {roles}"),
        ),
        None => Finding::warning(
            subject,
            format!(
                "the portal does not report whether the user of the key may {verb}: upload a file and check again"
            ),
        ),
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_in_a_room_without_files() {
        let check = |members: &str, [copy, r#move, comment]: [Option<bool>; 3]| {
            let room = format!(r#"{{"id": 7, "roomType": 5 {members}}}"#);
            let room: FolderInfo = serde_json::from_str(&room).unwrap();
            let expected = SourceRights {
                copy,
                r#move,
                comment,
                rename: r#move,
                lock: r#move,
                delete: r#move,
                link: r#move,
                ..SourceRights::default()
            };
            assert_eq!(rights_by_membership(&room), expected, "{members}");
        };
        let (may, may_not) = (Some(true), Some(false));
        // An administrator who is not a member.
        check(
            r#", "inRoom": false, "access": 0"#,
            [may_not, may_not, may_not],
        );
        // Members in person.
        check(r#", "inRoom": true, "access": 9"#, [may, may, may]);
        check(r#", "inRoom": true, "access": 11"#, [may, may_not, may]);
        check(r#", "inRoom": true, "access": 2"#, [may, may_not, may_not]);
        check(r#", "inRoom": true"#, [may, None, None]);
        // The owner.
        check(r#", "inRoom": true, "access": 0"#, [may, may, may]);
        // Members through a group.
        check(r#", "inRoom": false, "access": 9"#, [may, may, may]);
        check(r#", "inRoom": false, "access": 2"#, [may, may_not, may_not]);
        check(r#", "inRoom": false"#, [None; 3]);
        check("", [None; 3]);
    }
}
