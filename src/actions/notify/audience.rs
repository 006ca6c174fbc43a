//! Audiences: people whom a notification goes to without their addresses being in the rule. They are looked up when it is
//! sent.
//!
//! Nobody is notified about a room that they cannot see, and nobody about what they have done themselves, unless the rule
//! says so. The room is the one that the notification's link leads to. Disabled and invited accounts get nothing
//! (docs/DOCSPACE.md A5.1, A10).

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, Role};
use crate::event::EntryKind;
use crate::ids::FolderId;
use crate::outbox::Action;

use super::super::attempt::{AttemptOutcome, Context};
use super::super::event_room::{room_around, unreadable_room};
use super::super::message::Report;
use super::super::portal_error::failed_call;
use super::super::room_readers::{Depth, Reader};

/// The most people one notification goes to.
const MAX_RECIPIENTS: usize = 200;

/// People whom a rule names by what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The person who acted.
    Actor,
    /// The owner and the managers of the room.
    Managers,
    /// Everybody in the room, also as a member of a group.
    Members,
    /// The members of the group with this GUID who can see the room.
    Group(String),
}

impl Audience {
    /// The audience that a word in a rules file stands for.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "actor" => Some(Self::Actor),
            "managers" => Some(Self::Managers),
            "members" => Some(Self::Members),
            _ => None,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor => formatter.write_str("the person who acted"),
            Self::Managers => formatter.write_str("the managers of the room"),
            Self::Members => formatter.write_str("the members of the room"),
            Self::Group(id) => write!(formatter, "group {id}"),
        }
    }
}

/// Where what a notification links to can be seen.
enum Place {
    /// In a room.
    Room(FolderId),
    /// Everywhere, as an account is.
    Portal,
    /// In the documents or the trash of one person.
    Private,
}

/// The addresses of the audiences, each once, without those that are excepted.
pub(super) async fn addresses(
    context: &Context<'_>,
    action: &Action,
    audiences: &[Audience],
    except: &[String],
) -> Result<Result<Vec<String>, AttemptOutcome>, StoreError> {
    let report = Report::load(context, action).await?;
    Ok(look_up(context, &report, audiences, except).await)
}

async fn look_up(
    context: &Context<'_>,
    report: &Report,
    audiences: &[Audience],
    except: &[String],
) -> Result<Vec<String>, AttemptOutcome> {
    let place = place(context, report).await?;
    let actor = report.event.actor.as_deref();
    let is_actor = |reader: &Reader| actor.is_some_and(|actor| reader.is(actor));
    let mut found: Vec<Reader> = Vec::new();
    for audience in audiences {
        match audience {
            Audience::Actor => {
                if let Some(actor) = actor {
                    found.extend(account_at(context, &place, actor).await?);
                }
            }
            Audience::Managers => {
                let readers = readers(context, &place, Depth::PeopleOnly).await?;
                let managers = readers.iter().filter(|reader| reader.is_manager);
                found.extend(managers.filter(|it| !is_actor(it)).cloned());
            }
            Audience::Members => {
                let readers = readers(context, &place, Depth::WithGroups).await?;
                found.extend(readers.iter().filter(|it| !is_actor(it)).cloned());
            }
            Audience::Group(group) => {
                let members = group_at(context, &place, group).await?;
                found.extend(members.into_iter().filter(|it| !is_actor(it)));
            }
        }
    }
    let mut seen: HashSet<String> = except.iter().map(|it| it.to_lowercase()).collect();
    let addresses = found.iter().filter_map(Reader::address);
    let addresses = addresses.filter(|address| seen.insert(address.to_lowercase()));
    let addresses: Vec<String> = addresses.map(str::to_owned).collect();
    if addresses.len() > MAX_RECIPIENTS {
        return Err(AttemptOutcome::Dead {
            code: "too_many_recipients",
            reason: format!(
                "{} people would get an email, and one notification goes to at most {MAX_RECIPIENTS}",
                addresses.len()
            ),
            intent: None,
        });
    }
    Ok(addresses)
}

/// The place of what the notification links to: where an action before it has put the file or a copy of it, or the one of
/// the event.
async fn place(context: &Context<'_>, report: &Report) -> Result<Place, AttemptOutcome> {
    if report.kind() == EntryKind::Account {
        return Ok(Place::Portal);
    }
    let placed = report.before.as_ref();
    let placed = placed.and_then(|before| before.result.folder.clone());
    let folder = placed.or_else(|| report.event_folder());
    let room = match folder {
        Some(folder) => room_around(context, &folder).await?,
        None => None,
    };
    Ok(room.map_or(Place::Private, Place::Room))
}

/// The account with this id, if it exists and can see the place. Who acted outside of the rooms can see it there.
async fn account_at(
    context: &Context<'_>,
    place: &Place,
    id: &str,
) -> Result<Option<Reader>, AttemptOutcome> {
    let people = readers(context, place, Depth::PeopleOnly).await?;
    if let Some(reader) = people.iter().find(|reader| reader.is(id)) {
        return Ok(Some(reader.clone()));
    }
    let account = match context.portal.people().account(id).await {
        Ok(account) => account,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(unreadable_people(context, &error)),
    };
    let sees = match place {
        Place::Room(_) => account.sees_every_room() || sees(context, place, id).await?,
        Place::Portal | Place::Private => true,
    };
    Ok(sees.then(|| account.into()))
}

/// The members of a group who can see the place.
async fn group_at(
    context: &Context<'_>,
    place: &Place,
    group: &str,
) -> Result<Vec<Reader>, AttemptOutcome> {
    let members = context.portal.people().members_of_group(group).await;
    let members = members.map_err(|error| match error {
        Error::NotFound => AttemptOutcome::Dead {
            code: "group_gone",
            reason: format!("the group {group} does not exist"),
            intent: None,
        },
        error => unreadable_people(context, &error),
    })?;
    let mut readers = Vec::with_capacity(members.len());
    for member in members {
        let sees_every_room = matches!(place, Place::Room(_)) && member.sees_every_room();
        if sees_every_room || sees(context, place, &member.id).await? {
            readers.push(member.into());
        }
    }
    Ok(readers)
}

/// Whether an account is in the room, also as a member of a group.
async fn sees(context: &Context<'_>, place: &Place, id: &str) -> Result<bool, AttemptOutcome> {
    if matches!(place, Place::Portal) {
        return Ok(true);
    }
    let readers = readers(context, place, Depth::WithGroups).await?;
    Ok(readers.iter().any(|reader| reader.is(id)))
}

/// Who is in the room; nobody outside of the rooms.
async fn readers(
    context: &Context<'_>,
    place: &Place,
    depth: Depth,
) -> Result<Arc<[Reader]>, AttemptOutcome> {
    let Place::Room(room) = place else {
        return Ok(Arc::from([]));
    };
    let known = context.room_readers;
    // Of several attempts that need the same, one reads it.
    let _reading = known.begin_reading().await;
    if let Some(readers) = known.get(room, depth, context.clock.now()) {
        return Ok(readers);
    }
    let readers: Arc<[Reader]> = read(context, room, depth).await?.into();
    known.insert(room, depth, Arc::clone(&readers), context.clock.now());
    Ok(readers)
}

async fn read(
    context: &Context<'_>,
    room: &FolderId,
    depth: Depth,
) -> Result<Vec<Reader>, AttemptOutcome> {
    let mut readers = Vec::new();
    let mut groups = Vec::new();
    let mut is_empty = true;
    let mut pages = pin!(context.portal.members().pages(room));
    let unreadable = |error: Error| unreadable_room(context, &error);
    while let Some(page) = pages.try_next().await.map_err(unreadable)? {
        for member in page.content {
            is_empty = false;
            if member.is_group {
                groups.push(member.id);
            } else {
                readers.push(Reader {
                    is_manager: member.is_owner || member.role == Some(Role::Manager),
                    id: member.id,
                    email: member.email,
                    is_active: member.is_active,
                });
            }
        }
    }
    // Every room has an owner.
    if is_empty {
        return Err(AttemptOutcome::no_right(
            "this key's user may not see who is in the room",
        ));
    }
    if depth == Depth::WithGroups {
        for group in groups {
            match context.portal.people().members_of_group(&group).await {
                Ok(members) => readers.extend(members.into_iter().map(Reader::from)),
                // It was deleted a moment ago.
                Err(Error::NotFound) => {}
                Err(error) => return Err(unreadable_people(context, &error)),
            }
        }
    }
    Ok(readers)
}

/// The outcome for people whom the portal does not show.
fn unreadable_people(context: &Context<'_>, error: &Error) -> AttemptOutcome {
    match error {
        Error::Forbidden => {
            AttemptOutcome::no_right("this key's user may not see people and groups")
        }
        error => failed_call(context, error, None),
    }
}
