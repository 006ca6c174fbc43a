//! Where a file lies: in a room, directly in a folder, in a folder's tree.

use crate::event::EntryKind;
use crate::ids::FolderId;
use crate::rules::Lookup;
use crate::rules::entry_view::{EntryView, Missing};
use crate::wire::FolderType;

use super::{Check, Why};

/// In one of these rooms, at any depth.
pub(super) fn lies_in_room<'a>(rooms: &'a [FolderId], seen: &EntryView<'a>) -> Check<'a> {
    let named = rooms.iter().find(|room| {
        seen.file().is_none() && seen.entry.named_folders.contains(room)
            || seen.file().is_some_and(|file| file.folder == **room)
            || seen.is_folder(room)
    });
    if let Some(room) = named {
        return Check::Holds(Why::Itself(room));
    }
    match seen.entry.root_kind {
        Some(FolderType::MyDocuments) => {
            Check::Fails(Why::Plain("the file is in somebody's own documents"))
        }
        Some(FolderType::Trash) => Check::Fails(Why::Plain("the file is in the trash")),
        _ => by_path(rooms, "room", seen),
    }
}

/// Directly in one of these folders.
pub(super) fn lies_directly_in<'a>(folders: &'a [FolderId], seen: &EntryView<'a>) -> Check<'a> {
    match seen.folder() {
        None => Check::Needs(Missing::File),
        Some(folder) => match folders.iter().find(|wanted| *wanted == folder) {
            Some(wanted) => Check::Holds(Why::Itself(wanted)),
            None => Check::Fails(Why::Outside(folder, "folder", folders)),
        },
    }
}

/// In one of these folders, or below it.
pub(super) fn lies_below<'a>(folders: &'a [FolderId], seen: &EntryView<'a>) -> Check<'a> {
    let here = folders
        .iter()
        .find(|wanted| seen.folder() == Some(*wanted) || seen.is_folder(wanted));
    match here {
        Some(wanted) => Check::Holds(Why::Itself(wanted)),
        None => by_path(folders, "folder", seen),
    }
}

fn by_path<'a>(places: &'a [FolderId], what: &'static str, seen: &EntryView<'a>) -> Check<'a> {
    let Some(folder) = seen.folder() else {
        return match seen.entry.kind {
            EntryKind::File => Check::Needs(Missing::File),
            EntryKind::Folder => Check::Fails(Why::Plain("nobody told where the folder lies")),
        };
    };
    match seen.facts.path {
        Some(Lookup::Found(path)) => match places.iter().find(|place| path.contains(place)) {
            Some(place) => Check::Holds(Why::Inside(folder, what, place)),
            None => Check::Fails(Why::Outside(folder, what, places)),
        },
        // The file may have been moved on before its folder was deleted.
        Some(Lookup::NotFound) if seen.file().is_none() && seen.entry.kind == EntryKind::File => {
            Check::Needs(Missing::File)
        }
        Some(Lookup::NotFound) => Check::Fails(Why::Gone(folder)),
        None => Check::Needs(Missing::Path),
    }
}

/// The folder, for people.
pub(super) fn folder_value(seen: &EntryView<'_>) -> String {
    seen.folder().map_or_else(
        || "not told".to_owned(),
        |folder| format!("folder {folder}"),
    )
}

/// The folder and those above it, for people.
pub(super) fn path_value(seen: &EntryView<'_>) -> String {
    match seen.facts.path {
        Some(Lookup::Found(path)) => {
            let ids: Vec<&str> = path.iter().map(FolderId::as_str).collect();
            format!("path {}", ids.join(" / "))
        }
        _ => folder_value(seen),
    }
}
