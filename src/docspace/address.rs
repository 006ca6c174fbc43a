//! Addresses at which a person opens files and folders in a browser (docs/DOCSPACE.md A13).

use crate::ids::FileId;

use super::path;

/// The address of a folder or room of the portal at `host`.
pub fn folder_address(host: &str, folder: &str) -> String {
    format!(
        "{host}/rooms/shared/filter?folder={}",
        path::segment(folder)
    )
}

/// The address of a file of the portal at `host`, in the editor.
pub fn editor_address(host: &str, file: &FileId) -> String {
    format!("{host}/doceditor?fileid={}", path::segment(file.as_str()))
}
