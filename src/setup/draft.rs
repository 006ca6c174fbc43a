//! The draft: what was entered and is not in the env file yet.
//!
//! It is a file of its own beside the env file, with the same mode 0600, because the service may be started with the env
//! file at any time: that one must always be as a person approved it, and never half entered.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::private_file::{self, FileMode};
use crate::text_file;

use super::job::Job;

/// What was entered. It has no `Debug`, because it contains secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Draft {
    /// Values of variables; an empty one removes the variable.
    values: BTreeMap<String, String>,
    /// The public address of the service.
    pub(super) url: String,
    /// Whether the portal accepted the key when it was last checked.
    pub(super) is_connected: bool,
    copies: Option<bool>,
    moves_invoices: Option<bool>,
    /// The names of rooms and folders by their ids.
    names: BTreeMap<String, String>,
}

impl Draft {
    /// The value entered for a variable.
    pub(super) fn value(&self, variable: &str) -> Option<&str> {
        self.values.get(variable).map(String::as_str)
    }

    pub(super) fn set(&mut self, variable: &str, value: &str) {
        // A field has one line; a line break would become a line of the env file.
        let line: String = value.chars().filter(|c| !c.is_control()).collect();
        self.values
            .insert(variable.to_owned(), line.trim().to_owned());
    }

    /// Takes a secret from a form, where an empty field keeps the one that there is.
    pub(super) fn set_secret(&mut self, variable: &str, value: &str) {
        if !value.trim().is_empty() {
            self.set(variable, value);
        }
    }

    /// Forgets the values, once they are in the env file.
    pub(super) fn forget_values(&mut self) {
        self.values.clear();
        self.copies = None;
        self.moves_invoices = None;
    }

    /// Whether a job was chosen or rejected; `None` if neither.
    pub(super) fn wants(&self, job: Job) -> Option<bool> {
        match job {
            Job::Copy => self.copies,
            Job::Invoice => self.moves_invoices,
        }
    }

    pub(super) fn choose(&mut self, job: Job, is_wanted: bool) {
        match job {
            Job::Copy => self.copies = Some(is_wanted),
            Job::Invoice => self.moves_invoices = Some(is_wanted),
        }
    }

    /// The name of a room or folder, if it is known.
    pub(super) fn name_of(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    pub(super) fn set_name(&mut self, id: &str, name: &str) {
        self.names.insert(id.to_owned(), name.to_owned());
    }
}

/// The draft and its file.
pub(super) struct DraftFile {
    path: PathBuf,
    draft: Mutex<Draft>,
}

impl DraftFile {
    /// Reads the draft beside an env file, if there is one.
    pub(super) fn beside(env_file: &Path) -> io::Result<Self> {
        let mut path = env_file.to_owned().into_os_string();
        path.push(".draft");
        let path = PathBuf::from(path);
        let draft = match text_file::read(&path) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Draft::default(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            path,
            draft: Mutex::new(draft),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> Draft {
        self.lock().clone()
    }

    /// Replaces the draft and its file. Returns whether anything changed.
    pub(super) fn replace(&self, new: Draft) -> io::Result<bool> {
        let mut draft = self.lock();
        if *draft == new {
            return Ok(false);
        }
        let text = serde_json::to_string_pretty(&new)?;
        private_file::replace(&self.path, &text, FileMode::Private)?;
        *draft = new;
        Ok(true)
    }

    /// Removes the file, and forgets what was entered.
    pub(super) fn remove(&self) -> io::Result<()> {
        let mut draft = self.lock();
        *draft = Draft::default();
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
