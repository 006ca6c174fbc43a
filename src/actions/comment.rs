//! Comment: sets the comment of a file's newest version.
//!
//! The file is read first, and a comment that is already set counts as done, even if a person set it. So an
//! attempt after a crash changes nothing and raises no second event, and the call needs no intent.

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, ErrorClass, MAX_COMMENT_LENGTH};
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::current_file::current_file;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::portal_error::{failed_call, unreadable_file};

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
        each(actions, |action| comment(context, action, &self.text)).await
    }
}

async fn comment(
    context: &Context<'_>,
    action: &Action,
    text: &str,
) -> Result<AttemptOutcome, StoreError> {
    let id = current_file(context, action).await?;
    let file = match context.portal.files().file(&id).await {
        Ok(file) => file,
        Err(error) => return Ok(unreadable_file(context, &error).await),
    };
    if file.comment == text {
        return Ok(AttemptOutcome::Done(ActionResult::default()));
    }
    Ok(
        match context
            .portal
            .files()
            .set_comment(
                &id,
                file.version,
                text,
                context.holds_claims(vec![action.claim]),
            )
            .await
        {
            Ok(()) => AttemptOutcome::Done(ActionResult::default()),
            // 403 means "no right" as well as "locked", so the state of the file decides.
            Err(Error::Forbidden) if file.busy => AttemptOutcome::busy(&file),
            Err(error @ Error::NotFound) => unreadable_file(context, &error).await,
            Err(error) if error.class() == ErrorClass::Ambiguous => AttemptOutcome::no_right(
                "this key's user may read the file, but not comment on its versions",
            ),
            Err(error) => failed_call(context, &error, None),
        },
    )
}
