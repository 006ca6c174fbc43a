//! Replay and discard: a page that asks whether it is meant, and the form on it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tracing::info;

use super::Status;
use super::access::Visitor;
use super::frame::{Frame, message, no_event, page, unavailable};
use super::login;
use crate::inbox::{self, Discarded, InboxId, Replay};
use crate::journal::{self, EventDetails, EventState as Stands};
use crate::outbox::ActionState;
use crate::text::clean;

/// What may be ordered about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    Replay,
    Discard,
}

#[derive(Template)]
#[template(path = "status_change.html")]
struct Question {
    frame: Frame,
    id: InboxId,
    title: String,
    heading: &'static str,
    sentence: &'static str,
    name: &'static str,
    button: &'static str,
    dead: Vec<String>,
}

pub(super) async fn ask(
    State(status): State<Arc<Status>>,
    headers: HeaderMap,
    Path((id, change)): Path<(i64, Change)>,
) -> Response {
    let wanted = format!("/events/{id}/{}", name(change));
    if let Some(refusal) = refusal(&status, &headers, &wanted) {
        return refusal;
    }
    let frame = Frame::new(&status, &headers);
    match status.db.read(move |sql| journal::find(sql, id)).await {
        Ok(Some(story)) => page(StatusCode::OK, &question(frame, &story, change)),
        Ok(None) => no_event(frame, id),
        Err(_) => unavailable(frame),
    }
}

pub(super) async fn make(
    State(status): State<Arc<Status>>,
    headers: HeaderMap,
    Path((id, change)): Path<(i64, Change)>,
) -> Response {
    if let Some(refusal) = refusal(&status, &headers, &format!("/events/{id}")) {
        return refusal;
    }
    let now = status.clock.now();
    let event = InboxId(id);
    let write = status.db.write(move |sql| {
        Ok(match change {
            Change::Replay => inbox::replay(sql, event, now)?.map(said_of_replay),
            Change::Discard => inbox::discard(sql, event, now)?.map(said_of_discard),
        })
    });
    match write.await {
        Ok(Some(said)) => {
            info!(
                event.id = id,
                outcome = said,
                "{} was ordered on the page",
                name(change)
            );
            status.wake.inbox.notify_one();
            status.wake.outbox.notify_one();
            Redirect::to(&format!("/events/{id}?said={said}")).into_response()
        }
        Ok(None) => no_event(Frame::new(&status, &headers), id),
        Err(_) => unavailable(Frame::new(&status, &headers)),
    }
}

fn said_of_replay(replay: Replay) -> &'static str {
    match replay {
        Replay::PutBack(_) => "put_back",
        Replay::AskedAgain => "asked_again",
        Replay::NothingDead => "nothing",
    }
}

fn said_of_discard(discarded: Discarded) -> &'static str {
    if discarded == Discarded::default() {
        "nothing"
    } else {
        "discarded"
    }
}

fn name(change: Change) -> &'static str {
    match change {
        Change::Replay => "replay",
        Change::Discard => "discard",
    }
}

/// What is said to those who may not change anything.
fn refusal(status: &Status, headers: &HeaderMap, wanted: &str) -> Option<Response> {
    let frame = Frame::new(status, headers);
    match status.access.visitor(headers, status.clock.now()) {
        Visitor::Operator => None,
        Visitor::Stranger => Some(message(
            frame,
            StatusCode::UNAUTHORIZED,
            "The token is needed",
            "Whoever changes something here enters the ADMIN_TOKEN first, once for 12 hours.",
            (login::address(wanted), "Enter the token"),
        )),
        Visitor::NoToken => Some(message(
            frame,
            StatusCode::FORBIDDEN,
            "Nothing can be changed here",
            "No ADMIN_TOKEN is configured. Set one and restart the service, or use docspace-courier events.",
            ("/", "All events"),
        )),
    }
}

fn question(frame: Frame, story: &EventDetails, change: Change) -> Question {
    let is_dead = story.event.state == Stands::Dead;
    let (heading, sentence, button) = match change {
        Change::Replay if is_dead => (
            "Replay this event?",
            "What is dead goes back to work, with all its attempts. What is done is not done again.",
            "Replay it",
        ),
        Change::Replay => (
            "Ask the rules again?",
            "The rules that ignored the event are asked again, as one wants after changing them. What is \
             done is not done again.",
            "Ask them",
        ),
        Change::Discard => (
            "Discard what is dead?",
            "It is given up for good, and so is what waits behind it in its rule. It stays in the list \
             with its reason.",
            "Discard it",
        ),
    };
    let actions = story
        .actions
        .iter()
        .filter(|action| action.state == ActionState::Dead);
    let mut dead: Vec<String> = actions
        .map(|action| {
            let reason = action.reason.as_deref().unwrap_or("no reason");
            clean(&format!("{}: {reason}", action.what()))
        })
        .collect();
    if is_dead && dead.is_empty() {
        let reason = story.event.reason.as_deref().unwrap_or("no reason");
        dead.push(clean(&format!("its decision: {reason}")));
    }
    Question {
        frame,
        id: story.event.id,
        title: story.event.title.as_deref().map_or_else(String::new, clean),
        heading,
        sentence,
        name: name(change),
        button,
        dead,
    }
}
