//! Watches files for changes by polling their contents.
//!
//! Contents are compared, not modification times: some file systems keep those to the second, and a symbolic
//! link may be switched to an older file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::text_file;

/// How often the files are read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A digest of the contents of all files.
type ContentHash = [u8; 32];

/// What happened to the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// At least one has other contents than before.
    Contents,
    /// At least one cannot be read any more.
    Unreadable,
}

/// Watches files that belong together.
#[derive(Clone, Debug)]
pub struct FileWatcher {
    files: Arc<[PathBuf]>,
    /// The contents last seen, when all files could be read.
    contents: Option<ContentHash>,
    is_readable: bool,
}

impl FileWatcher {
    /// Watches for changes to the present contents.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files: Arc<[PathBuf]> = files.into_iter().collect();
        let contents = digest(&files);
        Self {
            files,
            contents,
            is_readable: contents.is_some(),
        }
    }

    /// Waits for the next change. A change is not lost when the future is dropped.
    pub async fn changed(&mut self) -> FileChange {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            if let Some(change) = self.poll().await {
                return change;
            }
        }
    }

    /// Compares with the contents last seen, and remembers the present ones.
    pub async fn poll(&mut self) -> Option<FileChange> {
        let files = Arc::clone(&self.files);
        // A network file system may block.
        let digest = tokio::task::spawn_blocking(move || digest(&files)).await;
        self.compare(digest.ok()?)
    }

    fn compare(&mut self, digest: Option<ContentHash>) -> Option<FileChange> {
        let was_readable = std::mem::replace(&mut self.is_readable, digest.is_some());
        if digest.is_none() {
            return was_readable.then_some(FileChange::Unreadable);
        }
        let is_changed = self.contents != digest;
        self.contents = digest;
        is_changed.then_some(FileChange::Contents)
    }
}

fn digest(files: &[PathBuf]) -> Option<ContentHash> {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file_digest(file)?);
    }
    Some(digest.finalize().into())
}

fn file_digest(file: &Path) -> Option<ContentHash> {
    Some(Sha256::digest(text_file::read_bytes(file).ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn contents_count_whatever_way_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
        write("key", "1");
        write("certificate", "1");
        let mut watcher = FileWatcher::new([path("key"), path("certificate")]);
        assert_eq!(watcher.poll().await, None);

        write("key", "2");
        assert_eq!(watcher.poll().await, Some(FileChange::Contents));
        assert_eq!(watcher.poll().await, None);

        // The same bytes in all, but in other files.
        write("key", "");
        write("certificate", "21");
        assert_eq!(watcher.poll().await, Some(FileChange::Contents));

        std::fs::remove_file(path("key")).unwrap();
        assert_eq!(watcher.poll().await, Some(FileChange::Unreadable));
        assert_eq!(watcher.poll().await, None);
        write("key", "");
        assert_eq!(watcher.poll().await, None, "back with the same contents");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_symbolic_link_may_be_switched() {
        use std::os::unix::fs::symlink;

        // As Kubernetes replaces the files of a volume: a link to a folder is renamed over the old one.
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for version in ["old", "new"] {
            std::fs::create_dir(path(version)).unwrap();
            std::fs::write(path(version).join("rules.toml"), version).unwrap();
        }
        symlink("new", path("current")).unwrap();
        let mut watcher = FileWatcher::new([path("current").join("rules.toml")]);
        symlink("old", path("next")).unwrap();
        std::fs::rename(path("next"), path("current")).unwrap();
        assert_eq!(watcher.poll().await, Some(FileChange::Contents));
    }

    #[tokio::test]
    async fn a_missing_file_may_appear() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        let mut watcher = FileWatcher::new([file.clone()]);
        assert_eq!(watcher.poll().await, None);
        std::fs::write(&file, "").unwrap();
        assert_eq!(watcher.poll().await, Some(FileChange::Contents));
    }
}
