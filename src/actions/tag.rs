//! Tag: gives tags to the room of the event.
//!
//! The room is read first, and tags that it has count as given. The portal raises no event for tags, and to give one
//! again is harmless, so the call needs no intent (docs/DOCSPACE.md A8).

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FolderInfo};
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, FileRight, KeyScope};
use crate::table_reader::{FieldValue, RuleContext};
use crate::wire::FolderType;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::event_room::{event_room, unreadable_room};
use super::failpoint::Failpoint;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::parse::tags;
use super::portal_error::failed_call;

/// Gives tags to the room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tag {
    /// The tags.
    pub names: Vec<String>,
}

impl Kind for Tag {
    const NAME: &'static str = "tag";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"tag":{"names":["client","vip"]}}"#,
        described: "tag “client”, “vip”",
    }];

    /// `tag = "client"`, or a list.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let names = tags(value);
        (!names.is_empty()).then(|| vec![Self { names }])
    }

    fn properties(&self) -> ActionProperties {
        let names = self.names.iter().map(|name| format!("“{name}”"));
        ActionProperties {
            needs: Some(FileRight::Tag),
            scope: Some(KeyScope::Rooms),
            target_text: Some(names.collect::<Vec<_>>().join(", ")),
            ..ActionProperties::on_room()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| tag(context, action, &self.names)).await
    }
}

async fn tag(
    context: &Context<'_>,
    action: &Action,
    names: &[String],
) -> Result<AttemptOutcome, StoreError> {
    let id = match event_room(context, action).await? {
        Ok(id) => id,
        Err(outcome) => return Ok(outcome),
    };
    let room = match context.portal.files().room(&id).await {
        Ok(room) => room,
        Err(error) => return Ok(unreadable_room(context, &error)),
    };
    if names.iter().all(|name| room.tags.contains(name)) {
        return Ok(done(&room));
    }
    if room.root_folder_type == Some(FolderType::Archive) {
        return Ok(AttemptOutcome::no_right(
            "the room is archived, and nobody may tag it",
        ));
    }
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let may_send = context.holds_claims(vec![action.claim]);
    let tagged = context.portal.files().add_tags(&id, names, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match tagged {
        Ok(()) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            done(&room)
        }
        Err(error @ Error::NotFound) => unreadable_room(context, &error),
        Err(Error::Forbidden) => {
            AttemptOutcome::no_right("this key's user may open the room, but not tag it")
        }
        Err(error) => failed_call(context, &error, None),
    })
}

fn done(room: &FolderInfo) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        folder: Some(room.id.clone()),
        ..ActionResult::default()
    })
}
