//! The progress of the first upload: each step from the delivery to the last action, as far as the store shows it.

use jiff::Timestamp;

use crate::db::{Sql, SqlError};
use crate::inbox::DecisionOutcome;
use crate::journal::{self, ActionView, EventDetails, EventFilter, EventState};
use crate::metrics::Rejections;
use crate::outbox::ActionState;

use super::proposal::Proposal;

/// How many of the newest events are looked at.
const LOOKED_AT: u32 = 50;

/// A step of the first upload.
pub(super) struct ProgressItem {
    /// `done`, `waiting`, `failed` or `open`.
    pub(super) state: &'static str,
    pub(super) text: String,
    /// More about it.
    pub(super) detail: Option<String>,
}

impl ProgressItem {
    pub(super) fn new(state: &'static str, text: impl Into<String>) -> Self {
        Self {
            state,
            text: text.into(),
            detail: None,
        }
    }

    pub(super) fn with(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// The event of the first upload: the newest one for which something was planned, or else the newest one.
pub(super) fn first_event(sql: &Sql, since: Timestamp) -> Result<Option<EventDetails>, SqlError> {
    let filter = EventFilter {
        since: Some(since),
        ..EventFilter::default()
    };
    let events = journal::list_with_actions(sql, &filter, LOOKED_AT)?;
    let planned = events.iter().find(|(_, actions)| !actions.is_empty());
    let Some((event, _)) = planned.or(events.first()) else {
        return Ok(None);
    };
    journal::find(sql, event.id.0)
}

/// The steps that the service has made, and those that are still open.
pub(super) fn items(
    event: Option<&EventDetails>,
    rejections: &[Rejections],
    proposal: &Proposal,
) -> Vec<ProgressItem> {
    let Some(event) = event else {
        return before_the_first(rejections);
    };
    let title = event.event.title.as_deref().unwrap_or("a file");
    let mut items = vec![
        ProgressItem::new("done", format!("Delivery received: “{title}”")),
        ProgressItem::new("done", "Signature verified"),
        matched(event),
    ];
    if event.actions.is_empty() {
        items.push(ProgressItem::new("open", "Work done"));
    }
    let actions = event.actions.iter();
    items.extend(actions.map(|action| action_item(action, proposal)));
    items
}

fn before_the_first(rejections: &[Rejections]) -> Vec<ProgressItem> {
    let open = |text: &str| ProgressItem::new("open", text);
    let (received, verified) = match rejections.last() {
        None => (
            ProgressItem::new("waiting", "Waiting for the delivery"),
            open("Signature verified"),
        ),
        Some(Rejections { count, reason, .. }) => (
            ProgressItem::new("done", "Delivery received"),
            ProgressItem::new("failed", "Signature verified").with(format!(
                "{count} rejected: {}. Another webhook may send to this address, or the webhook has another \
                 secret: start again to give it the one of the env file.",
                reason.sentence()
            )),
        ),
    };
    vec![received, verified, open("Rule matched"), open("Work done")]
}

fn matched(event: &EventDetails) -> ProgressItem {
    let of = |outcome| move |decision: &&journal::DecisionView| decision.outcome == outcome;
    let mut planned = event.decisions.iter().filter(of(DecisionOutcome::Planned));
    if let Some(first) = planned.next() {
        let rules = planned.fold(first.rule.clone(), |rules, next| {
            format!("{rules} and {}", next.rule)
        });
        return ProgressItem::new("done", format!("Rule matched: {rules}"));
    }
    if event.event.state == EventState::Waiting {
        let item = ProgressItem::new("waiting", "Evaluating the rules");
        return match &event.event.reason {
            Some(reason) => item.with(reason),
            None => item,
        };
    }
    let decisions = event.decisions.iter();
    let reasons: Vec<String> = decisions
        .map(|decision| format!("{}: {}", decision.rule, decision.reason))
        .collect();
    ProgressItem::new("failed", "No rule matched").with(reasons.join("; "))
}

fn action_item(action: &ActionView, proposal: &Proposal) -> ProgressItem {
    let state = match action.state {
        ActionState::Done => "done",
        ActionState::Waiting | ActionState::Running => "waiting",
        ActionState::Dead | ActionState::Discarded => "failed",
    };
    let target = action.to.as_deref().unwrap_or_default();
    let name = proposal.name_of(target).unwrap_or(target);
    let is_done = action.state == ActionState::Done;
    let text = match (action.kind.as_str(), is_done) {
        ("copy", true) => format!("Copied to “{name}”"),
        ("copy", false) => format!("Copy to “{name}”"),
        ("move", true) => format!("Moved to “{name}”"),
        ("move", false) => format!("Move to “{name}”"),
        ("notify", true) => format!("Notified {target}"),
        ("notify", false) => format!("Notify {target}"),
        _ => action.what.clone(),
    };
    let item = ProgressItem::new(state, text);
    match &action.reason {
        Some(reason) => item.with(reason),
        None => item,
    }
}
