//! The conditions a rule can make.

use crate::docspace::FileInfo;
use crate::event::Entry;
use crate::ids::FolderId;

use super::{Check, Facts, Looked, Need};

/// `rootFolderType` of somebody's own documents (CONTRACT 2.1).
const MY_DOCUMENTS: i64 = 5;

/// `rootFolderType` of the trash (CONTRACT 2.1).
const TRASH: i64 = 3;

/// Something that must hold for a rule to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The file lies in this room at any depth, or its delivery names this folder as its parent or
    /// top-most folder.
    Room(FolderId),
    /// The title starts with this, without regard to case and white space around it.
    TitlePrefix(String),
}

impl Condition {
    /// How the condition comes out for an entry, with the value seen.
    pub(super) fn check(&self, entry: &Entry, facts: Facts<'_>) -> Check {
        match self {
            Self::Room(room) => lies_in(room, entry, facts),
            Self::TitlePrefix(prefix) => starts_with(prefix, entry, facts),
        }
    }
}

fn lies_in(room: &FolderId, entry: &Entry, facts: Facts<'_>) -> Check {
    let file = match facts.file {
        Some(Looked::Found(file)) => Some(file),
        _ => None,
    };
    if let Some(outcome) = by_named_folders(room, entry, file) {
        return outcome;
    }
    let Some(folder) = file.map(|file| &file.folder).or(entry.parent.as_ref()) else {
        return Check::Needs(Need::File(entry.id.clone()));
    };
    match facts.path {
        Some(Looked::Found(path)) if path.contains(room) => {
            Check::Holds(format!("folder {folder} lies in room {room}"))
        }
        Some(Looked::Found(_)) => Check::Fails(format!("folder {folder} lies outside room {room}")),
        // The file may have been moved on before its folder was deleted.
        Some(Looked::Gone) if file.is_none() => Check::Needs(Need::File(entry.id.clone())),
        Some(Looked::Gone) => Check::Fails(format!("folder {folder} no longer exists")),
        None => Check::Needs(Need::Path(folder.clone())),
    }
}

/// What the ids at hand already say; most uploads need no question to the portal.
fn by_named_folders(room: &FolderId, entry: &Entry, file: Option<&FileInfo>) -> Option<Check> {
    let folder_now = file.map(|file| &file.folder);
    if folder_now == Some(room) || (file.is_none() && entry.named_folders.contains(room)) {
        return Some(Check::Holds(format!("the file is in {room} itself")));
    }
    match entry.root_kind {
        Some(MY_DOCUMENTS) => Some(Check::Fails(
            "the file is in somebody's own documents".to_owned(),
        )),
        Some(TRASH) => Some(Check::Fails("the file is in the trash".to_owned())),
        _ => None,
    }
}

fn starts_with(prefix: &str, entry: &Entry, facts: Facts<'_>) -> Check {
    let title = match (facts.file, &entry.title) {
        (Some(Looked::Found(file)), _) => &file.title,
        (_, Some(title)) => title,
        _ => return Check::Needs(Need::File(entry.id.clone())),
    };
    if title
        .trim()
        .to_lowercase()
        .starts_with(&prefix.trim().to_lowercase())
    {
        Check::Holds(format!("the title starts with \u{201c}{prefix}\u{201d}"))
    } else {
        Check::Fails(format!(
            "the title does not start with \u{201c}{prefix}\u{201d}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{event, facts, file_info};
    use super::*;

    fn room() -> Condition {
        Condition::Room(FolderId::from(100))
    }

    fn needs_path(folder: i64) -> Check {
        Check::Needs(Need::Path(FolderId::from(folder)))
    }

    #[test]
    fn the_room_of_a_file() {
        let check = |members: &str, path: Option<Looked<Vec<i64>>>, expected: &str| {
            let event = event("file.uploaded", members);
            let path = path.map(|path| match path {
                Looked::Found(ids) => Looked::Found(ids.into_iter().map(FolderId::from).collect()),
                Looked::Gone => Looked::Gone,
            });
            let facts = Facts {
                path: path.as_ref(),
                ..facts(&event)
            };
            let seen = format!("{:?}", room().check(event.entry.as_ref().unwrap(), facts));
            assert!(seen.starts_with(expected), "{members}: {seen}");
        };
        check(r#""parentId": 100, "rootId": 1"#, None, "Holds");
        check(r#""parentId": 101, "folderIdDisplay": 100"#, None, "Holds");
        check(r#""parentId": 101, "rootId": 100"#, None, "Holds");
        check(r#""parentId": 101, "rootFolderId": 100"#, None, "Holds");
        check(r#""parentId": "100""#, None, "Holds");
        check(
            r#""parentId": 101, "rootId": 1"#,
            None,
            "Needs(Path(FolderId(EntryId(\"101\"))))",
        );
        check(
            r#""parentId": 101"#,
            Some(Looked::Found(vec![1, 100, 101])),
            "Holds",
        );
        check(
            r#""parentId": 101"#,
            Some(Looked::Found(vec![1, 200, 101])),
            "Fails",
        );
        check(r#""parentId": 101"#, Some(Looked::Gone), "Needs(File");
        check(r#""parentId": 101, "rootFolderType": 5"#, None, "Fails");
        check(r#""parentId": 101, "rootFolderType": 3"#, None, "Fails");
        check(r#""rootId": 1"#, None, "Needs(File");
        check(
            r#""parentId": "drive-12-|a|b", "rootId": "drive-12""#,
            None,
            "Needs(Path",
        );
    }

    #[test]
    fn the_file_as_it_is_now_counts_more_than_the_delivery() {
        let event = event("file.uploaded", r#""parentId": 100"#);
        let entry = event.entry.as_ref().unwrap();
        let moved = Looked::Found(file_info(300, "a.txt"));
        assert_eq!(
            room().check(
                entry,
                Facts {
                    file: Some(&moved),
                    ..facts(&event)
                }
            ),
            needs_path(300)
        );
    }

    #[test]
    fn title_prefixes() {
        let check = |prefix: &str, title: &str, expected: bool| {
            let title_json = serde_json::to_string(title).unwrap();
            let event = event("file.uploaded", &format!(r#""title": {title_json}"#));
            let condition = Condition::TitlePrefix(prefix.to_owned());
            let outcome = condition.check(event.entry.as_ref().unwrap(), facts(&event));
            assert_eq!(
                matches!(outcome, Check::Holds(_)),
                expected,
                "{prefix} {title}"
            );
        };
        check("invoice", "Invoice-2026.pdf", true);
        check("invoice", "  INVOICE.PDF", true);
        check(" Invoice ", "invoice", true);
        check("рахунок", "Рахунок №42.pdf", true);
        check("发票", "发票-7.pdf", true);
        check("invoice", "my invoice.pdf", false);
        check("invoice", "invoic", false);
        check("invoice", "", false);
    }
}
