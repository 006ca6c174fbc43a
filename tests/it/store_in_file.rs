//! The store of a test: a SQLite file in a folder of its own.

use std::path::{Path, PathBuf};

use docspace_courier::db::Location;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags};

/// A store that no other test has.
pub struct Store {
    path: PathBuf,
    folder: tempfile::TempDir,
}

impl Store {
    /// A file that is not there yet.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("courier.db");
        Self { path, folder }
    }

    /// The same in another place.
    pub fn at(path: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path, folder }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is, for code.
    pub fn location(&self) -> Location {
        Location::File(self.path.clone())
    }

    /// Where it is, as `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path.display())
    }

    /// A folder for what else the test leaves behind.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder when a test has failed.
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// The first column of what a question gives, asked beside the service.
    pub fn ask(&self, question: &str) -> Result<Vec<Cell>, String> {
        let ask = || -> rusqlite::Result<Vec<Cell>> {
            Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
                .prepare(question)?
                .query_map([], |row| row.get(0))?
                .collect()
        };
        ask().map_err(|error| error.to_string())
    }
}
