//! The file of an embedded store: creating it, locking it, and noticing that it is gone.
//!
//! Nothing here opens and closes the file of an open store: closing any descriptor of a file ends the POSIX
//! locks that SQLite holds on it in this process.

#[cfg(unix)]
use std::fs::Permissions;
use std::fs::{File, OpenOptions};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rusqlite::Connection;
#[cfg(unix)]
use rustix::fs::OFlags;
use tracing::info;

use crate::db::error::SqlError;

/// The mode of files for the service's own user only.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

/// The bits of a mode that give rights to others than the owner.
#[cfg(unix)]
const GROUP_AND_OTHERS: u32 = 0o077;

/// The lock of the service that works on a store.
#[derive(Debug)]
pub(in crate::db) struct StoreLock(Option<File>);

/// Takes the lock of the service that works on this store; fails while another one holds it.
pub(in crate::db) fn lock(path: &Path) -> anyhow::Result<StoreLock> {
    create_if_missing(path)?;
    refuse_other_names(path)?;
    close_to_others(path)?;
    let lock =
        open_lock(path).with_context(|| format!("cannot lock the store {}", path.display()))?;
    let taken = lock.try_lock().with_context(|| {
        format!(
            "another docspace-courier is working on the store {}",
            path.display()
        )
    });
    let lock = StoreLock(Some(lock));
    taken.map(|()| lock)
}

/// The file that is locked. On Linux it is the store itself, so that every path to it meets the same lock.
/// Elsewhere such a lock excludes SQLite, too, so it is a file beside the store.
fn open_lock(path: &Path) -> io::Result<File> {
    if cfg!(target_os = "linux") {
        return File::open(path);
    }
    let mut beside = path.canonicalize()?.into_os_string();
    beside.push(".lock");
    open_lock_beside(Path::new(&beside))
}

/// Opens or creates a lock file. Another user may have created it first, to hold the lock or as a link to a file of ours.
fn open_lock_beside(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    options
        .mode(PRIVATE)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

/// Takes the rights of other users from the files of a store, such as a restored backup. They could read it, and hold its
/// lock.
fn close_to_others(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.canonicalize()?.into_os_string();
        name.push(suffix);
        let file = Path::new(&name);
        let Ok(metadata) = file.metadata() else {
            continue;
        };
        if metadata.permissions().mode() & GROUP_AND_OTHERS != 0 {
            let closed = std::fs::set_permissions(file, Permissions::from_mode(PRIVATE));
            let name = file.display();
            closed.with_context(|| format!("cannot take other users' rights from {name}"))?;
            info!(file = %name, "other users can no longer read the store");
        }
    }
    Ok(())
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            let _ = file.unlock();
            // Connections of this process may still be open; see the description of this module.
            std::mem::forget(file);
        }
    }
}

/// Creates a store without tables if there is none. The file appears with its first page, so that an empty
/// file is always the remains of something else.
pub(super) fn create_if_missing(path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => bail!(
            "the store {name} is an empty file, so its contents were lost or it was never a store; restore a \
             backup, or delete it to start with a new store"
        ),
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot access the store {name}")),
    }
    let create = || -> anyhow::Result<()> {
        // A symbolic link may lead to a file that does not exist yet.
        let path = std::fs::read_link(path)
            .map_or_else(|_| path.to_owned(), |target| folder_of(path).join(target));
        let new = tempfile::Builder::new()
            .prefix(".courier-new-")
            .tempfile_in(folder_of(&path))?;
        let connection = Connection::open(new.path())?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, error)| error)?;
        match new.persist_noclobber(&path) {
            Ok(_) => info!(store = %path.display(), "created a new store"),
            // Another process has created it meanwhile.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error.into()),
        }
        Ok(())
    };
    create().with_context(|| format!("cannot create the store {name}"))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Refuses a file with several names (hard links): SQLite keeps recent commits in a second file, which it
/// finds by the name of the first.
fn refuse_other_names(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;

        let names = std::fs::metadata(path)
            .with_context(|| format!("cannot access the store {}", path.display()))?
            .nlink();
        if names > 1 {
            bail!(
                "the store {} has {names} names (hard links), and only the first one that is used would find \
                 the latest commits; keep one of the names",
                path.display()
            );
        }
    }
    Ok(())
}

/// The files of an open store, to notice that they are no longer those on disk.
#[derive(Clone, Debug)]
pub(super) struct OpenFiles {
    /// Each file's path and identity. The second is the `-wal` file, which exists while the store is open.
    files: Vec<(PathBuf, FileIdentity)>,
}

/// Device and inode.
type FileIdentity = (u64, u64);

impl OpenFiles {
    /// The files of a store that was just opened and written.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let mut wal = path.clone().into_os_string();
        wal.push("-wal");
        let files = [path, PathBuf::from(wal)].into_iter().map(|path| {
            let identity = identity(&path)?;
            Ok((path, identity))
        });
        Ok(Self {
            files: files.collect::<io::Result<_>>()?,
        })
    }

    /// Fails when a file was deleted or replaced, so that what is written to it is lost at the next start.
    pub(super) fn check(&self) -> Result<(), SqlError> {
        for (path, opened) in &self.files {
            if identity(path).ok() != Some(*opened) {
                return Err(SqlError::FileReplaced(path.clone()));
            }
        }
        Ok(())
    }
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    let file = std::fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;

        Ok((file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        // Other systems do not delete or replace an open file.
        let _ = file;
        Ok((0, 0))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_name_of_a_store_meets_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("courier.db");
        let held = lock(&path).unwrap();
        let link = folder.path().join("link.db");
        symlink(&path, &link).unwrap();
        let hard = folder.path().join("hard.db");
        let refused = |path: &Path| format!("{:#}", lock(path).unwrap_err());
        assert!(refused(&link).starts_with("another docspace-courier"));
        std::fs::hard_link(&path, &hard).unwrap();
        assert!(refused(&hard).contains("2 names"));
        assert!(refused(&path).contains("2 names"));
        std::fs::remove_file(&hard).unwrap();
        drop(held);
        lock(&link).unwrap();
    }

    #[test]
    fn a_lock_file_is_neither_followed_nor_emptied_and_only_ours() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, link) = (folder.path().join("lock"), folder.path().join("link"));
        std::fs::write(&lock, "kept").unwrap();
        std::fs::set_permissions(&lock, Permissions::from_mode(0o666)).unwrap();
        symlink(&lock, &link).unwrap();
        open_lock_beside(&link).unwrap_err();
        open_lock_beside(&lock).unwrap();
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), "kept");
        let mode = lock.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
    }

    #[test]
    fn an_empty_file_is_not_a_new_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("courier.db");
        std::fs::write(&path, "").unwrap();
        let refused = format!("{:#}", lock(&path).unwrap_err());
        assert!(refused.contains("is an empty file"), "{refused}");
        std::fs::remove_file(&path).unwrap();
        lock(&path).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 0);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_link_to_a_missing_file_creates_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link.db");
        symlink("courier.db", &link).unwrap();
        lock(&link).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert!(folder.path().join("courier.db").exists());
    }
}
