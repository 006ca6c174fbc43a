//! Lock: locks the file for the key's user, so that nobody else changes it.
//!
//! There is no unlocking: two versions of the portal then free other files, too (docs/DOCSPACE.md A9.1).

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, Files, LockHolder};
use crate::outbox::Action;
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::change::{FileChange, change_file};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::parse::switched_on;

/// Locks the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lock {}

impl Kind for Lock {
    const NAME: &'static str = "lock";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"lock":{}}"#,
        described: "lock",
    }];

    /// `lock = true`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        switched_on(value)?;
        Some(vec![Self {}])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("file.updated"),
            needs: Some(FileRight::Lock),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let lock = |_: &FileInfo| OwnLock;
        each(actions, |action| change_file(context, action, lock)).await
    }
}

struct OwnLock;

impl FileChange for OwnLock {
    const VERB: &'static str = "lock it";

    fn is_made(&self, file: &FileInfo) -> bool {
        file.lock == Some(LockHolder::Own)
    }

    fn is_allowed(&self, file: &FileInfo) -> Option<bool> {
        file.may_lock
    }

    /// The lock of another account would stay, without an error.
    fn obstacle(&self, file: &FileInfo) -> Option<AttemptOutcome> {
        if file.in_trash {
            return Some(AttemptOutcome::in_trash());
        }
        let is_locked = file.lock == Some(LockHolder::Other);
        is_locked.then(|| AttemptOutcome::busy(file))
    }

    async fn make(
        &self,
        files: Files<'_>,
        file: FileInfo,
        may_send: impl Future<Output = bool> + Send,
    ) -> Result<FileInfo, Error> {
        files.lock(&file.id, may_send).await
    }
}
