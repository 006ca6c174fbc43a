//! An event's page: how it came, what each rule said and why, what was done about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::Status;
use super::access::Visitor;
use super::frame::{Frame, Moment, no_event, page, unavailable};
use super::login;
use crate::ids::InboxId;
use crate::journal::{self, DecisionView, EventDetails, EventState};
use crate::outbox::ActionState;
use crate::text::clean;

#[derive(Template)]
#[template(path = "status_event.html")]
struct Page {
    frame: Frame,
    id: InboxId,
    title: String,
    state: &'static str,
    reason: Option<String>,
    said: Option<&'static str>,
    facts: Vec<(&'static str, String)>,
    came: Moment,
    deliveries: u32,
    source: &'static str,
    decision_due: Option<Moment>,
    decisions: Vec<DecisionView>,
    actions: Vec<ActionLine>,
    orders: Orders,
    body: String,
}

struct ActionLine {
    id: String,
    what: String,
    rule: String,
    state: ActionState,
    standing: String,
    reason: Option<String>,
}

/// What a person may order about the event here.
struct Orders {
    replay: Option<&'static str>,
    discard: bool,
    /// Where to enter the token first.
    login: Option<String>,
    /// No token is configured.
    no_token: bool,
}

/// What was just ordered.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    said: Option<String>,
}

pub(super) async fn show(
    State(status): State<Arc<Status>>,
    headers: HeaderMap,
    Path(id): Path<i64>,
    Query(Said { said }): Query<Said>,
) -> Response {
    let frame = Frame::new(&status, &headers);
    match status.db.read(move |sql| journal::find(sql, id)).await {
        Ok(Some(story)) => {
            let now = status.clock.now();
            let visitor = status.access.visitor(&headers, now);
            let said = said.as_deref().and_then(sentence);
            page(StatusCode::OK, &view(frame, story, visitor, said, now))
        }
        Ok(None) => no_event(frame, id),
        Err(_) => unavailable(frame),
    }
}

/// What is said after an order; the address names it by a word, so that nobody can put words here.
fn sentence(said: &str) -> Option<&'static str> {
    match said {
        "put_back" => Some("Put back to work, with all attempts."),
        "asked_again" => Some("The rules that ignored it are asked again."),
        "discarded" => Some("Discarded, with what waited behind it."),
        "nothing" => Some("Nothing of it was dead any more; nothing was changed."),
        _ => None,
    }
}

fn view(
    frame: Frame,
    story: EventDetails,
    visitor: Visitor,
    said: Option<&'static str>,
    now: Timestamp,
) -> Page {
    let orders = orders(&story, visitor);
    let event = &story.event;
    let facts = [
        ("Trigger", event.trigger.clone()),
        ("File", event.file_id.clone()),
        ("In DocSpace", event.docspace_numbers()),
    ];
    let actions = story.actions.iter().map(|action| ActionLine {
        id: action.id.to_string(),
        what: clean(&action.what()),
        rule: clean(&action.rule),
        state: action.state,
        standing: clean(&action.standing(&story.actions)),
        reason: action.reason.as_deref().map(clean),
    });
    Page {
        frame,
        id: event.id,
        title: event
            .title
            .as_deref()
            .or(event.trigger.as_deref())
            .map_or_else(|| "A body without a title".to_owned(), clean),
        state: event.state.as_str(),
        reason: event.reason.as_deref().map(clean),
        said,
        facts: facts
            .into_iter()
            .filter_map(|(name, fact)| Some((name, clean(&fact?))))
            .collect(),
        came: Moment::new(event.received_at, now),
        deliveries: event.deliveries,
        source: event.source_words(),
        decision_due: event.due_at.map(|due| Moment::new(due, now)),
        actions: actions.collect(),
        orders,
        body: pretty(&story.body),
        decisions: story.decisions,
    }
}

fn orders(story: &EventDetails, visitor: Visitor) -> Orders {
    let dead = story.event.state == EventState::Dead;
    let replay = if dead {
        Some("Replay")
    } else {
        story.may_be_asked_again().then_some("Ask the rules again")
    };
    let wanted = format!("/events/{}", story.event.id);
    Orders {
        replay,
        discard: dead,
        login: (visitor == Visitor::Stranger).then(|| login::address(&wanted)),
        no_token: visitor == Visitor::NoToken,
    }
}

/// The body as people read JSON; as it came, where it is none.
fn pretty(body: &[u8]) -> String {
    let text = serde_json::from_slice::<serde_json::Value>(body)
        .and_then(|json| serde_json::to_string_pretty(&json))
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}
