//! Replay and discard: a page that asks for confirmation, and the form on it.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tracing::info;

use super::access::{Caller, Identity, OperatorName};
use super::console::Console;
use super::event_page::Notice;
use super::layout::{Layout, all_events, message, no_event, page, unavailable};
use super::login;
use crate::ids::InboxId;
use crate::inbox::{self, Discarded, Replay, ReplayOrder, ReplayedBy};
use crate::journal::{self, EventDetails, EventState};
use crate::outbox::ActionState;

/// A change of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventChange {
    Replay,
    Discard,
}

impl EventChange {
    /// The word in addresses.
    fn as_str(self) -> &'static str {
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
    let path = format!("/events/{id}/{}", change.as_str());
    if let Some(refusal) = refusal(&console, identity, &path) {
        return refusal;
    }
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
    Extension(OperatorName(person)): Extension<OperatorName>,
    Path((id, change)): Path<(i64, EventChange)>,
) -> Response {
    if let Some(refusal) = refusal(&console, identity, &format!("/events/{id}")) {
        return refusal;
    }
    let now = console.clock.now();
    let event = InboxId(id);
    let order = ReplayOrder {
        by: ReplayedBy::Console,
        person,
    };
    let write = console.db.write(move |sql| {
        Ok(match change {
            EventChange::Replay => inbox::replay(sql, event, &order, now)?.map(notice_of_replay),
            EventChange::Discard => inbox::discard(sql, event, now)?.map(notice_of_discard),
        })
    });
    match write.await {
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

fn notice_of_replay(replay: Replay) -> Notice {
    match replay {
        Replay::Reevaluating => Notice::Reevaluating,
        Replay::NothingToReplay => Notice::NothingChanged,
    }
}

fn notice_of_discard(discarded: Discarded) -> Notice {
    if discarded == Discarded::default() {
        Notice::NothingChanged
    } else {
        Notice::Discarded
    }
}

/// The page for those who may not change anything.
fn refusal(console: &Console, identity: Identity, path: &str) -> Option<Response> {
    let layout = Layout::new(console, identity);
    match identity.caller {
        Caller::Operator => None,
        Caller::Anonymous => Some(message(
            layout,
            StatusCode::UNAUTHORIZED,
            "Sign in first",
            "Sign in with the ADMIN_TOKEN to make changes. A session lasts 12 hours.",
            Some((login::address(path), "Sign in")),
        )),
        Caller::NoTokenConfigured => Some(message(
            layout,
            StatusCode::FORBIDDEN,
            "Nothing can be changed here",
            "ADMIN_TOKEN is not set. Set it and restart the service, or use docspace-courier events.",
            Some(all_events()),
        )),
    }
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
        dead_letters: dead_letters(details),
    }
}

/// What failed, each with its reason.
fn dead_letters(details: &EventDetails) -> Vec<String> {
    let line =
        |what: &str, reason: Option<&str>| format!("{what}: {}", reason.unwrap_or("no reason"));
    let mut dead: Vec<String> = details
        .actions
        .iter()
        .filter(|action| action.state == ActionState::Dead)
        .map(|action| line(&action.what, action.reason.as_deref()))
        .collect();
    if dead.is_empty() && details.event.state == EventState::Dead {
        dead.push(line("decision", details.event.reason.as_deref()));
    }
    dead
}
