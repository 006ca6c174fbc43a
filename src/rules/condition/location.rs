//! Conditions on the location: in a room, directly in a folder, or anywhere below a folder.

use crate::event::EntryKind;
use crate::ids::FolderId;
use crate::rules::entry_view::{EntryView, Missing};
use crate::rules::facts::Lookup;
use crate::wire::FolderType;

use super::check::{Check, Reason};

/// In one of these rooms, at any depth.
pub(super) fn is_in_room<'a>(rooms: &'a [FolderId], view: &EntryView<'a>) -> Check<'a> {
    let named = rooms.iter().find(|room| {
        view.file().is_none() && view.entry.named_folders.contains(room)
            || view.file().is_some_and(|file| file.folder == **room)
            || view.is_folder(room)
    });
    if let Some(room) = named {
        return Check::Match(Reason::Itself(room));
    }
    match view.entry.root_kind {
        Some(FolderType::MyDocuments) => {
            Check::Mismatch(Reason::Plain("the file is in somebody's own documents"))
        }
        Some(FolderType::Trash) => Check::Mismatch(Reason::Plain("the file is in the trash")),
        _ => by_path(rooms, "room", view),
    }
}

/// Directly in one of these folders.
pub(super) fn is_directly_in<'a>(folders: &'a [FolderId], view: &EntryView<'a>) -> Check<'a> {
    match view.folder() {
        None => without_folder(view),
        Some(folder) => match folders.iter().find(|wanted| *wanted == folder) {
            Some(wanted) => Check::Match(Reason::Itself(wanted)),
            None => Check::Mismatch(Reason::Outside(folder, "folder", folders)),
        },
    }
}

/// In one of these folders, or below it.
pub(super) fn is_in_tree<'a>(folders: &'a [FolderId], view: &EntryView<'a>) -> Check<'a> {
    let here = folders
        .iter()
        .find(|wanted| view.folder() == Some(*wanted) || view.is_folder(wanted));
    match here {
        Some(wanted) => Check::Match(Reason::Itself(wanted)),
        None => by_path(folders, "folder", view),
    }
}

fn by_path<'a>(folders: &'a [FolderId], what: &'static str, view: &EntryView<'a>) -> Check<'a> {
    let Some(folder) = view.folder() else {
        return without_folder(view);
    };
    match &view.facts.path {
        Some(Lookup::Found(path)) => match folders
            .iter()
            .find(|folder_wanted| path.contains(folder_wanted))
        {
            Some(folder_wanted) => Check::Match(Reason::Inside(folder, what, folder_wanted)),
            None => Check::Mismatch(Reason::Outside(folder, what, folders)),
        },
        // The file may have been moved on before its folder was deleted.
        Some(Lookup::NotFound) if view.file().is_none() && view.entry.kind == EntryKind::File => {
            Check::Needs(Missing::File)
        }
        Some(Lookup::NotFound) => Check::Mismatch(Reason::FolderGone(folder)),
        None => Check::Needs(Missing::Path),
    }
}

/// The outcome if the delivery names no folder. Only that of a file is looked up.
pub(super) fn without_folder<'a>(view: &EntryView<'_>) -> Check<'a> {
    match view.entry.kind {
        EntryKind::File => Check::Needs(Missing::File),
        EntryKind::Folder => {
            Check::Mismatch(Reason::Plain("the event does not name the parent folder"))
        }
        EntryKind::Account => Check::Mismatch(Reason::Plain(
            "the event is about a user or group, which is in no folder",
        )),
    }
}

/// The folder, for people.
pub(super) fn folder_value(view: &EntryView<'_>) -> String {
    view.folder().map_or_else(
        || "not given".to_owned(),
        |folder| format!("folder {folder}"),
    )
}

/// The folder and those above it, for people.
pub(super) fn path_value(view: &EntryView<'_>) -> String {
    match &view.facts.path {
        Some(Lookup::Found(path)) => {
            let ids: Vec<&str> = path.iter().map(FolderId::as_str).collect();
            format!("path {}", ids.join(" / "))
        }
        _ => folder_value(view),
    }
}
