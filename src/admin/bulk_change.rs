//! Replay and discard of all events in a list: a page that shows what would change, and the form on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use tracing::info;

use super::access::{Identity, OperatorName};
use super::confirm::{EventChange, dead_letters};
use super::console::{Console, PREVIEW_TIMEOUT};
use super::layout::{ALL_EVENTS, Layout, error_page, message, page, unavailable};
use super::list_query::ListQuery;
use crate::audit::Author;
use crate::db::StoreError;
use crate::hash;
use crate::ids::InboxId;
use crate::inbox::Discarded;
use crate::journal::{self, EventFilter, StateFilter};
use crate::replay::{self, ReplayMode, ReplayPreview};
use crate::text::clean_and_cut;

/// The most events that one form changes.
const MAX_EVENTS: usize = 10_000;

/// The most events whose dead letters are counted for the preview.
const PREVIEWED: u32 = 1_000;

/// Longest line of the preview, in characters.
const MAX_TEXT: usize = 240;

/// What can be done with all events of a list, as links.
pub(super) fn links(query: &ListQuery, states: StateFilter) -> Vec<BulkLink> {
    let link = |change: EventChange, label| BulkLink {
        address: query.address_below(change.bulk_path(), states, None),
        label,
        change,
    };
    match states {
        StateFilter::Dead => vec![
            link(EventChange::Replay, "Replay all of these"),
            link(EventChange::Discard, "Discard all of these"),
        ],
        StateFilter::Discarded => vec![link(EventChange::Replay, "Replay all of these")],
        StateFilter::Ignored => vec![link(EventChange::Replay, "Evaluate all of these again")],
        StateFilter::Any
        | StateFilter::Waiting
        | StateFilter::Held
        | StateFilter::Done
        | StateFilter::Unreadable => Vec::new(),
    }
}

/// A link to the page that asks for confirmation.
pub(super) struct BulkLink {
    pub(super) address: String,
    pub(super) label: &'static str,
    change: EventChange,
}

impl BulkLink {
    pub(super) fn is_danger(&self) -> bool {
        self.change == EventChange::Discard
    }
}

impl EventChange {
    fn bulk_path(self) -> &'static str {
        match self {
            Self::Replay => "/events/matching/replay",
            Self::Discard => "/events/matching/discard",
        }
    }
}

#[derive(Template)]
#[template(path = "bulk_change.html")]
struct BulkPage {
    layout: Layout,
    heading: String,
    sentence: &'static str,
    /// How many events, and what changes for them.
    lines: Vec<(usize, String)>,
    remark: Option<String>,
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    button: String,
    is_danger: bool,
    back: String,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Path(change): Path<EventChange>,
    Query(query): Query<ListQuery>,
) -> Response {
    let layout = Layout::new(&console, identity);
    let selected = match Selected::read(&console, change, &query).await {
        Ok(selected) => selected,
        Err(refusal) => return refusal.page(layout),
    };
    let described = match change {
        EventChange::Replay => preview_replay(&console, &selected.events).await,
        EventChange::Discard => preview_discard(&console, &selected).await,
    };
    let (lines, remark) = match described {
        Ok(described) => described,
        Err(error) => return unavailable(layout, &error),
    };
    let events = events(selected.events.len());
    let (heading, sentence, button) = match change {
        EventChange::Replay => (
            format!("Replay {events}?"),
            "The current rules are evaluated again. What they plan replaces what failed, waits or was discarded. \
             Completed actions are not repeated.",
            format!("Replay {events}"),
        ),
        EventChange::Discard => (
            format!("Discard the failed actions of {events}?"),
            "The failed actions, and those that wait for them, will not be carried out. The events stay in the list \
             with their reasons.",
            format!("Discard in {events}"),
        ),
    };
    // Events that arrive after the preview are not part of it.
    let before = selected.events.last().map(|id| InboxId(id.0 + 1));
    let mut fields = query.fields(selected.filter.states, before);
    fields.push(("confirmed", selected.digest()));
    let view = BulkPage {
        layout,
        heading,
        sentence,
        lines,
        remark,
        action: change.bulk_path(),
        fields,
        button,
        is_danger: change == EventChange::Discard,
        back: query.address(selected.filter.states, None),
    };
    page(StatusCode::OK, &view)
}

pub(super) async fn apply(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Extension(name): Extension<OperatorName>,
    Path(change): Path<EventChange>,
    Form(query): Form<ListQuery>,
) -> Response {
    let layout = Layout::new(&console, identity);
    let selected = match Selected::read(&console, change, &query).await {
        Ok(selected) => selected,
        Err(refusal) => return refusal.page(layout),
    };
    let back = query.address(selected.filter.states, None);
    if query.confirmed != selected.digest() {
        let sentence = "Since the confirmation was shown, other events have come into the list or left it. Nothing was \
                        changed.";
        let link = Some((back, "Back to the list"));
        let code = StatusCode::CONFLICT;
        return message(layout, code, "The list has changed", sentence, link);
    }
    let changing = change_all(Arc::clone(&console), change, selected.events, name.author());
    // A browser that closes the connection must not end it half way.
    let (heading, sentence) = match tokio::spawn(changing).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => return unavailable(layout, &error),
        Err(error) => {
            let code = StatusCode::INTERNAL_SERVER_ERROR;
            return error_page(code, &error.to_string(), ALL_EVENTS);
        }
    };
    let link = Some((back, "Back to the list"));
    message(layout, StatusCode::OK, heading, sentence, link)
}

/// The events of a list that can be changed in this way.
struct Selected {
    filter: EventFilter,
    /// The oldest first.
    events: Vec<InboxId>,
}

/// Why the events of a list are not changed.
enum Refusal {
    /// What is asked for is not understood.
    Invalid(String),
    /// There is nothing to do, or too much at once.
    Unsuitable(&'static str, String, String),
    Store(StoreError),
}

impl Selected {
    /// Identifies the events.
    fn digest(&self) -> String {
        let ids: Vec<String> = self.events.iter().map(ToString::to_string).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        hash::short_id(&ids)
    }

    async fn read(
        console: &Console,
        change: EventChange,
        query: &ListQuery,
    ) -> Result<Self, Refusal> {
        let filter = query.filter().map_err(Refusal::Invalid)?;
        let can_change = links(query, filter.states);
        let can_change = can_change.iter().any(|link| link.change == change);
        if !can_change {
            let sentence = match change {
                EventChange::Replay => "show must be one of: dead, discarded, ignored",
                EventChange::Discard => "show must be dead",
            };
            return Err(Refusal::Invalid(sentence.to_owned()));
        }
        let back = query.address(filter.states, None);
        let matching = filter.clone();
        let selected = console.db.read(move |sql| journal::select(sql, &matching));
        let events = selected.await.map_err(Refusal::Store)?;
        let number = events.len();
        let (heading, sentence) = if number == 0 {
            let sentence = "No event matches these filters any more.";
            ("Nothing to do", sentence.to_owned())
        } else if number > MAX_EVENTS {
            let sentence = format!(
                "{number} events match, and at most {MAX_EVENTS} are changed at once. Choose a shorter period or \
                 another filter, or use docspace-courier events on the command line."
            );
            ("Too many events", sentence)
        } else {
            return Ok(Self { filter, events });
        };
        Err(Refusal::Unsuitable(heading, sentence, back))
    }
}

impl Refusal {
    fn page(self, layout: Layout) -> Response {
        match self {
            Self::Invalid(sentence) => error_page(StatusCode::BAD_REQUEST, &sentence, ALL_EVENTS),
            Self::Unsuitable(heading, sentence, back) => {
                let link = Some((back, "Back to the list"));
                message(layout, StatusCode::CONFLICT, heading, sentence, link)
            }
            Self::Store(error) => unavailable(layout, &error),
        }
    }
}

/// What changes for how many events, and a remark about what is not counted.
type Description = (Vec<(usize, String)>, Option<String>);

async fn preview_replay(console: &Console, events: &[InboxId]) -> Result<Description, StoreError> {
    let rules = console.rules().get();
    let evaluator = console.evaluator();
    let preview = replay::preview(&console.db, &rules, &evaluator, events);
    let Ok(preview) = tokio::time::timeout(PREVIEW_TIMEOUT, preview).await else {
        let remark = format!(
            "What changes could not be found out within {} s, because the portal must be asked about many events.",
            PREVIEW_TIMEOUT.as_secs()
        );
        return Ok((Vec::new(), Some(remark)));
    };
    Ok(described(preview?))
}

fn described(preview: ReplayPreview) -> Description {
    let remark = (preview.evaluated < preview.events).then(|| {
        let evaluated = preview.evaluated;
        format!("The numbers are those of the first {evaluated} events.")
    });
    let changes = preview.changes.into_iter();
    let unknown = preview
        .unknown
        .into_iter()
        .map(|(why, events)| (format!("cannot be decided now: {why}"), events));
    let unchanged = (preview.unchanged > 0).then(|| {
        (
            "unchanged: no rule plans anything".to_owned(),
            preview.unchanged,
        )
    });
    (lines(changes.chain(unknown).chain(unchanged)), remark)
}

async fn preview_discard(
    console: &Console,
    selected: &Selected,
) -> Result<Description, StoreError> {
    let filter = selected.filter.clone();
    let listed = console
        .db
        .read(move |sql| journal::list_with_actions(sql, &filter, PREVIEWED))
        .await?;
    let remark = (listed.len() < selected.events.len()).then(|| {
        format!(
            "The numbers are those of the newest {} events.",
            listed.len()
        )
    });
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (event, actions) in &listed {
        for letter in dead_letters(event, actions) {
            *reasons.entry(letter).or_default() += 1;
        }
    }
    Ok((lines(reasons), remark))
}

/// The most frequent first.
fn lines(counted: impl IntoIterator<Item = (String, usize)>) -> Vec<(usize, String)> {
    let lines = counted.into_iter();
    let mut lines: Vec<_> = lines
        .map(|(text, number)| (number, clean_and_cut(&text, MAX_TEXT)))
        .collect();
    lines.sort_by_key(|&(number, _)| std::cmp::Reverse(number));
    lines
}

/// Changes all of these events. Returns the heading and the sentence that say so.
async fn change_all(
    console: Arc<Console>,
    change: EventChange,
    selected: Vec<InboxId>,
    author: Author,
) -> Result<(&'static str, String), StoreError> {
    info!(
        events = selected.len(),
        "{} of many events requested in the console",
        change.as_str()
    );
    let changed = change_in_store(&console, change, &selected, author).await;
    // A part may be done, although a later one failed.
    console.wake.inbox.notify_one();
    console.wake.outbox.notify_one();
    changed
}

async fn change_in_store(
    console: &Console,
    change: EventChange,
    selected: &[InboxId],
    author: Author,
) -> Result<(&'static str, String), StoreError> {
    let (db, now) = (&console.db, console.clock.now());
    Ok(match change {
        EventChange::Replay => {
            let mode = ReplayMode::CurrentRules;
            let replayed = replay::order(db, selected, mode, &author, now).await?;
            let events = events(replayed.reevaluating);
            let sentence = format!("The current rules are evaluated again for {events}.");
            ("Replaying", sentence)
        }
        EventChange::Discard => {
            let results = replay::discard(db, selected, &author, now).await?;
            let total = results.into_iter().filter_map(|(_, discarded)| discarded);
            ("Discarded", discarded_sentence(total.sum()))
        }
    })
}

fn discarded_sentence(total: Discarded) -> String {
    let dead = total.decisions + total.actions;
    let plural = if dead == 1 { "" } else { "s" };
    match total.behind {
        0 => format!("{dead} dead letter{plural}."),
        behind => format!("{dead} dead letter{plural}, and {behind} that waited for them."),
    }
}

fn events(number: usize) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} event{plural}")
}
