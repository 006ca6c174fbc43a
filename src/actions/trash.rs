//! Trash: moves the file to the trash of the key's user.
//!
//! Deleting a file that is there already destroys it (docs/DOCSPACE.md A6), so the file is looked for before every call,
//! and no call is made while an earlier one can take effect.

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Client, Error, LockHolder, Operation, OperationNumber};
use crate::ids::FileId;
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::current_file::current_file;
use super::entry_operation::{EntryOperation, Shown, operate};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::parse::switched_on;
use super::portal_error::unreadable_file;

/// Moves the file to the trash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trash {}

impl Kind for Trash {
    const NAME: &'static str = "trash";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"trash":{}}"#,
        described: "trash",
    }];

    /// `trash = true`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        switched_on(value)?;
        Some(vec![Self {}])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("file.trashed"),
            needs: Some(FileRight::Delete),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| trash(context, action)).await
    }
}

async fn trash(context: &Context<'_>, action: &Action) -> Result<AttemptOutcome, StoreError> {
    let file = current_file(context, action).await?;
    operate(context, action, &TrashedFile(file)).await
}

struct TrashedFile(FileId);

impl EntryOperation for TrashedFile {
    const NUMBER: OperationNumber = OperationNumber::DELETE;
    const VERB: &'static str = "delete the file";

    async fn look(&self, context: &Context<'_>) -> Shown {
        match context.portal.files().file(&self.0).await {
            Ok(file) if file.in_trash => Shown::Done(ActionResult::default()),
            // The portal refuses to delete it then, with the 403 of a missing right.
            Ok(file) if file.open || file.lock == Some(LockHolder::Other) => {
                Shown::Prevented(AttemptOutcome::busy(&file))
            }
            Ok(file) => Shown::Possible(file.may_delete),
            Err(Error::NotFound) => Shown::Done(ActionResult {
                note: Some("the file no longer exists".to_owned()),
                ..ActionResult::default()
            }),
            Err(error) => Shown::Prevented(unreadable_file(context, &error).await),
        }
    }

    async fn start(
        &self,
        portal: &Client,
        may_send: impl Future<Output = bool> + Send,
    ) -> Result<Option<Operation>, Error> {
        portal.operations().trash(&self.0, may_send).await
    }
}
