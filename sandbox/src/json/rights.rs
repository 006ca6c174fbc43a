//! The `security` member of files and folders: which rights the service account has.

use serde_json::{Map, Value};

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

/// The rights that are missing if a file is read-only.
const MISSING_FILE_RIGHTS: [&str; 5] = ["Copy", "Move", "Duplicate", "Download", "EditHistory"];

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

/// The rights that are missing if a folder is read-only.
const MISSING_FOLDER_RIGHTS: [&str; 3] = ["Create", "CopyTo", "MoveTo"];

/// The rights to a file.
pub(super) fn of_file(read_only: bool) -> Value {
    let missing = if read_only {
        &MISSING_FILE_RIGHTS[..]
    } else {
        &[]
    };
    rights(&FILE_RIGHTS, &NO_FILE_RIGHTS, missing)
}

/// The rights to a folder.
pub(super) fn of_folder(read_only: bool) -> Value {
    let missing = if read_only {
        &MISSING_FOLDER_RIGHTS[..]
    } else {
        &[]
    };
    rights(&FOLDER_RIGHTS, &NO_FOLDER_RIGHTS, missing)
}

fn rights(granted: &[&str], never_granted: &[&str], missing: &[&str]) -> Value {
    let granted = granted
        .iter()
        .map(|right| (*right, !missing.contains(right)));
    let never_granted = never_granted.iter().map(|right| (*right, false));
    let rights: Map<String, Value> = granted
        .chain(never_granted)
        .map(|(right, held)| (right.to_owned(), held.into()))
        .collect();
    rights.into()
}
