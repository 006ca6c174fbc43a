//! The first page: how all stands, the last day, and the events, newest first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::Status;
use super::chart::Chart;
use super::frame::{Frame, Moment, page, unavailable};
use crate::docspace::{BreakerState, Client};
use crate::ids::InboxId;
use crate::journal::overview::{self, Overview, last_day, overview};
use crate::journal::{self, ActionView, EventFilter, EventView, StateFilter};
use crate::outbox::ActionState;
use crate::text::{clean, clean_and_cut};

/// Events on one page.
const EVENTS: u32 = 50;

/// Longest title and reason in the list; the event's own page has all of it.
const TEXT: usize = 160;

/// Which events are asked for, by the page's form and links or by a program.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    search: Option<String>,
    show: Option<String>,
    file: Option<String>,
    before: Option<i64>,
    /// How many at the most.
    pub(super) limit: Option<u32>,
}

impl Wanted {
    pub(super) fn filter(&self) -> EventFilter {
        EventFilter {
            standing: match self.show.as_deref() {
                Some("dead") => StateFilter::Dead,
                Some("waiting") => StateFilter::Waiting,
                _ => StateFilter::Any,
            },
            file: self.file.clone(),
            search: self
                .search
                .as_ref()
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty()),
            before: self.before.map(InboxId),
        }
    }
}

#[derive(Template)]
#[template(path = "status_list.html")]
struct List {
    frame: Frame,
    portal: Health,
    waiting: u64,
    waiting_since: Option<Moment>,
    dead: u64,
    last_delivery: Option<Moment>,
    chart: Chart,
    search: String,
    tabs: [Tab; 3],
    rows: Vec<Row>,
    /// The number before which the next page begins.
    older: Option<InboxId>,
}

struct Tab {
    name: &'static str,
    words: &'static str,
    chosen: bool,
}

/// How the portal is doing, as far as the breaker knows.
struct Health {
    class: &'static str,
    word: &'static str,
    sentence: String,
}

struct Row {
    id: InboxId,
    title: String,
    trigger: String,
    file: Option<String>,
    came: Moment,
    state: &'static str,
    actions: Vec<Line>,
    reason: Option<String>,
}

struct Line {
    what: String,
    state: ActionState,
}

pub(super) async fn show(
    State(status): State<Arc<Status>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Response {
    let frame = Frame::new(&status, &headers);
    let now = status.clock.now();
    let filter = wanted.filter();
    let asked = filter.clone();
    let read = status.db.read(move |sql| {
        Ok((
            overview(sql)?,
            last_day(sql, now)?,
            journal::list_with_actions(sql, &asked, EVENTS + 1)?,
        ))
    });
    let Ok((overview, hours, mut events)) = read.await else {
        return unavailable(frame);
    };
    let more = events.len() > EVENTS as usize;
    events.truncate(EVENTS as usize);
    let list = List {
        frame,
        portal: health(&status.portal, now),
        waiting: overview.events_waiting + overview.actions_owed,
        waiting_since: waits(&overview, now),
        dead: overview.dead,
        last_delivery: overview.last_delivery.map(|at| Moment::new(at, now)),
        chart: Chart::new(&hours),
        tabs: tabs(filter.standing),
        search: filter.search.unwrap_or_default(),
        older: events.last().map(|(event, _)| event.id).filter(|_| more),
        rows: events
            .into_iter()
            .map(|(event, actions)| row(event, &actions, now))
            .collect(),
    };
    page(StatusCode::OK, &list)
}

/// Since when something waits, if for long enough to be worth a word.
fn waits(overview: &Overview, now: Timestamp) -> Option<Moment> {
    let age = overview::age(overview.waiting_since, now);
    overview
        .waiting_since
        .filter(|_| age.as_secs() > 0)
        .map(|since| Moment::new(since, now))
}

fn tabs(standing: StateFilter) -> [Tab; 3] {
    [
        ("all", "All", StateFilter::Any),
        ("waiting", "Waiting", StateFilter::Waiting),
        ("dead", "Dead", StateFilter::Dead),
    ]
    .map(|(name, words, of)| Tab {
        name,
        words,
        chosen: of == standing,
    })
}

fn health(portal: &Client, now: Timestamp) -> Health {
    let Some(why) = portal.open_reason() else {
        return Health {
            class: "good",
            word: "well",
            sentence: budget(portal, now),
        };
    };
    let next = match portal.breaker_state() {
        BreakerState::Open(_, until) => format!("next call {}", Moment::new(until, now).about),
        BreakerState::Closed | BreakerState::HalfOpen(_) => "next call is due".to_owned(),
    };
    Health {
        class: "bad",
        word: "left alone",
        sentence: format!("{}; {next}", why.as_str()),
    }
}

/// What is left of the portal's limits, and what that means for files that wait.
fn budget(portal: &Client, now: Timestamp) -> String {
    let left = format!(
        "{} calls at once and {} writes today left",
        portal.calls_left(),
        portal.writes_left_today()
    );
    match portal.no_write_before() {
        Some(next) => format!(
            "{left}; they are spread over the day, the next copy or move {}",
            Moment::new(next, now).about
        ),
        None => left,
    }
}

fn row(event: EventView, actions: &[ActionView], now: Timestamp) -> Row {
    let trigger = event.trigger.as_deref().map(clean);
    let title = event
        .title
        .as_deref()
        .map(|title| clean_and_cut(title, TEXT));
    Row {
        id: event.id,
        title: title
            .or_else(|| trigger.clone())
            .unwrap_or_else(|| "a body without a title".to_owned()),
        trigger: trigger.unwrap_or_else(|| "no trigger".to_owned()),
        file: event.file_id.as_deref().map(clean),
        came: Moment::new(event.received_at, now),
        state: event.state.as_str(),
        actions: actions
            .iter()
            .map(|action| Line {
                what: clean(&action.what()),
                state: action.state,
            })
            .collect(),
        reason: event.reason.map(|reason| clean_and_cut(&reason, TEXT)),
    }
}
