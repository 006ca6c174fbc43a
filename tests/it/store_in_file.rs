//! The store of a test: a SQLite file in its own folder.

use std::path::{Path, PathBuf};

use docspace_courier::db::Location;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags};

/// How many services can use the store at the same time.
pub const INSTANCES: usize = 1;

/// A store that no other test uses.
pub struct Store {
    path: PathBuf,
    folder: tempfile::TempDir,
}

impl Store {
    /// A file that does not exist yet.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("courier.db");
        Self { path, folder }
    }

    /// A store in this file.
    pub fn at(path: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path, folder }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The location of the store.
    pub fn location(&self) -> Location {
        Location::File(self.path.clone())
    }

    /// The location as the value of `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path.display())
    }

    /// A folder for other files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder when a test has failed.
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// The first column of a query's result, from a connection of the test.
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
