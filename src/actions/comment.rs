//! Comment: sets the comment of a file's newest version.
//!
//! The portal leaves the time of the file's last change as it is (docs/DOCSPACE.md A9.2).

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, Files, LockHolder, MAX_COMMENT_LENGTH};
use crate::outbox::Action;
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::comment::CommentTemplate;
use crate::template::title::TitleValues;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::change::{FileChange, change_file};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::parse::{LineLimit, template};

/// Sets the comment of the file's newest version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Comment {
    /// To the same text for each file.
    Text {
        /// The text.
        text: String,
    },
    /// To a text made from a template.
    Template {
        /// The template.
        template: CommentTemplate,
    },
}

impl Kind for Comment {
    const NAME: &'static str = "comment";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"comment":{"text":"a"}}"#,
            described: "comment “a”",
        },
        Example {
            stored: r#"{"comment":{"template":"In {result.folder}"}}"#,
            described: "comment “In {result.folder}”",
        },
    ];

    /// `comment = "Need Review"`, or a template such as `"Seen on {date}"`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let template: CommentTemplate = template(value, LineLimit::Many)?;
        let Some(text) = template.literal() else {
            return Some(vec![Self::Template { template }]);
        };
        if text.chars().count() > MAX_COMMENT_LENGTH {
            value.report(&format!(
                "is longer than the {MAX_COMMENT_LENGTH} characters that DocSpace stores"
            ));
            return None;
        }
        Some(vec![Self::Text { text }])
    }

    fn properties(&self) -> ActionProperties {
        let (text, uses) = match self {
            Self::Text { text } => (text.clone(), Vec::new()),
            Self::Template { template } => (template.to_string(), template.results()),
        };
        ActionProperties {
            raises: Some("file.updated"),
            needs: Some(FileRight::Comment),
            uses,
            target_text: Some(format!("“{text}”")),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| comment(context, action, self)).await
    }
}

async fn comment(
    context: &Context<'_>,
    action: &Action,
    plan: &Comment,
) -> Result<AttemptOutcome, StoreError> {
    let text = match plan {
        Comment::Text { text } => text.clone(),
        Comment::Template { template } => {
            let report = Report::load(context, action).await?;
            let values = TitleValues {
                title: &action.title,
                happened_at: report.event.happened_at.unwrap_or_default(),
                rule: &action.rule,
            };
            let results = report.results_for_people(context.portal.host());
            let text = template.render(|field| field.value(values, &results));
            text.chars().take(MAX_COMMENT_LENGTH).collect()
        }
    };
    let set = |_: &FileInfo| NewComment(&text);
    change_file(context, action, set).await
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
