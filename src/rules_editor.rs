//! The rules file as a person edits it in the console: its text, its former versions, and saving.
//!
//! A former version is a file beside the rules file, whose name ends with the time at which it was replaced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::edited_file::{EditedFile, FileContent, WriteError};
use crate::private_file;
use crate::text_file;

/// Former versions that are kept.
const VERSIONS: usize = 20;

/// How the time is written in the name of a version.
const TIME_FORMAT: &str = "%Y%m%dT%H%M%S%.3fZ";

/// The rules file, which may not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct RulesEditor {
    path: PathBuf,
    file: EditedFile,
}

/// A former version of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// When it was replaced.
    pub(crate) replaced_at: Timestamp,
    /// The end of its name.
    pub(crate) name: String,
}

impl RulesEditor {
    /// The editor of this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        let file = EditedFile::shared(path.clone());
        Self { path, file }
    }

    /// The name of the file in texts.
    pub(crate) fn name(&self) -> String {
        self.file.name()
    }

    /// Reads the file.
    pub(crate) fn read(&self) -> io::Result<FileContent> {
        self.file.read()
    }

    /// Saves this text, if the file still has the content with this fingerprint. What the file contained is kept as a
    /// version.
    pub(crate) fn save(
        &self,
        fingerprint: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let current = self.read().map_err(WriteError::Io)?;
        if current.fingerprint() != fingerprint {
            return Err(WriteError::Changed);
        }
        let version = self.free_version(now);
        if current.exists() {
            private_file::create(&version, current.text()).map_err(WriteError::Io)?;
        }
        let written = self.file.write(fingerprint, text);
        if written.is_err() {
            // It is what the file still contains.
            let _ = fs::remove_file(version);
        }
        written?;
        // One version too many does no harm.
        let _ = self.remove_old_versions();
        Ok(())
    }

    /// The former versions, newest first.
    pub(crate) fn versions(&self) -> io::Result<Vec<Version>> {
        let prefix = format!("{}.", self.file_name());
        let mut versions = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else {
                continue;
            };
            if let Some(replaced_at) = time_of(name) {
                versions.push(Version {
                    replaced_at,
                    name: name.to_owned(),
                });
            }
        }
        versions.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(versions)
    }

    /// The text of a former version; `None` if there is none of this name.
    pub(crate) fn version(&self, name: &str) -> io::Result<Option<String>> {
        if time_of(name).is_none() {
            return Ok(None);
        }
        match text_file::read(self.version_path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove_old_versions(&self) -> io::Result<()> {
        for version in self.versions()?.iter().skip(VERSIONS) {
            fs::remove_file(self.version_path(&version.name))?;
        }
        Ok(())
    }

    /// The path of a version that is replaced now, which no earlier one has: the clock may stand still.
    fn free_version(&self, now: Timestamp) -> PathBuf {
        let path_at = |at: Timestamp| self.version_path(&at.strftime(TIME_FORMAT).to_string());
        let mut at = now;
        while path_at(at).exists() {
            at += Duration::from_millis(1);
        }
        path_at(at)
    }

    fn version_path(&self, name: &str) -> PathBuf {
        let name = format!("{}.{name}", self.file_name());
        self.folder().join(name)
    }

    fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

/// The time in the name of a version; `None` if it is not one.
fn time_of(name: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime(TIME_FORMAT, name).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn editor() -> (tempfile::TempDir, RulesEditor) {
        let folder = tempfile::tempdir().unwrap();
        let editor = RulesEditor::new(folder.path().join("rules.toml"));
        (folder, editor)
    }

    fn save(editor: &RulesEditor, text: &str, second: i64) {
        let fingerprint = editor.read().unwrap().fingerprint();
        editor.save(&fingerprint, text, at(second)).unwrap();
    }

    #[test]
    fn what_is_replaced_is_kept_as_a_version() {
        let (_folder, editor) = editor();
        for (second, text) in (0..).zip(["one", "two", "three"]) {
            save(&editor, text, second);
        }
        assert_eq!(editor.read().unwrap().text(), "three");
        let versions = editor.versions().unwrap();
        let text = |version: &Version| editor.version(&version.name).unwrap().unwrap();
        let kept: Vec<_> = versions
            .iter()
            .map(|it| (it.replaced_at, text(it)))
            .collect();
        let expected = [(at(2), "two".to_owned()), (at(1), "one".to_owned())];
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_file_that_somebody_changed_is_not_replaced() {
        let (folder, editor) = editor();
        save(&editor, "one", 0);
        let seen = editor.read().unwrap().fingerprint();
        fs::write(folder.path().join("rules.toml"), "by another").unwrap();
        let saved = editor.save(&seen, "two", at(1));
        assert!(matches!(saved, Err(WriteError::Changed)), "{saved:?}");
        assert_eq!(editor.read().unwrap().text(), "by another");
        assert_eq!(editor.versions().unwrap(), []);
    }

    #[test]
    fn old_versions_are_removed_and_other_files_are_none() {
        let (folder, editor) = editor();
        fs::write(folder.path().join("rules.toml.bak"), "a copy of a person").unwrap();
        for second in 0..30 {
            save(&editor, &second.to_string(), second);
        }
        let versions = editor.versions().unwrap();
        assert_eq!(versions.len(), VERSIONS);
        assert_eq!(editor.version(&versions[0].name).unwrap().unwrap(), "28");
        for name in ["bak", "../rules.toml", "20260302T090000.000Z"] {
            assert_eq!(editor.version(name).unwrap(), None, "{name}");
        }
        assert!(folder.path().join("rules.toml.bak").exists());
    }
}
