//! Addresses at which a person opens files, folders and accounts in a browser (docs/DOCSPACE.md A13).

use crate::ids::FileId;

use super::path;

/// The address of a folder or room of the portal at `host`.
pub fn folder_address(host: &str, folder: &str) -> String {
    format!(
        "{host}/rooms/shared/filter?folder={}",
        path::segment(folder)
    )
}

/// The address of the account with this email address, in the list of people of the portal at `host`.
pub fn person_address(host: &str, email: &str) -> String {
    format!(
        "{host}/accounts/people/filter?search={}",
        path::segment(email)
    )
}

/// The address of a file of the portal at `host`, in the editor.
pub fn editor_address(host: &str, file: &FileId) -> String {
    format!("{host}/doceditor?fileid={}", path::segment(file.as_str()))
}
