//! Files that only their owner can read, written at once: a reader sees the old content or the new one, never a part.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Replaces a file, or creates it.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = target_of(path);
    new_file(&path, text)?.persist(&path)?;
    Ok(())
}

/// Creates a file; fails if there is one.
pub(super) fn create(path: &Path, text: &str) -> io::Result<()> {
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
