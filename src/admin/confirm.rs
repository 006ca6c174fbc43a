//! Replay and discard: a page that asks for confirmation, and the form on it.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tracing::info;

use super::access::{Identity, OperatorName};
use super::console::Console;
use super::event_page::Notice;
use super::layout::{Layout, no_event, page, unavailable};
use crate::audit::Author;
use crate::db::StoreError;
use crate::ids::InboxId;
use crate::inbox::Discarded;
use crate::journal::{self, ActionView, EventDetails, EventState, EventView};
use crate::outbox::ActionState;
use crate::replay::{self, ReplayMode};

/// A change of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventChange {
    Replay,
    Discard,
}

impl EventChange {
    /// The word in addresses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }
}

#[derive(Template)]
#[template(path = "status_change.html")]
struct ConfirmationPage {
    layout: Layout,
    id: InboxId,
    title: String,
    heading: &'static str,
    sentence: &'static str,
    change: &'static str,
    button: &'static str,
    dead_letters: Vec<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Path((id, change)): Path<(i64, EventChange)>,
) -> Response {
    let layout = Layout::new(&console, identity);
    match console.db.read(move |sql| journal::find(sql, id)).await {
        Ok(Some(event)) => page(StatusCode::OK, &confirmation(layout, &event, change)),
        Ok(None) => no_event(layout, id),
        Err(error) => unavailable(layout, &error),
    }
}

pub(super) async fn apply(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Extension(name): Extension<OperatorName>,
    Path((id, change)): Path<(i64, EventChange)>,
) -> Response {
    let author = name.author();
    match change_event(&console, InboxId(id), change, &author).await {
        Ok(Some(notice)) => {
            let notice = notice.as_str();
            info!(
                event.id = id,
                outcome = notice,
                "{} requested in the console",
                change.as_str()
            );
            console.wake.inbox.notify_one();
            console.wake.outbox.notify_one();
            Redirect::to(&format!("/events/{id}?notice={notice}")).into_response()
        }
        Ok(None) => no_event(Layout::new(&console, identity), id),
        Err(error) => unavailable(Layout::new(&console, identity), &error),
    }
}

async fn change_event(
    console: &Console,
    event: InboxId,
    change: EventChange,
    author: &Author,
) -> Result<Option<Notice>, StoreError> {
    let (db, now, events) = (&console.db, console.clock.now(), [event]);
    Ok(match change {
        EventChange::Replay => {
            let mode = ReplayMode::CurrentRules;
            let replayed = replay::order(db, &events, mode, author, now).await?;
            if replayed.not_found.is_empty() {
                Some(match replayed.reevaluating {
                    0 => Notice::NothingChanged,
                    _ => Notice::Reevaluating,
                })
            } else {
                None
            }
        }
        EventChange::Discard => {
            let discarded = replay::discard(db, &events, author, now).await?;
            let discarded = discarded.into_iter().find_map(|(_, discarded)| discarded);
            discarded.map(|it| {
                if it == Discarded::default() {
                    Notice::NothingChanged
                } else {
                    Notice::Discarded
                }
            })
        }
    })
}

fn confirmation(layout: Layout, details: &EventDetails, change: EventChange) -> ConfirmationPage {
    let is_dead = details.event.state == EventState::Dead;
    let (heading, sentence, button) = match change {
        EventChange::Replay if is_dead => (
            "Replay this event?",
            "The current rules are evaluated again. What they plan replaces what failed or waits, and is tried with \
             all attempts. Completed actions are not repeated.",
            "Replay",
        ),
        EventChange::Replay => (
            "Evaluate the rules again?",
            "The current rules are evaluated again, for example after you changed them. What they plan replaces \
             what was discarded. Completed actions are not repeated.",
            "Evaluate again",
        ),
        EventChange::Discard => (
            "Discard the failed actions?",
            "The failed actions, and those that wait for them, will not be carried out. The event stays \
             in the list with its reason.",
            "Discard",
        ),
    };
    ConfirmationPage {
        layout,
        id: details.event.id,
        title: details.event.title.clone().unwrap_or_default(),
        heading,
        sentence,
        change: change.as_str(),
        button,
        dead_letters: dead_letters(&details.event, &details.actions),
    }
}

/// What failed of an event, each with its reason.
pub(super) fn dead_letters(event: &EventView, actions: &[ActionView]) -> Vec<String> {
    let line =
        |what: &str, reason: Option<&str>| format!("{what}: {}", reason.unwrap_or("no reason"));
    let mut dead: Vec<String> = actions
        .iter()
        .filter(|action| action.state == ActionState::Dead)
        .map(|action| line(&action.what, action.reason.as_deref()))
        .collect();
    if dead.is_empty() && event.state == EventState::Dead {
        dead.push(line("decision", event.reason.as_deref()));
    }
    dead
}
