//! Files written at once, and readable only for their owner unless another mode is kept: a reader sees the old content or the new one, never a part.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Who can read a file after it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileMode {
    /// Only its owner.
    Private,
    /// Those who could read it before; only its owner, if there was none.
    Kept,
}

/// Replaces a file, or creates it.
pub(crate) fn replace(path: &Path, text: &str, mode: FileMode) -> io::Result<()> {
    let path = target_of(path);
    let file = new_file(&path, text)?;
    if mode == FileMode::Kept
        && let Ok(replaced) = path.metadata()
    {
        file.as_file().set_permissions(replaced.permissions())?;
    }
    file.persist(&path)?;
    Ok(())
}

/// Creates a file; fails if there is one.
pub(crate) fn create(path: &Path, text: &str) -> io::Result<()> {
    new_file(path, text)?.persist_noclobber(path)?;
    Ok(())
}

/// A temporary file beside the path, which has mode 0600 whatever the umask.
fn new_file(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".courier-new-")
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The file itself, so that a symbolic link to it stays one.
fn target_of(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
