//! An event's page: where it came from, what each rule decided and why, and its actions.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::{Caller, Identity};
use super::console::Console;
use super::layout::{Layout, RelativeTime, no_event, page, unavailable};
use super::list_query::list_of;
use super::login;
use super::portal_names::{Named, PATIENCE, PortalNames};
use super::role::Role;
use crate::docspace::editor_address;
use crate::event::EntryKind;
use crate::ids::{FileId, InboxId};
use crate::journal::{self, DecisionView, EventDetails, EventState};
use crate::text::clean;

#[derive(Template)]
#[template(path = "status_event.html")]
struct EventPage {
    layout: Layout,
    id: InboxId,
    title: String,
    state: &'static str,
    reason: Option<String>,
    notice: Option<&'static str>,
    facts: Vec<Fact>,
    received: RelativeTime,
    deliveries: u32,
    source: &'static str,
    decision_due: Option<RelativeTime>,
    decisions: Vec<DecisionView>,
    actions: Vec<ActionItem>,
    controls: Controls,
    body: String,
}

/// A line about the event.
struct Fact {
    name: &'static str,
    text: String,
    /// The list of all events that share it.
    list: Option<String>,
    /// Where it is in DocSpace.
    portal: Option<String>,
}

struct ActionItem {
    id: String,
    what: String,
    rule: String,
    state: &'static str,
    state_in_words: String,
    reason: Option<String>,
}

/// The changes that the page offers.
struct Controls {
    /// The label of the replay button, if the event can be replayed.
    replay: Option<&'static str>,
    can_discard: bool,
    /// Where to sign in first.
    login: Option<String>,
    no_token_configured: bool,
}

/// The effect of a change, shown on the page that follows it. The address contains only a word, so that a
/// link cannot put text on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Reevaluating,
    Discarded,
    NothingChanged,
}

impl Notice {
    const ALL: [Self; 3] = [Self::Reevaluating, Self::Discarded, Self::NothingChanged];

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == word)
    }

    /// The word in the address.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Reevaluating => "reevaluating",
            Self::Discarded => "discarded",
            Self::NothingChanged => "nothing_changed",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Reevaluating => {
                "The current rules evaluate the event again. What is done is not repeated."
            }
            Self::Discarded => "Discarded, with the actions that waited for it.",
            Self::NothingChanged => "There was nothing to replay or discard; nothing was changed.",
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct EventQuery {
    notice: Option<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<i64>,
    Query(EventQuery { notice }): Query<EventQuery>,
) -> Response {
    let layout = Layout::new(&console, identity);
    match console.db.read(move |sql| journal::find(sql, id)).await {
        Ok(Some(details)) => {
            let controls = controls(&details, identity.caller);
            let notice = notice.as_deref().and_then(Notice::from_word);
            let notice = notice.map(Notice::sentence);
            let event = &details.event;
            let places = [&event.folder_id, &event.room_id].into_iter().flatten();
            let places = places.filter_map(|place| Named::place(place));
            let people = event.actor.as_deref().map(Named::person);
            console.names.look_up(places.chain(people), PATIENCE).await;
            let event = event_page(&console, layout, details, controls, notice);
            page(StatusCode::OK, &event)
        }
        Ok(None) => no_event(layout, id),
        Err(error) => unavailable(layout, &error),
    }
}

fn event_page(
    console: &Console,
    layout: Layout,
    details: EventDetails,
    controls: Controls,
    notice: Option<&'static str>,
) -> EventPage {
    let now = console.clock.now();
    let event = &details.event;
    let changes = details.replay_changes.join("; ");
    let facts = [
        Fact::new("Replayed", event.replay_text()),
        Fact::new("It changed", Some(changes).filter(|it| !it.is_empty())),
        Fact::listed("Trigger", "trigger", event.trigger.as_deref()),
        subject(console, &details),
        Fact::place("Folder", &console.names, event.folder_id.as_deref()),
        Fact::place("Room", &console.names, event.room_id.as_deref()),
        Fact::person(&console.names, event.actor.as_deref()),
        Fact::new("In DocSpace", event.docspace_numbers()),
    ];
    let actions = details.actions.iter().map(|action| ActionItem {
        id: action.id.to_string(),
        what: action.what.clone(),
        rule: action.rule.clone(),
        state: action.shown_state(),
        state_in_words: action.state_in_words(&details.actions),
        reason: action.reason.clone(),
    });
    EventPage {
        layout,
        id: event.id,
        title: event
            .title
            .as_deref()
            .or(event.trigger.as_deref())
            .unwrap_or("Untitled body")
            .to_owned(),
        state: event.state.as_str(),
        reason: event.reason.clone(),
        notice,
        facts: facts.into_iter().flatten().collect(),
        received: RelativeTime::new(event.received_at, now),
        deliveries: event.deliveries,
        source: event.source_text(),
        decision_due: event.due_at.map(|due| RelativeTime::new(due, now)),
        actions: actions.collect(),
        controls,
        body: pretty(&details.body),
        decisions: details.decisions,
    }
}

impl Fact {
    fn new(name: &'static str, text: Option<String>) -> Option<Self> {
        text.map(|text| Self {
            name,
            text,
            list: None,
            portal: None,
        })
    }

    /// A fact that other events share, by the name of the filter.
    fn listed(name: &'static str, filter: &str, text: Option<&str>) -> Option<Self> {
        text.map(|text| Self {
            name,
            text: clean(text),
            list: Some(list_of(filter, text)),
            portal: None,
        })
    }

    /// The person who acted, with their name if that is known.
    fn person(names: &PortalNames, id: Option<&str>) -> Option<Self> {
        let id = id?;
        let mut fact = Self::listed("Person", "person", Some(id))?;
        if let Some((name, address)) = names.person(id) {
            fact.text = format!("{name} ({})", fact.text);
            fact.portal = Some(address);
        }
        Some(fact)
    }

    /// A room or folder, with its name if that is known.
    fn place(name: &'static str, places: &PortalNames, place: Option<&str>) -> Option<Self> {
        let place = place?;
        let item = places.item(place);
        let mut fact = Self::listed(name, "room", Some(place))?;
        if item.name != item.id {
            fact.text = format!("{} ({})", item.name, item.id);
        }
        fact.portal = Some(item.address);
        Some(fact)
    }
}

/// What the event is about.
fn subject(console: &Console, details: &EventDetails) -> Option<Fact> {
    let id = details.event.file_id.as_deref()?;
    let entry = details.parsed().and_then(|event| event.entry);
    match entry.map_or(EntryKind::File, |entry| entry.kind) {
        EntryKind::File => {
            let mut fact = Fact::listed("File", "file", Some(id))?;
            let file = FileId::new(id);
            fact.portal = file.map(|file| editor_address(console.portal.host(), &file));
            Some(fact)
        }
        EntryKind::Folder => {
            let mut fact = Fact::listed("Subject folder", "file", Some(id))?;
            fact.portal = Some(console.names.item(id).address);
            Some(fact)
        }
        EntryKind::Account => Fact::listed("Subject account", "file", Some(id)),
    }
}

fn controls(details: &EventDetails, caller: Caller) -> Controls {
    let is_dead = details.event.state == EventState::Dead;
    let replay = if is_dead {
        Some("Replay")
    } else {
        details.has_ended().then_some("Evaluate the rules again")
    };
    let path = format!("/events/{}", details.event.id);
    Controls {
        replay,
        can_discard: is_dead,
        login: matches!(caller, Caller::Anonymous | Caller::Known(Role::Viewer))
            .then(|| login::address(&path)),
        no_token_configured: caller == Caller::NoTokenConfigured,
    }
}

/// The body as indented JSON, or as it is.
fn pretty(body: &[u8]) -> String {
    serde_json::from_slice::<serde_json::Value>(body)
        .and_then(|json| serde_json::to_string_pretty(&json))
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned())
}
