//! Decides an event from its delivery and from memory alone, so that it can be stored together with its decisions.
//!
//! What this needs the store or the portal for is left to the worker.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::error;

use crate::docspace::Client;
use crate::event::Event;
use crate::facts::FactFinder;
use crate::inbox;
use crate::rules::{ActiveRules, EventDecisions, Facts};

/// Decides events without the store and without the portal.
#[derive(Clone, Debug)]
pub struct LocalDecider {
    /// The active rules.
    pub rules: ActiveRules,
    /// What was looked up before.
    pub facts: Arc<FactFinder>,
    /// The portal, for the difference of its clock.
    pub portal: Arc<Client>,
    /// `RETENTION_DAYS`: how long it is known what was done.
    pub retention: Duration,
}

impl LocalDecider {
    /// Decides an event; `None` if that needs more than the delivery and what is in memory. A panic is logged, and
    /// leaves the event undecided.
    pub fn decide(
        &self,
        event: &Event,
        body: &[u8],
        received_at: Timestamp,
    ) -> Option<EventDecisions> {
        let decide = || self.decide_from_memory(event, body, received_at);
        catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| {
            error!("deciding a delivered event panicked; the event is stored undecided");
            None
        })
    }

    fn decide_from_memory(
        &self,
        event: &Event,
        body: &[u8],
        received_at: Timestamp,
    ) -> Option<EventDecisions> {
        if let Some(trigger) = &event.trigger {
            self.facts.invalidate_after(trigger);
        }
        let rules = self.rules.get();
        // Whether an upload is a file that an action has created is looked up when it is stored (`inbox::accept`).
        let create_files = false;
        if inbox::may_be_own_effect(event, create_files) && rules.listens_to(event) {
            return None;
        }
        let seems_outdated = self.seems_outdated(event, received_at);
        let event = &with_time(event, received_at);
        let mut facts = Facts::delivered(event, body);
        let decide = |facts: &Facts<'_>| rules.decide(facts);
        let by_rule = self.facts.evaluate_from_cache(&mut facts, decide).ok()?;
        let room = self.facts.known_room(&facts);
        let decisions = EventDecisions { by_rule, room };
        // What no rule wants is ignored however old it is. Only for the rest does the portal's time matter.
        (decisions.all_ignore() || !seems_outdated).then_some(decisions)
    }

    /// Whether the event may be older than the retention period, as far as the portal's time is known.
    fn seems_outdated(&self, event: &Event, received_at: Timestamp) -> bool {
        let oldest = received_at.checked_sub(self.retention);
        let (Some(happened_at), Ok(oldest)) = (event.happened_at, oldest) else {
            return false;
        };
        happened_at < self.portal.to_portal_time(oldest)
    }
}

/// The event with the time at which it was received, if it does not say when it happened.
fn with_time(event: &Event, received_at: Timestamp) -> Cow<'_, Event> {
    if event.happened_at.is_some() {
        return Cow::Borrowed(event);
    }
    Cow::Owned(Event {
        happened_at: Some(received_at),
        ..event.clone()
    })
}
