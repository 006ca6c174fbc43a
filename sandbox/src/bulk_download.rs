//! Downloads of several files and folders as one archive, or of one file, possibly in another format
//! (`FileDownloadOperation.cs` of DocSpace-server).

use bytes::Bytes;
use jiff::Timestamp;

use super::conversion::converted;
use super::ids::{FileId, FolderId};
use super::refusal::Refusal;
use super::storage::{File, Storage, split_extension};
use super::zip;

/// What to download.
#[derive(Clone, Debug)]
pub(super) struct BulkDownload {
    /// The files, each with the extension of the format it is wanted in, or an empty text.
    pub(super) files: Vec<(FileId, String)>,
    pub(super) folders: Vec<FolderId>,
}

impl BulkDownload {
    /// The check inside the request.
    pub(super) fn check(&self, storage: &Storage) -> Result<(), Refusal> {
        let is_allowed = |file: &File| storage.may_copy(file);
        for (id, _) in &self.files {
            let file = storage.file(id);
            if !file.ok_or(Refusal::LaterFileMissing).is_ok_and(is_allowed) {
                return Err(Refusal::Denied);
            }
        }
        for id in &self.folders {
            let folder = storage.folder(id).ok_or(Refusal::DestinationMissing)?;
            if !storage.may_read(&folder.id) {
                return Err(Refusal::Denied);
            }
        }
        Ok(())
    }

    /// Prepares the file or archive, and returns its name.
    pub(super) fn execute(&self, storage: &mut Storage, now: Timestamp) -> String {
        let mut entries = Vec::new();
        for (id, extension) in &self.files {
            entries.extend(storage.file(id).map(|file| converted_file(file, extension)));
        }
        let is_one_file = entries.len() == 1 && self.folders.is_empty();
        for folder in &self.folders {
            add_folder(storage, folder, "", &mut entries);
        }
        let (name, content) = match entries.pop() {
            Some(file) if is_one_file => file,
            last => {
                entries.extend(last);
                let only = self.folders.first().filter(|_| self.files.is_empty());
                let only = only.and_then(|id| storage.folder(id));
                let name = only.filter(|_| self.folders.len() == 1).map_or_else(
                    || format!("sandbox-documents-{}", now.strftime("%Y-%m-%d")),
                    |folder| folder.title.clone(),
                );
                (format!("{name}.zip"), zip::archive(&entries))
            }
        };
        storage.downloads.insert(name.clone(), content);
        name
    }
}

fn converted_file(file: &File, extension: &str) -> (String, Bytes) {
    if extension.is_empty() {
        return (file.title.clone(), file.content.clone());
    }
    let (name, _) = split_extension(&file.title);
    let content = converted(&file.content, extension);
    (format!("{name}{extension}"), content)
}

/// Adds the files in a folder and below it, with their paths.
fn add_folder(storage: &Storage, id: &FolderId, above: &str, entries: &mut Vec<(String, Bytes)>) {
    let Some(folder) = storage.folder(id) else {
        return;
    };
    let path = format!("{above}{}/", folder.title);
    for file in storage.files_in(id) {
        entries.push((format!("{path}{}", file.title), file.content.clone()));
    }
    for below in storage.folders_in(id) {
        add_folder(storage, &below.id, &path, entries);
    }
}

/// The address of a prepared file. The portal encrypts the name in it.
pub(super) fn download_url(base_url: &str, name: &str) -> String {
    let name = hex::encode(name);
    format!("{base_url}/filehandler.ashx?action=bulk&filename={name}")
}
