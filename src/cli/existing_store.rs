//! The store of commands that show or change what the service has stored.
//!
//! They need an existing one: they must not create an empty store at a mistyped path.

use anyhow::{Context as _, bail};

use crate::config::Settings;
use crate::db::{Db, Location};

/// Opens the configured store if it exists.
pub(super) fn open_existing(settings: &Settings) -> anyhow::Result<Db> {
    let location = settings.database()?;
    if !exists(&location)? {
        bail!(
            "there is no store {location}; set DATABASE_URL to the store of the service (a relative path is relative \
             to the current directory)"
        );
    }
    Db::open(&location)
}

/// Opens the configured store; `None` if it does not exist.
pub(super) fn open_if_exists(settings: &Settings) -> anyhow::Result<Option<Db>> {
    let location = settings.database()?;
    exists(&location)?.then(|| Db::open(&location)).transpose()
}

/// Whether a store exists. A database on a server does; the service creates its tables.
fn exists(location: &Location) -> anyhow::Result<bool> {
    let Some(path) = location.file() else {
        return Ok(true);
    };
    path.try_exists()
        .with_context(|| format!("cannot access the store {}", path.display()))
}
