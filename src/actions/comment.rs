//! Comment: sets the comment of a file's newest version.
//!
//! The portal leaves the time of the file's last change as it is (docs/DOCSPACE.md A9.2).

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, Files, LockHolder, MAX_COMMENT_LENGTH};
use crate::outbox::Action;
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::change::{FileChange, change_file};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;

/// Sets the comment of the file's newest version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comment {
    /// The comment.
    pub text: String,
}

impl Kind for Comment {
    const NAME: &'static str = "comment";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"comment":{"text":"a"}}"#,
        described: "comment “a”",
    }];

    /// `comment = "Need Review"`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let text = value.text()?;
        if text.chars().count() > MAX_COMMENT_LENGTH {
            value.report(&format!(
                "is longer than the {MAX_COMMENT_LENGTH} characters that DocSpace stores"
            ));
            return None;
        }
        Some(vec![Self { text }])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("file.updated"),
            needs: Some(FileRight::Comment),
            target_text: Some(format!("“{}”", self.text)),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let set = |_: &FileInfo| NewComment(&self.text);
        each(actions, |action| change_file(context, action, set)).await
    }
}

#[derive(Clone, Copy)]
struct NewComment<'a>(&'a str);

impl FileChange for NewComment<'_> {
    const VERB: &'static str = "comment on its versions";

    fn is_made(&self, file: &FileInfo) -> bool {
        file.comment == self.0
    }

    fn is_allowed(&self, file: &FileInfo) -> Option<bool> {
        file.may_comment
    }

    fn obstacle(&self, file: &FileInfo) -> Option<AttemptOutcome> {
        let is_locked = file.lock == Some(LockHolder::Other);
        is_locked.then(|| AttemptOutcome::busy(file))
    }

    async fn make(
        &self,
        files: Files<'_>,
        file: FileInfo,
        may_send: impl Future<Output = bool> + Send,
    ) -> Result<FileInfo, Error> {
        let set = files.set_comment(&file.id, file.version, self.0, may_send);
        set.await.map(|()| file)
    }
}
