//! Rename: gives the file a title made from a template.
//!
//! The title is made from what is stored with the action, so that every attempt wants the same one. The portal answers 500 for a file that another account has locked, and for one in the trash, so both are seen
//! from the file before the call (docs/DOCSPACE.md A3.1).

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, Files, LockHolder, renamed_title};
use crate::outbox::Action;
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::title::{TitleTemplate, TitleValues};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::change::{FileChange, change_file};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::parse::{LineLimit, template};

/// Renames the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rename {
    /// The new title; the file keeps its extension.
    pub title: TitleTemplate,
}

impl Kind for Rename {
    const NAME: &'static str = "rename";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"rename":{"title":"{date} {name.clean}"}}"#,
        described: "rename “{date} {name.clean}”",
    }];

    /// `rename = "{title.clean}"`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let title: TitleTemplate = template(value, LineLimit::One)?;
        if title.to_string().trim().is_empty() {
            value.report("is blank: write the new title, such as \"{title.clean}\"");
            return None;
        }
        Some(vec![Self { title }])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("file.updated"),
            needs: Some(FileRight::Rename),
            new_title: Some(self.title.clone()),
            target_text: Some(format!("“{}”", self.title)),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| rename(context, action, &self.title)).await
    }
}

async fn rename(
    context: &Context<'_>,
    action: &Action,
    template: &TitleTemplate,
) -> Result<AttemptOutcome, StoreError> {
    let report = Report::load(context, action).await?;
    let values = TitleValues {
        title: &action.title,
        happened_at: report.event.happened_at.unwrap_or_default(),
        rule: &action.rule,
    };
    let wanted = template.render(|field| values.value(field));
    let change = |file: &FileInfo| NewTitle(renamed_title(&file.title, &wanted));
    change_file(context, action, change).await
}

/// The title that the file gets; `None` if it keeps its own, because a blank one is wanted.
struct NewTitle(Option<String>);

impl FileChange for NewTitle {
    const VERB: &'static str = "rename it";

    fn is_made(&self, file: &FileInfo) -> bool {
        self.0.as_ref().is_none_or(|title| *title == file.title)
    }

    fn note(&self, file: &FileInfo) -> Option<String> {
        Some(match &self.0 {
            Some(_) => format!("its title is “{}”", file.title),
            None => "kept its title, because the new one is blank".to_owned(),
        })
    }

    fn is_allowed(&self, file: &FileInfo) -> Option<bool> {
        file.may_rename
    }

    fn obstacle(&self, file: &FileInfo) -> Option<AttemptOutcome> {
        let is_open_elsewhere = file.open && file.id.is_third_party();
        if file.in_trash {
            Some(AttemptOutcome::in_trash())
        } else if file.lock == Some(LockHolder::Other) || is_open_elsewhere {
            Some(AttemptOutcome::busy(file))
        } else {
            None
        }
    }

    async fn make(
        &self,
        files: Files<'_>,
        file: FileInfo,
        may_send: impl Future<Output = bool> + Send,
    ) -> Result<FileInfo, Error> {
        match &self.0 {
            Some(title) => files.rename(&file.id, title, may_send).await,
            None => Ok(file),
        }
    }
}
