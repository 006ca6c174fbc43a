//! The audit log.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::Identity;
use super::api::{ApiJson, ApiResult, store_unavailable};
use super::console::Console;
use super::layout::{Layout, RelativeTime, Section, page, unavailable};
use crate::audit::{self, Change, ChangeKind, Through};
use crate::text::clean;

/// Changes on one page, and in a response of the API.
const CHANGES: u32 = 100;

#[derive(Template)]
#[template(path = "changes.html")]
struct ChangesPage {
    layout: Layout,
    changes: Vec<ChangeItem>,
    /// The address of the next page.
    older: Option<String>,
}

struct ChangeItem {
    what: &'static str,
    subject: String,
    detail: Option<String>,
    by: String,
    made: RelativeTime,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChangesQuery {
    /// The change before which the list begins.
    before: Option<i64>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<ChangesQuery>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Changes);
    let read = move |sql: &_| audit::list(sql, query.before, CHANGES + 1);
    let mut changes = match console.db.read(read).await {
        Ok(changes) => changes,
        Err(error) => return unavailable(layout, &error),
    };
    let has_more = changes.len() > CHANGES as usize;
    changes.truncate(CHANGES as usize);
    let last = changes.last().filter(|_| has_more);
    let older = last.map(|change| format!("/changes?before={}", change.id));
    let now = console.clock.now();
    let items = changes.into_iter().map(|change| ChangeItem {
        what: what(change.what),
        subject: clean(&change.subject),
        detail: change.detail.as_deref().map(clean),
        by: by(&change),
        made: RelativeTime::new(change.made_at, now),
    });
    let view = ChangesPage {
        layout,
        changes: items.collect(),
        older,
    };
    page(StatusCode::OK, &view)
}

/// The audit log in JSON, newest first.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    Query(query): Query<ChangesQuery>,
) -> ApiResult<Vec<Change>> {
    let read = move |sql: &_| audit::list(sql, query.before, CHANGES);
    let changes = console.db.read(read).await;
    changes
        .map(ApiJson)
        .map_err(|error| store_unavailable(&error))
}

fn what(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Replay => "Replayed",
        ChangeKind::Discard => "Discarded the dead letters of",
        ChangeKind::Forget => "Erased personal data of",
        ChangeKind::PauseRule => "Paused the rule",
        ChangeKind::ResumeRule => "Resumed the rule",
        ChangeKind::SaveRules => "Saved the rules file",
        ChangeKind::StartBackfill => "Started a backfill of",
        ChangeKind::StopBackfill => "Stopped the backfill of",
    }
}

/// Who made a change, and how.
fn by(change: &Change) -> String {
    let through = match change.through {
        Through::Command => "with a command",
        Through::Console => "in the console",
    };
    match &change.person {
        Some(person) => format!("{} {through}", clean(person)),
        None => through.to_owned(),
    }
}
