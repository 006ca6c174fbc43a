//! Copies a SQLite store that a service may be using into a new file, by SQLite's own backup interface.

use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::sqlite::connection::BUSY_TIMEOUT;

/// All pages in one step: the copy is the store as it was at one moment, however much is written meanwhile. In several
/// steps, the copy would begin again with every commit of the service.
const ALL_PAGES: i32 = -1;

/// Creates a copy of the store, with mode 0600, which appears when it is complete and on disk. Returns its bytes.
pub fn create_backup(store: &Path, to: &Path) -> anyhow::Result<u64> {
    let copy = copy_beside(store, to)?;
    let name = to.display();
    let persist = || -> io::Result<u64> {
        copy.as_file().sync_all()?;
        let file = copy.persist_noclobber(to)?;
        Ok(file.metadata()?.len())
    };
    persist().with_context(|| format!("cannot create {name}"))
}

/// Writes a copy of the store. Until it is written, it is a file beside the store.
pub fn write_backup(store: &Path, mut to: impl io::Write) -> anyhow::Result<()> {
    let copy = copy_beside(store, store)?;
    let mut write = || -> io::Result<()> {
        io::copy(&mut copy.as_file(), &mut to)?;
        to.flush()
    };
    write().context("cannot write the backup")
}

/// A checked copy of the store in the folder of another file.
fn copy_beside(store: &Path, neighbour: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = match neighbour.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let copy = tempfile::Builder::new()
        .prefix(".courier-backup-")
        .tempfile_in(folder);
    let copy = copy.with_context(|| format!("cannot create a file in {}", folder.display()))?;
    copy_pages(store, copy.path())
        .with_context(|| format!("cannot back up {}", store.display()))?;
    check(copy.path())?;
    Ok(copy)
}

fn copy_pages(from: &Path, to: &Path) -> anyhow::Result<()> {
    // Reading alone: a backup neither creates nor migrates a store. It may have to create the `-shm` file.
    let flags = OpenFlags::default() - OpenFlags::SQLITE_OPEN_CREATE;
    let from = Connection::open_with_flags(from, flags)?;
    from.busy_timeout(BUSY_TIMEOUT)?;
    let mut to = Connection::open(to)?;
    match Backup::new(&from, &mut to)?.step(ALL_PAGES)? {
        StepResult::Done => Ok(()),
        _ => bail!("another program has locked it"),
    }
}

/// Checks the copy, so that nobody learns of a damaged store on the day on which it is needed.
fn check(copy: &Path) -> anyhow::Result<()> {
    let check = || -> rusqlite::Result<String> {
        let connection = Connection::open(copy)?;
        // Otherwise a `-wal` file would appear beside the copy.
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    };
    let result = check().context("cannot check the backup")?;
    if result != "ok" {
        bail!("the store is damaged: {result}");
    }
    Ok(())
}
