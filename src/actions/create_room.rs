//! Create room: creates an empty room or one from a room template, and leaves it as a result.
//!
//! The portal creates a second room of a title without complaint, so the room gets a tag of the action's own, the mark, by
//! which a later attempt finds it. The mark is taken off once the room is stored with the action. The portal creates one
//! room from a template at a time and drops other requests without an error, so actions exclude each other
//! (docs/DOCSPACE.md A4).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, NewRoomType, RoomBase, WriteOutcome, folder_title};
use crate::folder_creation::{self, FolderPlace, Reservation};
use crate::hash;
use crate::ids::FolderId;
use crate::outbox::{self, Action, ActionResult, ClaimStatus, Intent};
use crate::results::{ResultName, Results};
use crate::rules::{ActionProperties, KeyScope, WorksOn};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::title::{TitleTemplate, TitleValues};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::event_room::unreadable_room;
use super::failpoint::Failpoint;
use super::intent::{self, Unconfirmed};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::new_room::{self, NewRoom, RequestedRoom};
use super::parse::{LineLimit, one_of, tags, template};
use super::portal_error::failed_call;

/// How long an action waits for another creation of a room from a template.
const TAKEN_WAIT: Duration = Duration::from_secs(2);

/// The digits of a mark.
const MARK_DIGITS: usize = 16;

/// Creates a room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateRoom {
    /// Its title.
    pub title: TitleTemplate,
    /// What it is made from.
    pub base: RoomBase,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Kind for CreateRoom {
    const NAME: &'static str = "create_room";

    const MAKES: &'static [ResultName] = &[ResultName::Room];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"create_room":{"title":"{name}","base":{"type":"custom"}}}"#,
            described: "create_room “{name}” (custom)",
        },
        Example {
            stored: r#"{"create_room":{"title":"Home of {title}","base":{"template":5},"tags":["home"]}}"#,
            described: "create_room “Home of {title}” from template 5",
        },
    ];

    /// `create_room = "{name}"`, or `create_room = { title = "{name}", type = "public", tags = ["client"] }`, or
    /// `create_room = { title = "{name}", template = 5 }`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let Some(mut table) = value.as_table() else {
            return Some(vec![Self {
                title: template(value, LineLimit::One)?,
                base: RoomBase::Type(NewRoomType::Custom),
                tags: Vec::new(),
            }]);
        };
        let title = table.required("title", "the title of the room, such as \"{name}\"");
        let room_type = table.field("type");
        let room_template = table.field("template");
        let tags = table.field("tags").map_or_else(Vec::new, |it| tags(&it));
        table.finish();
        let base = match (room_type, room_template) {
            (None, None) => Some(RoomBase::Type(NewRoomType::Custom)),
            (Some(named), None) => one_of(&named, &NewRoomType::NAMES).map(RoomBase::Type),
            (None, Some(from)) => from.folder_id().map(RoomBase::Template),
            (Some(named), Some(_)) => {
                named.report("cannot be set beside template, which has a type of its own");
                None
            }
        };
        Some(vec![Self {
            title: template(&title?, LineLimit::One)?,
            base: base?,
            tags,
        }])
    }

    fn properties(&self) -> ActionProperties {
        let (from, remark) = match &self.base {
            RoomBase::Type(named) => (String::new(), Some(named.name())),
            RoomBase::Template(template) => (format!(" from template {template}"), None),
        };
        ActionProperties {
            works_on: WorksOn::Anything,
            raises: Some("room.created"),
            scope: Some(KeyScope::Rooms),
            target_text: Some(format!("“{}”{from}", self.title)),
            remark,
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| async move {
            let creation = Creation::new(context, action, self).await?;
            match creation {
                Ok(creation) => creation.run().await,
                Err(outcome) => Ok(outcome),
            }
        })
        .await
    }
}

/// The mark of an action: of what neither another name of its rule nor another address of the portal changes.
fn mark(action: &Action) -> String {
    let (number, event) = (action.claim.action.to_string(), action.event.to_string());
    let id = hash::short_id(&[CreateRoom::NAME, action.file.as_str(), &event, &number]);
    format!("courier-{}", id.get(..MARK_DIGITS).unwrap_or(&id))
}

/// An attempt to create a room.
struct Creation<'a> {
    context: &'a Context<'a>,
    action: &'a Action,
    base: &'a RoomBase,
    title: String,
    /// The tags that it keeps, and the mark.
    tags: Vec<String>,
    mark: String,
}

impl<'a> Creation<'a> {
    async fn new(
        context: &'a Context<'a>,
        action: &'a Action,
        plan: &'a CreateRoom,
    ) -> Result<Result<Self, AttemptOutcome>, StoreError> {
        let report = Report::load(context, action).await?;
        let values = TitleValues {
            title: &action.title,
            happened_at: report.event.happened_at.unwrap_or_default(),
            rule: &action.rule,
        };
        let title = plan.title.render(|field| values.value(field));
        let Some(title) = folder_title(&title) else {
            return Ok(Err(AttemptOutcome::Dead {
                code: "blank_title",
                reason: "the title of the room would be blank".to_owned(),
                intent: None,
            }));
        };
        let mark = mark(action);
        let tags = plan.tags.iter().chain([&mark]).cloned().collect();
        Ok(Ok(Self {
            context,
            action,
            base: &plan.base,
            title,
            tags,
            mark,
        }))
    }

    async fn run(&self) -> Result<AttemptOutcome, StoreError> {
        if let Some(room) = self.action.progress.as_deref().and_then(FolderId::new) {
            self.free_slot().await?;
            return self.finish(&room, self.action.intent.clone()).await;
        }
        if let Some(intent) = &self.action.intent {
            let unconfirmed = Unconfirmed {
                action: self.action,
                intent: intent.clone(),
            };
            match new_room::find(self.context, unconfirmed, &self.requested()).await? {
                NewRoom::Created(room) => return self.created(&room, intent.clone()).await,
                NewRoom::Unknown(outcome) => return Ok(outcome),
                NewRoom::NotApplied(_) => self.free_slot().await?,
            }
        }
        match self.take_slot().await? {
            Ok(()) => self.call().await,
            Err(outcome) => Ok(outcome),
        }
    }

    fn requested(&self) -> RequestedRoom<'_> {
        RequestedRoom {
            title: &self.title,
            mark: &self.mark,
            is_from_template: matches!(self.base, RoomBase::Template(_)),
        }
    }

    /// Makes the call for a room that no earlier one has created, or will create.
    async fn call(&self) -> Result<AttemptOutcome, StoreError> {
        let context = self.context;
        let intent = intent::new(context);
        let mut ended = Outcomes::new();
        let held = intent::store(context, [self.action], &intent, &mut ended).await?;
        let Some(unconfirmed) = held.into_iter().next() else {
            return Ok(AttemptOutcome::ClaimLost);
        };
        context.failpoints.pass(Failpoint::BeforeCall).await;
        let may_send = context.holds_claims(vec![self.action.claim]);
        let (calls, title, tags) = (context.portal.new_rooms(), &self.title, &self.tags);
        let called = match self.base {
            RoomBase::Type(named) => {
                let created = calls.create(title, *named, tags, may_send).await;
                created.map(|room| Some(room.id))
            }
            RoomBase::Template(from) => {
                let started = calls.start_from_template(title, from, tags, may_send).await;
                started.map(|()| None)
            }
        };
        context.failpoints.pass(Failpoint::AfterResponse).await;
        match called {
            Ok(Some(room)) => self.created(&room, unconfirmed.intent).await,
            Ok(None) => self.follow(unconfirmed).await,
            Err(Error::Forbidden) => {
                self.free_slot().await?;
                Ok(AttemptOutcome::no_right(
                    "this key's user may not create rooms: the account has to be a room administrator or an administrator",
                ))
            }
            Err(error) => {
                if error.write_outcome() == WriteOutcome::NotApplied {
                    self.free_slot().await?;
                }
                Ok(unconfirmed.call_failed(context, &error).1)
            }
        }
    }

    /// Waits for the room of a call that the portal has accepted, or dropped.
    async fn follow(&self, unconfirmed: Unconfirmed<'_>) -> Result<AttemptOutcome, StoreError> {
        let intent = Intent {
            in_flight_until: self.context.portal.portal_time(),
            ..unconfirmed.intent
        };
        let answered = Unconfirmed {
            intent: intent.clone(),
            ..unconfirmed
        };
        match new_room::find(self.context, answered, &self.requested()).await? {
            NewRoom::Created(room) => self.created(&room, intent).await,
            NewRoom::Unknown(outcome) => Ok(outcome),
            NewRoom::NotApplied(error) => {
                self.free_slot().await?;
                Ok(AttemptOutcome::failed(match error {
                    Some(error) => format!("the portal did not create the room: {error}"),
                    None => "the portal was creating another room from a template".to_owned(),
                }))
            }
        }
    }

    /// Stores the room, so that it is known without its mark.
    async fn created(&self, room: &FolderId, intent: Intent) -> Result<AttemptOutcome, StoreError> {
        if self.store_room(room.as_str()).await? == ClaimStatus::Lost {
            return Ok(AttemptOutcome::ClaimLost);
        }
        self.free_slot().await?;
        self.finish(room, Some(intent)).await
    }

    /// Stores the id of the room; none if it is gone.
    async fn store_room(&self, room: &str) -> Result<ClaimStatus, StoreError> {
        let (claim, room) = (self.action.claim, room.to_owned());
        let written = self
            .context
            .db
            .write(move |sql| outbox::store_progress(sql, claim, &room));
        written.await
    }

    /// Takes the mark off the room, and gives it the tags that it lacks. Until that is done, the intent stays, so that a
    /// replay under other rules keeps the room.
    async fn finish(
        &self,
        id: &FolderId,
        intent: Option<Intent>,
    ) -> Result<AttemptOutcome, StoreError> {
        let (context, claim) = (self.context, self.action.claim);
        let files = context.portal.files();
        let room = match files.room(id).await {
            Ok(room) => room,
            Err(error @ Error::NotFound) => {
                // A replay creates another one.
                return Ok(match self.store_room("").await? {
                    ClaimStatus::Lost => AttemptOutcome::ClaimLost,
                    ClaimStatus::Current => unreadable_room(context, &error),
                });
            }
            Err(error @ Error::Forbidden) => return Ok(unreadable_room(context, &error)),
            Err(error) => return Ok(failed_call(context, &error, intent)),
        };
        let is_missing = |tag: &&String| **tag != self.mark && !room.tags.contains(tag);
        let missing: Vec<String> = self.tags.iter().filter(is_missing).cloned().collect();
        if !missing.is_empty() {
            let may_send = context.holds_claims(vec![claim]);
            match files.add_tags(id, &missing, may_send).await {
                // Somebody has archived it meanwhile.
                Ok(()) | Err(Error::Forbidden) => {}
                Err(error) => return Ok(failed_call(context, &error, intent)),
            }
        }
        let mut note = format!("it is room {id}");
        if room.tags.contains(&self.mark) {
            let may_send = context.holds_claims(vec![claim]);
            let rooms = context.portal.new_rooms();
            match rooms.remove_tag(id, &self.mark, may_send).await {
                Ok(()) => {}
                // Somebody has archived it meanwhile.
                Err(Error::Forbidden) => {
                    let mark = &self.mark;
                    note = format!("{note}, with the tag {mark}, which could not be removed");
                }
                Err(error) => return Ok(failed_call(context, &error, intent)),
            }
        }
        context.failpoints.pass(Failpoint::BeforeFinish).await;
        Ok(AttemptOutcome::Done(ActionResult {
            folder: Some(id.clone()),
            note: Some(note),
            named: Results::one(ResultName::Room, id.as_str()),
            ..ActionResult::default()
        }))
    }

    /// Excludes other creations of rooms from a template until [`Creation::free_slot`]; for an empty room nothing.
    async fn take_slot(&self) -> Result<Result<(), AttemptOutcome>, StoreError> {
        if matches!(self.base, RoomBase::Type(_)) {
            return Ok(Ok(()));
        }
        let taken = |reason: &str| {
            Err(AttemptOutcome::Postponed {
                reason: reason.to_owned(),
                wait: Some(TAKEN_WAIT),
                intent: None,
            })
        };
        let context = self.context;
        let (claim, now, portal_time) = (
            self.action.claim,
            context.clock.now(),
            context.portal.portal_time(),
        );
        let until = intent::new(context).in_flight_until;
        let reserved = context.db.write(move |sql| {
            let slot = FolderPlace::of_template_rooms();
            let reserved = folder_creation::reserve(sql, &slot, claim, now, portal_time)?;
            if reserved == Reservation::Reserved
                && folder_creation::store_call(sql, &slot, claim, until)? == ClaimStatus::Lost
            {
                return Ok(Reservation::Taken);
            }
            Ok(reserved)
        });
        if reserved.await? != Reservation::Reserved {
            return Ok(taken("another action is creating a room from a template"));
        }
        let outcome = match context.portal.new_rooms().template_task().await {
            Ok(Some(task)) if !task.is_completed => {
                taken("the portal is creating another room from a template")
            }
            Ok(_) => return Ok(Ok(())),
            Err(error) => Err(failed_call(context, &error, None)),
        };
        self.free_slot().await?;
        Ok(outcome)
    }

    async fn free_slot(&self) -> Result<(), StoreError> {
        if matches!(self.base, RoomBase::Type(_)) {
            return Ok(());
        }
        let action = self.action.claim.action;
        let freed = self
            .context
            .db
            .write(move |sql| folder_creation::end(sql, &FolderPlace::of_template_rooms(), action));
        freed.await
    }
}
