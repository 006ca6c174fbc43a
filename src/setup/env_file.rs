//! The env file that the set-up reads and writes.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::text_file;

use super::private_file;

/// The file, which may not exist yet.
#[derive(Debug)]
pub(super) struct EnvFile(PathBuf);

/// The content of the file at one time; `None` if there was no file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct EnvFileContent(Option<String>);

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Somebody has changed or created it since it was read.
    #[error("the file has changed meanwhile")]
    Changed,
    /// The system refused.
    #[error("the file cannot be written")]
    Io(#[source] io::Error),
}

impl EnvFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The name of the file in texts.
    pub(super) fn name(&self) -> String {
        self.0.display().to_string()
    }

    /// Reads the file.
    pub(super) fn read(&self) -> io::Result<EnvFileContent> {
        match text_file::read(&self.0) {
            Ok(text) => Ok(EnvFileContent(Some(text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(EnvFileContent(None)),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, if it still has the content with this fingerprint.
    pub(super) fn write(&self, fingerprint: &str, text: &str) -> Result<(), WriteError> {
        let current = self.read().map_err(WriteError::Io)?;
        if current.fingerprint() != fingerprint {
            return Err(WriteError::Changed);
        }
        let written = if current.exists() {
            private_file::replace(&self.0, text)
        } else {
            private_file::create(&self.0, text)
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Changed,
            _ => WriteError::Io(error),
        })
    }
}

impl EnvFileContent {
    pub(super) fn exists(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// What distinguishes this content from any other.
    pub(super) fn fingerprint(&self) -> String {
        match &self.0 {
            Some(text) => hex::encode(Sha256::digest(text.as_bytes())),
            None => "none".to_owned(),
        }
    }
}
