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
use crate::ids::FolderId;
use crate::outbox::Action;

use super::super::attempt::{AttemptOutcome, Context};
use super::super::event_room::{no_room, room_around, unreadable_room};
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
    let room = room(context, report).await?;
    let actor = report.event.actor.as_deref();
    let is_actor = |reader: &Reader| actor.is_some_and(|actor| reader.is(actor));
    let mut found: Vec<Reader> = Vec::new();
    for audience in audiences {
        match audience {
            Audience::Actor => {
                if let Some(actor) = actor {
                    found.extend(account_in_room(context, room.as_ref(), actor).await?);
                }
            }
            Audience::Managers => {
                let room = room.as_ref().ok_or_else(no_room)?;
                let readers = readers(context, room, Depth::PeopleOnly).await?;
                let managers = readers.iter().filter(|reader| reader.is_manager);
                found.extend(managers.filter(|it| !is_actor(it)).cloned());
            }
            Audience::Members => {
                let room = room.as_ref().ok_or_else(no_room)?;
                let readers = readers(context, room, Depth::WithGroups).await?;
                found.extend(readers.iter().filter(|it| !is_actor(it)).cloned());
            }
            Audience::Group(group) => {
                let members = group_in_room(context, room.as_ref(), group).await?;
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

/// The room of what the notification links to: where an action before it has put the file or a copy of it, or the one of
/// the event.
async fn room(context: &Context<'_>, report: &Report) -> Result<Option<FolderId>, AttemptOutcome> {
    let placed = report.before.as_ref();
    let placed = placed.and_then(|before| before.result.folder.clone());
    let folder = placed.or_else(|| report.event_folder());
    match folder {
        Some(folder) => room_around(context, &folder).await,
        None => Ok(None),
    }
}

/// The account with this id, if it exists and can see the room.
async fn account_in_room(
    context: &Context<'_>,
    room: Option<&FolderId>,
    id: &str,
) -> Result<Option<Reader>, AttemptOutcome> {
    if let Some(room) = room {
        let readers = readers(context, room, Depth::PeopleOnly).await?;
        if let Some(reader) = readers.iter().find(|reader| reader.is(id)) {
            return Ok(Some(reader.clone()));
        }
    }
    let account = match context.portal.people().account(id).await {
        Ok(account) => account,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(unreadable_people(context, &error)),
    };
    let sees_room = account.sees_every_room() || sees(context, room, id).await?;
    Ok(sees_room.then(|| account.into()))
}

/// The members of a group who can see the room.
async fn group_in_room(
    context: &Context<'_>,
    room: Option<&FolderId>,
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
        if member.sees_every_room() || sees(context, room, &member.id).await? {
            readers.push(member.into());
        }
    }
    Ok(readers)
}

/// Whether an account is in the room, also as a member of a group. What is in no room needs no such right.
async fn sees(
    context: &Context<'_>,
    room: Option<&FolderId>,
    id: &str,
) -> Result<bool, AttemptOutcome> {
    let Some(room) = room else { return Ok(true) };
    let readers = readers(context, room, Depth::WithGroups).await?;
    Ok(readers.iter().any(|reader| reader.is(id)))
}

async fn readers(
    context: &Context<'_>,
    room: &FolderId,
    depth: Depth,
) -> Result<Arc<[Reader]>, AttemptOutcome> {
    let known = context.room_readers;
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
