//! The active rules: what each does, how often it matched, and whether it is paused.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::Identity;
use super::api::{ApiJson, ApiResult, store_unavailable};
use super::console::Console;
use super::layout::{Layout, RelativeTime, Section, page, unavailable};
use super::list_query::{list_of, rule_address};
use super::portal_names::{Named, PATIENCE, PlaceItem};
use crate::db::StoreError;
use crate::ids::FolderId;
use crate::journal::{RuleActivity, rule_activity};
use crate::outbox::{PausedRule, paused_rules};
use crate::rules::Rule;
use crate::text::clean;

/// How far back matches are counted.
const PERIOD: Duration = Duration::from_hours(24 * 30);

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    layout: Layout,
    notice: Option<&'static str>,
    rules: Vec<RuleItem>,
}

struct RuleItem {
    name: String,
    group: Option<String>,
    triggers: String,
    conditions: Vec<String>,
    actions: Vec<String>,
    /// The rooms and folders that it names.
    places: Vec<PlaceItem>,
    matched: u64,
    last_match: Option<RelativeTime>,
    dead: u64,
    paused: Option<Pause>,
    events: String,
    dead_events: String,
    /// The page that asks whether to pause or resume it.
    change: String,
}

struct Pause {
    since: RelativeTime,
    held: u64,
}

/// A rule in the API's list.
#[derive(Debug, Serialize)]
pub(super) struct RuleEntry {
    name: String,
    /// Its group, of which only the first rule that matches acts.
    group: Option<String>,
    triggers: Vec<String>,
    conditions: Vec<String>,
    actions: Vec<String>,
    /// Since when it is paused, and how many actions it holds; `null` if it is not paused.
    paused: Option<PausedRule>,
    /// Matches of the last 30 days.
    #[serde(flatten)]
    activity: RuleActivity,
}

/// What a change did, shown on the page that follows it. The address contains only the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RulesNotice {
    Paused,
    Resumed,
    Saved,
}

impl RulesNotice {
    /// The address of the list that shows it.
    pub(super) fn address(self) -> &'static str {
        match self {
            Self::Paused => "/rules?notice=paused",
            Self::Resumed => "/rules?notice=resumed",
            Self::Saved => "/rules?notice=saved",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Paused => "The rule is paused. It still matches; what it plans is held.",
            Self::Resumed => "The rule is resumed.",
            Self::Saved => {
                "The rules are saved and active. The former version of the file is kept."
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RulesQuery {
    notice: Option<String>,
}

impl RulesQuery {
    /// Another word shows nothing.
    fn notice(&self) -> Option<&'static str> {
        let all = [
            RulesNotice::Paused,
            RulesNotice::Resumed,
            RulesNotice::Saved,
        ];
        let asked = format!("/rules?notice={}", self.notice.as_deref()?);
        let notice = all.into_iter().find(|notice| notice.address() == asked)?;
        Some(notice.sentence())
    }
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<RulesQuery>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    let now = console.clock.now();
    let (paused, mut activity) = match read(&console, now).await {
        Ok(read) => read,
        Err(error) => return unavailable(layout, &error),
    };
    let rules = console.rules().get();
    let places = rules.rules().iter().flat_map(places_of);
    let places = places.filter_map(Named::place);
    console.names.look_up(places, PATIENCE).await;
    let items = rules.rules().iter().map(|rule| {
        let paused = paused.iter().find(|paused| paused.rule == rule.name);
        let activity = activity.remove(&rule.name).unwrap_or_default();
        let places = places_of(rule).map(|place| console.names.item(place));
        rule_item(rule, places.collect(), paused, &activity, now)
    });
    let view = RulesPage {
        layout,
        notice: query.notice(),
        rules: items.collect(),
    };
    page(StatusCode::OK, &view)
}

/// The active rules in JSON.
pub(super) async fn list(State(console): State<Arc<Console>>) -> ApiResult<Vec<RuleEntry>> {
    let now = console.clock.now();
    let read = read(&console, now).await;
    let (paused, mut activity) = read.map_err(|error| store_unavailable(&error))?;
    let rules = console.rules().get();
    let entries = rules.rules().iter().map(|rule| RuleEntry {
        name: rule.name.clone(),
        group: rule.group.clone(),
        triggers: rule.triggers.iter().map(ToString::to_string).collect(),
        conditions: rule.conditions.iter().map(ToString::to_string).collect(),
        actions: rule.actions.iter().map(ToString::to_string).collect(),
        paused: paused.iter().find(|it| it.rule == rule.name).cloned(),
        activity: activity.remove(&rule.name).unwrap_or_default(),
    });
    Ok(ApiJson(entries.collect()))
}

async fn read(
    console: &Console,
    now: Timestamp,
) -> Result<(Vec<PausedRule>, HashMap<String, RuleActivity>), StoreError> {
    let since = now - PERIOD;
    let read = move |sql: &_| Ok((paused_rules(sql)?, rule_activity(sql, since)?));
    console.db.read(read).await
}

/// The rooms and folders that a rule names, each once.
fn places_of(rule: &Rule) -> impl Iterator<Item = &str> {
    let named = rule
        .actions
        .iter()
        .filter_map(|action| action.properties.named_folder());
    let places: BTreeSet<&str> = rule
        .watched_folders()
        .chain(named)
        .map(FolderId::as_str)
        .collect();
    places.into_iter()
}

fn rule_item(
    rule: &Rule,
    places: Vec<PlaceItem>,
    paused: Option<&PausedRule>,
    activity: &RuleActivity,
    now: Timestamp,
) -> RuleItem {
    let triggers: Vec<String> = rule.triggers.iter().map(ToString::to_string).collect();
    let events = list_of("rule", &rule.name);
    RuleItem {
        name: clean(&rule.name),
        group: rule.group.as_deref().map(clean),
        triggers: triggers.join(", "),
        conditions: rule.conditions.iter().map(ToString::to_string).collect(),
        actions: rule.actions.iter().map(ToString::to_string).collect(),
        places,
        matched: activity.matched,
        last_match: activity.last_match.map(|at| RelativeTime::new(at, now)),
        dead: activity.dead,
        paused: paused.map(|paused| Pause {
            since: RelativeTime::new(paused.paused_at, now),
            held: paused.held,
        }),
        dead_events: format!("{events}&show=dead"),
        events,
        change: rule_address(
            if paused.is_some() { "resume" } else { "pause" },
            &rule.name,
        ),
    }
}
