//! A text file that people edit in the browser: the env file of the set-up, and the rules file.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::private_file::{self, FileMode};
use crate::text_file;

/// The file, which may not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct EditedFile {
    path: PathBuf,
    mode: FileMode,
}

/// The content of the file at one time; `None` if there was no file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileContent(Option<String>);

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Somebody has changed or created it since it was read.
    #[error("the file has changed meanwhile")]
    Changed,
    /// The system refused.
    #[error("the file cannot be written")]
    Io(#[source] io::Error),
}

impl EditedFile {
    /// A file that only its owner can read afterwards.
    pub(crate) fn private(path: PathBuf) -> Self {
        let mode = FileMode::Private;
        Self { path, mode }
    }

    /// A file that those can read who could read it before.
    pub(crate) fn shared(path: PathBuf) -> Self {
        let mode = FileMode::Kept;
        Self { path, mode }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the file in texts.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads the file.
    pub(crate) fn read(&self) -> io::Result<FileContent> {
        match text_file::read(&self.path) {
            Ok(text) => Ok(FileContent(Some(text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileContent(None)),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, if it still has the content with this fingerprint.
    pub(crate) fn write(&self, fingerprint: &str, text: &str) -> Result<(), WriteError> {
        let current = self.read().map_err(WriteError::Io)?;
        if current.fingerprint() != fingerprint {
            return Err(WriteError::Changed);
        }
        let written = if current.exists() {
            private_file::replace(&self.path, text, self.mode)
        } else {
            private_file::create(&self.path, text)
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Changed,
            _ => WriteError::Io(error),
        })
    }
}

impl FileContent {
    pub(crate) fn exists(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// What distinguishes this content from any other.
    pub(crate) fn fingerprint(&self) -> String {
        match &self.0 {
            Some(text) => hex::encode(Sha256::digest(text.as_bytes())),
            None => "none".to_owned(),
        }
    }
}
