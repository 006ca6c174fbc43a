//! The first page: the overall status, the last day, and the events, newest first.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::access::Identity;
use super::bulk_change::{self, BulkLink};
use super::chart::Chart;
use super::console::Console;
use super::layout::{ALL_EVENTS, Layout, RelativeTime, error_page, page, unavailable};
use super::list_query::ListQuery;
use super::portal_names::{Named, PortalNames};
use crate::backfill::{self, Backfill, BackfillState};
use crate::catch_up::listing_progress;
use crate::circuit_breaker::BreakerState;
use crate::docspace::Client;
use crate::ids::{FolderId, InboxId};
use crate::journal::overview::{self, Overview, last_day, overview};
use crate::journal::{self, ActionView, EventView, StateFilter};
use crate::notify::Channels;
use crate::text::{clean, clean_and_cut, time};

/// Events on one page.
const EVENTS: u32 = 50;

/// Longest title and reason in the list; the event's own page has the whole text.
const MAX_TEXT: usize = 160;

#[derive(Template)]
#[template(path = "status_list.html")]
struct ListPage {
    layout: Layout,
    portal: PortalTile,
    /// The channels that are not used at the moment, each as a sentence.
    paused_channels: Vec<String>,
    /// The paused rules, each as a sentence.
    paused_rules: Vec<String>,
    /// How far the backfill is, if one is under way.
    backfill: Option<String>,
    /// How far the listing of the watched rooms is, if one is under way.
    listing: Option<String>,
    waiting: u64,
    waiting_since: Option<RelativeTime>,
    dead: u64,
    last_delivery: Option<RelativeTime>,
    /// How many deliveries were rejected since the last one that was accepted.
    rejected: u64,
    /// The same by reason.
    rejections: Vec<RejectionLine>,
    chart: Chart,
    search: String,
    /// The other filters.
    query: ListQuery,
    /// Whether the list is narrowed by anything but the state.
    is_narrowed: bool,
    /// The word of the current state.
    show: &'static str,
    tabs: [Tab; 4],
    /// What is said instead of an empty list.
    nothing: &'static str,
    events: Vec<EventItem>,
    /// What can be done with all of them.
    bulk: Vec<BulkLink>,
    /// The address of the next page.
    older: Option<String>,
}

struct Tab {
    address: String,
    label: &'static str,
    is_current: bool,
}

/// The state of the portal, as the circuit breaker and the budget see it.
struct PortalTile {
    class: &'static str,
    word: &'static str,
    sentence: String,
}

/// Deliveries rejected for one reason.
struct RejectionLine {
    count: u64,
    since: RelativeTime,
    sentence: &'static str,
    advice: &'static str,
}

struct EventItem {
    id: InboxId,
    title: String,
    trigger: String,
    file: Option<String>,
    /// The name of the room or folder, if it is known.
    place: Option<String>,
    /// The name of the person who acted, if it is known.
    person: Option<String>,
    received: RelativeTime,
    state: &'static str,
    actions: Vec<ActionSummary>,
    reason: Option<String>,
}

struct ActionSummary {
    what: String,
    state: &'static str,
    note: Option<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<ListQuery>,
) -> Response {
    let layout = Layout::new(&console, identity);
    let now = console.clock.now();
    let filter = match query.filter() {
        Ok(filter) => filter,
        Err(sentence) => return error_page(StatusCode::BAD_REQUEST, &sentence, ALL_EVENTS),
    };
    let matching = filter.clone();
    let read = console.db.read(move |sql| {
        Ok((
            overview(sql)?,
            listing_progress(sql)?,
            backfill::latest(sql)?,
            last_day(sql, now)?,
            journal::list_with_actions(sql, &matching, EVENTS + 1)?,
        ))
    });
    let (overview, listing, backfill, hours, mut events) = match read.await {
        Ok(read) => read,
        Err(error) => return unavailable(layout, &error),
    };
    console.names.look_up(named(&events), Duration::ZERO).await;
    let has_more = events.len() > EVENTS as usize;
    events.truncate(EVENTS as usize);
    let rejections = console.metrics.rejections();
    let list = ListPage {
        layout,
        portal: portal_tile(&console.portal, now),
        paused_channels: paused_channels(&console.channels, now),
        paused_rules: overview
            .paused_rules
            .iter()
            .map(|paused| {
                format!(
                    "Rule {} has been paused since {} UTC. Actions held: {}.",
                    clean(&paused.rule),
                    time(paused.paused_at),
                    paused.held
                )
            })
            .collect(),
        backfill: backfill
            .filter(|backfill| backfill.state == BackfillState::Running)
            .map(|backfill| backfill_sentence(&backfill)),
        listing: listing.map(|listing| listing.to_string()),
        waiting: overview.events_waiting + overview.actions_open,
        waiting_since: waiting_since(&overview, now),
        dead: overview.dead,
        last_delivery: overview.last_delivery.map(|at| RelativeTime::new(at, now)),
        rejected: rejections.iter().map(|it| it.count).sum(),
        rejections: rejections
            .iter()
            .map(|it| RejectionLine {
                count: it.count,
                since: RelativeTime::new(it.since, now),
                sentence: it.reason.sentence(),
                advice: it.reason.advice(),
            })
            .collect(),
        chart: Chart::new(&hours),
        show: filter.states.as_str(),
        nothing: nothing(filter.states),
        tabs: tabs(&query, filter.states),
        bulk: bulk_change::links(&query, filter.states),
        is_narrowed: query.has_more_filters() || filter.search.is_some(),
        search: filter.search.unwrap_or_default(),
        older: events
            .last()
            .filter(|_| has_more)
            .map(|(event, _)| query.address(filter.states, Some(event.id))),
        query,
        events: events
            .into_iter()
            .map(|(event, actions)| event_item(&console.names, event, &actions, now))
            .collect(),
    };
    page(StatusCode::OK, &list)
}

/// Since when something waits, unless it is less than a second.
fn waiting_since(overview: &Overview, now: Timestamp) -> Option<RelativeTime> {
    let age = overview::age(overview.waiting_since, now);
    overview
        .waiting_since
        .filter(|_| age.as_secs() > 0)
        .map(|since| RelativeTime::new(since, now))
}

/// What is said if no event is in these states.
fn nothing(states: StateFilter) -> &'static str {
    match states {
        StateFilter::Any => "No events yet.",
        StateFilter::Dead => "No dead letters.",
        StateFilter::Waiting => "No waiting events.",
        StateFilter::Held => "No held events.",
        StateFilter::Done
        | StateFilter::Discarded
        | StateFilter::Ignored
        | StateFilter::Unreadable => "No such events.",
    }
}

fn tabs(query: &ListQuery, current: StateFilter) -> [Tab; 4] {
    [
        ("All", StateFilter::Any),
        ("Waiting", StateFilter::Waiting),
        ("Held", StateFilter::Held),
        ("Dead", StateFilter::Dead),
    ]
    .map(|(label, states)| Tab {
        address: query.address(states, None),
        label,
        is_current: states == current,
    })
}

fn portal_tile(portal: &Client, now: Timestamp) -> PortalTile {
    let Some(reason) = portal.open_reason() else {
        return PortalTile {
            class: "good",
            word: "OK",
            sentence: budget(portal, now),
        };
    };
    let next = match portal.breaker_state() {
        BreakerState::Open(_, until) => {
            format!("next attempt {}", RelativeTime::new(until, now).about)
        }
        BreakerState::Closed | BreakerState::HalfOpen(_) => "next attempt is due".to_owned(),
    };
    PortalTile {
        class: "bad",
        word: "Calls stopped",
        sentence: format!("{}; {next}", reason.sentence()),
    }
}

fn paused_channels(channels: &Channels, now: Timestamp) -> Vec<String> {
    let statuses = channels.statuses().into_iter();
    let paused = statuses.filter_map(|status| {
        let outage = status.outage?;
        let since = RelativeTime::new(outage.since, now).about;
        let reason = clean_and_cut(&outage.reason, MAX_TEXT);
        Some(format!("{} paused {since}: {reason}", status.name))
    });
    paused.collect()
}

/// What is left of the portal's limits, and what that means for waiting files.
fn budget(portal: &Client, now: Timestamp) -> String {
    let left = format!(
        "{} writes left today, {} calls available now",
        portal.writes_left_today(),
        portal.calls_left()
    );
    match portal.no_write_before() {
        Some(next) => format!(
            "{left}; writes are spread over the day, next copy or move {}",
            RelativeTime::new(next, now).about
        ),
        None => left,
    }
}

/// The rooms, folders and people that the list names.
fn named(events: &[(EventView, Vec<ActionView>)]) -> impl Iterator<Item = Named> {
    events.iter().flat_map(|(event, actions)| {
        let destinations = actions
            .iter()
            .filter_map(|action| action.named_folder.as_ref());
        let destinations = destinations.map(FolderId::as_str);
        let places = place_of(event).into_iter().chain(destinations);
        let person = event.actor.as_deref().map(Named::person);
        places.filter_map(Named::place).chain(person)
    })
}

/// The room of an event or, if it is not known, the folder.
fn place_of(event: &EventView) -> Option<&str> {
    event.room_id.as_deref().or(event.folder_id.as_deref())
}

/// What an action does, with the name of its destination if that is known.
fn what(names: &PortalNames, action: &ActionView) -> String {
    let folder = action.named_folder.as_ref();
    let name = folder.and_then(|folder| names.name(folder.as_str()));
    match name {
        Some(name) => format!("{} ({})", action.what, clean_and_cut(&name, MAX_TEXT)),
        None => action.what.clone(),
    }
}

fn event_item(
    names: &PortalNames,
    event: EventView,
    actions: &[ActionView],
    now: Timestamp,
) -> EventItem {
    let place = place_of(&event).and_then(|place| names.name(place));
    let person = event.actor.as_deref().and_then(|id| names.person(id));
    let trigger = event.trigger;
    let title = event
        .title
        .as_deref()
        .map(|title| clean_and_cut(title, MAX_TEXT));
    EventItem {
        id: event.id,
        title: title
            .or_else(|| trigger.clone())
            .unwrap_or_else(|| "untitled body".to_owned()),
        trigger: trigger.unwrap_or_else(|| "no trigger".to_owned()),
        place: place.map(|name| clean_and_cut(&name, MAX_TEXT)),
        person: person.map(|(name, _)| clean_and_cut(&name, MAX_TEXT)),
        file: event.file_id,
        received: RelativeTime::new(event.received_at, now),
        state: event.state.as_str(),
        actions: actions
            .iter()
            .map(|action| ActionSummary {
                what: what(names, action),
                state: action.shown_state(),
                note: action.note().map(|note| clean_and_cut(note, MAX_TEXT)),
            })
            .collect(),
        reason: event.reason.map(|reason| clean_and_cut(&reason, MAX_TEXT)),
    }
}

fn backfill_sentence(backfill: &Backfill) -> String {
    format!(
        "Existing files are being handled under {}, since {} UTC. Files read: {} of {}.",
        clean(&backfill.request.rules.join(", ")),
        time(backfill.ordered_at),
        backfill.counts.files,
        backfill.counts.total
    )
}
