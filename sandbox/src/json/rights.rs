//! The `security` member of files and folders: which rights the service account has.

use serde_json::{Map, Value};

use crate::storage::{File, Folder, Storage};

/// The rights of a room manager to a file, and those that no user has to an ordinary file.
const FILE_RIGHTS: [&str; 17] = [
    "Read",
    "Comment",
    "Review",
    "Edit",
    "Delete",
    "CustomFilter",
    "Rename",
    "ReadHistory",
    "Lock",
    "EditHistory",
    "Copy",
    "Move",
    "Duplicate",
    "Download",
    "Convert",
    "CopyLink",
    "AskAi",
];
const NO_FILE_RIGHTS: [&str; 10] = [
    "FillForms",
    "SubmitToFormGallery",
    "CreateRoomFrom",
    "Embed",
    "StartFilling",
    "FillingStatus",
    "ResetFilling",
    "StopFilling",
    "OpenForm",
    "Vectorization",
];

/// The rights to a file that depend on the right to copy it, to rename, move and delete it, and to change its content.
const COPY_RIGHTS: [&str; 4] = ["Copy", "Duplicate", "Download", "Convert"];
const MOVE_RIGHTS: [&str; 2] = ["Delete", "Move"];
const MANAGE_RIGHTS: [&str; 3] = ["Rename", "Lock", "CopyLink"];
const EDIT_RIGHTS: [&str; 5] = ["Comment", "Review", "Edit", "CustomFilter", "EditHistory"];

/// The rights of a room manager to a folder, and those that the sandbox never grants.
const FOLDER_RIGHTS: [&str; 17] = [
    "Read",
    "Create",
    "Delete",
    "EditRoom",
    "Rename",
    "CopyTo",
    "MoveTo",
    "Copy",
    "Move",
    "Pin",
    "Mute",
    "EditAccess",
    "Duplicate",
    "Download",
    "CopySharedLink",
    "CopyLink",
    "ChangeOwner",
];
const NO_FOLDER_RIGHTS: [&str; 5] = [
    "Reconnect",
    "CreateRoomFrom",
    "Embed",
    "IndexExport",
    "UseChat",
];

/// The rights to a folder that depend on the right to put something into it, and to change it.
const CREATE_RIGHTS: [&str; 3] = ["Create", "CopyTo", "MoveTo"];
const FOLDER_MANAGE_RIGHTS: [&str; 4] = ["EditRoom", "Rename", "EditAccess", "ChangeOwner"];

/// The rights to a file.
pub(super) fn of_file(storage: &Storage, file: &File) -> Value {
    let missing = [
        (storage.may_copy(file), &COPY_RIGHTS[..]),
        (storage.may_move(file), &MOVE_RIGHTS[..]),
        (storage.may_manage_file(file), &MANAGE_RIGHTS[..]),
        (storage.may_edit(file), &EDIT_RIGHTS[..]),
    ];
    rights(&FILE_RIGHTS, &NO_FILE_RIGHTS, &missing)
}

/// The rights to a folder.
pub(super) fn of_folder(storage: &Storage, folder: &Folder) -> Value {
    let manages = if folder.is_room() {
        storage.may_manage_room(folder)
    } else {
        storage.may_manage_folder(folder)
    };
    let missing = [
        (storage.may_create_in(folder), &CREATE_RIGHTS[..]),
        (manages, &FOLDER_MANAGE_RIGHTS[..]),
    ];
    rights(&FOLDER_RIGHTS, &NO_FOLDER_RIGHTS, &missing)
}

/// A map of the rights. Those of a condition that does not hold are missing.
fn rights(granted: &[&str], never_granted: &[&str], conditions: &[(bool, &[&str])]) -> Value {
    let is_held = |right: &&str| {
        let mut conditions = conditions.iter();
        conditions.all(|(holds, rights)| *holds || !rights.contains(right))
    };
    let granted = granted.iter().map(|right| (*right, is_held(right)));
    let never_granted = never_granted.iter().map(|right| (*right, false));
    let rights: Map<String, Value> = granted
        .chain(never_granted)
        .map(|(right, held)| (right.to_owned(), held.into()))
        .collect();
    rights.into()
}
