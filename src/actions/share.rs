//! Share: gives a person or group a role in the room of the event, or in one that an action before it has created.
//!
//! The members are read first, and a role that one has counts as given. They are read again afterwards, because the portal
//! answers 200 also if it has done nothing. An invitation by email sends a mail each time, so a call whose answer was lost
//! is repeated only once it can no longer be in flight (docs/DOCSPACE.md A5.1).

use std::pin::pin;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, Invitee, Member, Role};
use crate::ids::FolderId;
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, FileRight, KeyScope, WorksOn};
use crate::table_reader::{FieldValue, RuleContext};
use crate::wire::FolderType;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::destination::Destination;
use super::event_room::{event_room, unreadable_room};
use super::failpoint::Failpoint;
use super::intent::{self, Unconfirmed};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::parse::{email_addresses, one_of};
use super::portal_error::{failed_call, refused_without_cause};

/// In place of a GUID: the user that the event is about.
const USER: &str = "user";

/// Gives a person or group a role in the room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Share {
    /// Who gets it.
    pub with: ShareWith,
    /// The role.
    pub role: Role,
    /// Whether people get an email about it.
    pub notify: bool,
    /// The room; that of the event if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Destination>,
}

/// With whom a room is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareWith {
    /// The person with this GUID; `user` is the one that the event is about.
    Person(String),
    /// The group with this GUID.
    Group(String),
    /// The person with this email address.
    Email(String),
}

impl Kind for Share {
    const NAME: &'static str = "share";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"share":{"with":{"email":"a@x.example"},"role":"content_creator","notify":false}}"#,
            described: "share with a@x.example as content creator",
        },
        Example {
            stored: r#"{"share":{"with":{"group":"7c1f"},"role":"viewer","notify":true}}"#,
            described: "share with group 7c1f as viewer (with a notification)",
        },
        Example {
            stored: r#"{"share":{"with":{"person":"c4f0"},"role":"manager","notify":false}}"#,
            described: "share with person c4f0 as manager",
        },
        Example {
            stored: r#"{"share":{"with":{"person":"user"},"role":"manager","notify":false,"room":"{result.room}"}}"#,
            described: "share {result.room} with the user as manager",
        },
    ];

    /// `share = { email = "anna@example.com", role = "viewer" }`. Each person and group is an action of its own, so that
    /// each succeeds or fails on its own.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let mut table = value.table("{ email = \"anna@example.com\", role = \"viewer\" }")?;
        let guids = |value: Option<FieldValue<'_>>| {
            let items = value.iter().flat_map(FieldValue::items);
            items.filter_map(|item| item.guid()).collect::<Vec<_>>()
        };
        let person = table.field("person");
        let is_user = |value: &FieldValue<'_>| value.as_text() == Some(USER);
        let people = match &person {
            Some(value) if is_user(value) => vec![USER.to_owned()],
            _ => guids(person),
        };
        let with_user = people.first().is_some_and(|first| first == USER);
        let groups_field = table.field("group");
        let emails = table.field("email");
        let emails = emails.iter().flat_map(email_addresses);
        let groups: Vec<String> = guids(groups_field);
        let role = table.required("role", "what they may do in the room, such as \"viewer\"");
        let role = role.and_then(|role| one_of(&role, &Role::NAMES));
        let notify = table.field("notify").map_or(Some(false), |it| it.flag());
        let room = match table.field("room") {
            None => Some(None),
            Some(value) => Destination::parse(&value).map(Some),
        };
        table.finish();
        if with_user && room == Some(None) {
            value.report("shares no room: events about users are not in one, so set room");
        }
        if role == Some(Role::Manager) && !groups.is_empty() {
            value.report("gives a group the role \"manager\", which only people can have");
        }
        let with = people.into_iter().map(ShareWith::Person);
        let with = with.chain(groups.into_iter().map(ShareWith::Group));
        let with: Vec<ShareWith> = with.chain(emails.map(ShareWith::Email)).collect();
        if with.is_empty() {
            value.report("names nobody: set person, group or email");
            return None;
        }
        let (role, notify, room) = (role?, notify?, room?);
        let plan = |with| Self {
            with,
            role,
            notify,
            room: room.clone(),
        };
        Some(with.into_iter().map(plan).collect())
    }

    fn properties(&self) -> ActionProperties {
        let with = match &self.with {
            ShareWith::Person(id) if id == USER => "the user".to_owned(),
            ShareWith::Person(id) => format!("person {id}"),
            ShareWith::Group(id) => format!("group {id}"),
            ShareWith::Email(email) => email.clone(),
        };
        let room = self.room.iter().map(|room| format!("{room} "));
        let room: String = room.collect();
        ActionProperties {
            works_on: match (&self.with, &self.room) {
                (ShareWith::Person(id), _) if id == USER => WorksOn::Person,
                (_, Some(_)) => WorksOn::Anything,
                (_, None) => WorksOn::Room,
            },
            needs: self.room.is_none().then_some(FileRight::Share),
            scope: Some(KeyScope::Rooms),
            uses: self.room.as_ref().map_or_else(Vec::new, Destination::uses),
            target_text: Some(format!("{room}with {with} as {}", self.role)),
            remark: self.notify.then_some("with a notification"),
            ..ActionProperties::on_room()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| async move {
            let with = match &self.with {
                ShareWith::Person(id) if id == USER => {
                    ShareWith::Person(action.file.as_str().to_owned())
                }
                with => with.clone(),
            };
            let plan = Self {
                with,
                room: self.room.clone(),
                ..*self
            };
            share(context, action, &plan).await
        })
        .await
    }
}

async fn share(
    context: &Context<'_>,
    action: &Action,
    plan: &Share,
) -> Result<AttemptOutcome, StoreError> {
    let began_at = context.portal.portal_time();
    let room = match &plan.room {
        Some(room) => room.resolve(&Report::load(context, action).await?.results),
        None => event_room(context, action).await?,
    };
    let room = match room {
        Ok(room) => room,
        Err(outcome) => return Ok(outcome.keeping(action.intent.clone())),
    };
    if let Some(outcome) = plan.shown(context, &room).await {
        return Ok(outcome.keeping(action.intent.clone()));
    }
    let earlier = action.intent.clone();
    if let Some(intent) = earlier.filter(|intent| began_at < intent.in_flight_until) {
        let reason = "the portal may still be processing a call whose response was lost";
        let unconfirmed = Unconfirmed { action, intent };
        return Ok(unconfirmed.search_again(context, began_at, reason).1);
    }
    let invitee = match plan.invitee(context).await {
        Ok(invitee) => invitee,
        Err(outcome) => return Ok(outcome),
    };

    let mut ended = Outcomes::new();
    let intent = intent::new(context);
    let held = intent::store(context, [action], &intent, &mut ended).await?;
    let Some(unconfirmed) = held.into_iter().next() else {
        return Ok(AttemptOutcome::ClaimLost);
    };
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let may_send = context.holds_claims(vec![action.claim]);
    let members = context.portal.members();
    let shared = members.share(&room, (&invitee, plan.role), plan.notify, may_send);
    let shared = shared.await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match shared {
        Ok(()) => {
            let shown = plan.shown(context, &room).await;
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            let shown = shown.unwrap_or_else(|| AttemptOutcome::Dead {
                code: "not_shared",
                reason: "the portal accepted the call and added nobody: the account may be disabled, invisible to this key's \
                         user, or impossible to create for the address"
                    .to_owned(),
                intent: None,
            });
            shown.keeping(Some(unconfirmed.intent))
        }
        Err(Error::Forbidden) => plan.refused(context, action, &room).await,
        Err(error @ Error::NotFound) => unreadable_room(context, &error),
        Err(error) => unconfirmed.call_failed(context, &error).1,
    })
}

/// What the members of a room show.
enum Shown {
    Member(Member),
    NoMember,
    /// The key's user may not see the members.
    Nothing,
}

impl Share {
    /// The outcome that the members of the room show; `None` if the role has to be given.
    async fn shown(&self, context: &Context<'_>, room: &FolderId) -> Option<AttemptOutcome> {
        let member = match self.member(context, room).await {
            Ok(Shown::Member(member)) => member,
            Ok(Shown::NoMember) => return None,
            Ok(Shown::Nothing) => {
                return Some(AttemptOutcome::no_right(
                    "this key's user may not see the members of the room",
                ));
            }
            Err(error) => return Some(unreadable_room(context, &error)),
        };
        if member.is_owner {
            return Some(done(room, Some("the owner of the room keeps that role")));
        }
        if member.role == Some(self.role) {
            return Some(done(room, None));
        }
        (member.may_change == Some(false)).then(|| {
            AttemptOutcome::no_right("this key's user may not change the role of that member")
        })
    }

    async fn member(&self, context: &Context<'_>, room: &FolderId) -> Result<Shown, Error> {
        let mut pages = pin!(context.portal.members().pages(room));
        let mut shown = Shown::Nothing;
        while let Some(page) = pages.try_next().await? {
            for member in page.content {
                if self.with.is(&member) {
                    return Ok(Shown::Member(member));
                }
                shown = Shown::NoMember;
            }
        }
        Ok(shown)
    }

    /// Whom the invitation names. The portal makes nobody a manager by an address, and administrators can share a room with
    /// accounts that do not exist.
    async fn invitee(&self, context: &Context<'_>) -> Result<Invitee, AttemptOutcome> {
        let people = context.portal.people();
        let (found, invitee, gone) = match &self.with {
            ShareWith::Person(id) => {
                let found = people.account(id).await.map(|account| account.id);
                (
                    found,
                    Invitee::Id(id.clone()),
                    Some("the person does not exist"),
                )
            }
            ShareWith::Group(id) => {
                let found = people.find_group(id).await.map(|()| id.clone());
                (
                    found,
                    Invitee::Id(id.clone()),
                    Some("the group does not exist"),
                )
            }
            ShareWith::Email(email) => {
                let found = people.account_with_email(email).await;
                let found = found.map(|account| account.id);
                let gone =
                    "nobody has the address, and only people with an account can be managers";
                let needs_account = self.role == Role::Manager;
                (
                    found,
                    Invitee::Email(email.clone()),
                    needs_account.then_some(gone),
                )
            }
        };
        match (found, gone) {
            (Ok(id), _) => Ok(Invitee::Id(id)),
            (Err(Error::NotFound), Some(gone)) => Err(AttemptOutcome::Dead {
                code: "no_account",
                reason: gone.to_owned(),
                intent: None,
            }),
            // Whoever may not be seen may be invited nevertheless.
            (Err(Error::NotFound | Error::Forbidden), _) => Ok(invitee),
            (Err(error), _) => Err(failed_call(context, &error, None)),
        }
    }

    /// The outcome for a role that the portal refused to give: 403 means "no right" as well as "not this role".
    async fn refused(
        &self,
        context: &Context<'_>,
        action: &Action,
        room: &FolderId,
    ) -> AttemptOutcome {
        let room = match context.portal.files().room(room).await {
            Ok(room) => room,
            Err(error) => return unreadable_room(context, &error),
        };
        if room.root_folder_type == Some(FolderType::Archive) {
            return AttemptOutcome::no_right("the room is archived, and nobody may share it");
        }
        if room.security.and_then(|rights| rights.edit_access) == Some(false) {
            return AttemptOutcome::no_right("this key's user may open the room, but not share it");
        }
        refused_without_cause(action, || AttemptOutcome::Dead {
            code: "role_refused",
            reason: format!(
                "DocSpace does not allow the role “{}” in this room for this account, or no guests at all",
                self.role
            ),
            intent: None,
        })
    }
}

impl ShareWith {
    fn is(&self, member: &Member) -> bool {
        match self {
            Self::Person(id) | Self::Group(id) => member.id.eq_ignore_ascii_case(id),
            Self::Email(address) => {
                let email = member.email.as_deref();
                email.is_some_and(|email| email.eq_ignore_ascii_case(address))
            }
        }
    }
}

fn done(room: &FolderId, note: Option<&str>) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        folder: Some(room.clone()),
        note: note.map(str::to_owned),
        ..ActionResult::default()
    })
}
