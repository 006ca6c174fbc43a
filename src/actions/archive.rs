//! Archive: moves the room of the event to the Archive, where nothing in it can be changed (docs/DOCSPACE.md A8).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Client, Error, Operation, OperationNumber};
use crate::ids::FolderId;
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, FileRight, KeyScope};
use crate::table_reader::{FieldValue, RuleContext};
use crate::wire::FolderType;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::entry_operation::{EntryOperation, Shown, operate};
use super::event_room::{event_room, unreadable_room};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::parse::switched_on;

/// How long the action waits after the portal did not archive the room: somebody may have a file in it open.
const IN_USE_WAIT: Duration = Duration::from_mins(15);

/// Archives the room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Archive {}

impl Kind for Archive {
    const NAME: &'static str = "archive";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"archive":{}}"#,
        described: "archive",
    }];

    /// `archive = true`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        switched_on(value)?;
        Some(vec![Self {}])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("room.archived"),
            needs: Some(FileRight::Archive),
            scope: Some(KeyScope::Rooms),
            ..ActionProperties::on_room()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| archive(context, action)).await
    }
}

async fn archive(context: &Context<'_>, action: &Action) -> Result<AttemptOutcome, StoreError> {
    match event_room(context, action).await? {
        Ok(room) => operate(context, action, &ArchivedRoom(room)).await,
        Err(outcome) => Ok(outcome.keeping(action.intent.clone())),
    }
}

struct ArchivedRoom(FolderId);

impl EntryOperation for ArchivedRoom {
    const NUMBER: OperationNumber = OperationNumber::ARCHIVE;
    const VERB: &'static str = "archive the room";

    async fn look(&self, context: &Context<'_>) -> Shown {
        match context.portal.files().room(&self.0).await {
            Ok(room) if room.root_folder_type == Some(FolderType::Archive) => {
                Shown::Done(ActionResult {
                    folder: Some(room.id),
                    ..ActionResult::default()
                })
            }
            Ok(_) => Shown::Possible(None),
            Err(error) => Shown::Prevented(unreadable_room(context, &error)),
        }
    }

    async fn start(
        &self,
        portal: &Client,
        may_send: impl Future<Output = bool> + Send,
    ) -> Result<Option<Operation>, Error> {
        portal.operations().archive(&self.0, may_send).await
    }

    /// The portal archives no room while somebody has a file in it open, and does not say which.
    fn unchanged(&self, reason: String) -> AttemptOutcome {
        AttemptOutcome::Postponed {
            reason: format!("waiting for a person, who may have a file in the room open: {reason}"),
            wait: Some(IN_USE_WAIT),
            intent: None,
        }
    }
}
