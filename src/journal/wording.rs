//! The journal's views in words, the same on the command line and in the console. They contain text from
//! outside unchanged; the caller cleans or escapes it.

use super::view::{ActionView, EventDetails, EventState, EventView};
use crate::audit::Through;
use crate::event::Event;
use crate::inbox::Source;
use crate::outbox::ActionState;
use crate::text::time;

impl EventView {
    /// Where it came from.
    pub fn source_text(&self) -> &'static str {
        match self.source {
            Source::Delivery => "delivered by DocSpace",
            Source::Log => "read from the portal's delivery log",
            Source::Listing => "found in a watched room",
            Source::Backfill => "found by a backfill",
        }
    }

    /// When and how a person last replayed it.
    pub fn replay_text(&self) -> Option<String> {
        let at = time(self.replayed_at?);
        let how = match self.replayed_by {
            Some(Through::Console) => "in the console",
            Some(Through::Command) | None => "by command",
        };
        Some(match &self.replayed_person {
            Some(person) => format!("{at} UTC, {how} ({person})"),
            None => format!("{at} UTC, {how}"),
        })
    }

    /// DocSpace's own ids of it, if the body names any.
    pub fn docspace_numbers(&self) -> Option<String> {
        match (self.event_id, self.webhook_id) {
            (Some(event), Some(webhook)) => Some(format!("event {event} of webhook {webhook}")),
            (Some(event), None) => Some(format!("event {event}")),
            (None, Some(webhook)) => Some(format!("webhook {webhook}, which named no event id")),
            (None, None) => None,
        }
    }
}

impl EventDetails {
    /// The event, read again from its body; `None` if that is not an event.
    pub fn parsed(&self) -> Option<Event> {
        let mut event = Event::parse(&self.body).ok()?;
        event.happened_at.get_or_insert(self.event.happened_at);
        Some(event)
    }

    /// Whether nothing of it is left to do, so that only a change of the rules is a reason to replay it.
    pub fn has_ended(&self) -> bool {
        matches!(
            self.event.state,
            EventState::Ignored | EventState::Done | EventState::Discarded
        )
    }
}

impl ActionView {
    /// Its state in words, given all actions of its event in order.
    pub fn state_in_words(&self, all: &[ActionView]) -> String {
        let attempts = match self.attempt {
            0 => "not tried yet".to_owned(),
            1 => "1 attempt".to_owned(),
            many => format!("{many} attempts"),
        };
        let at = |prefix: &str| {
            self.finished_at
                .map_or_else(String::new, |at| format!("{prefix}{} UTC", time(at)))
        };
        match self.state {
            ActionState::Done => format!("done{}, {attempts}{}", at(" "), self.result()),
            ActionState::Dead => {
                let code = self.reason_code.as_deref().unwrap_or("no code");
                format!("dead{}, {attempts} ({code})", at(" since "))
            }
            ActionState::Discarded => format!("discarded{}, {attempts}", at(" ")),
            ActionState::Running => format!("running, attempt {}", self.attempt),
            ActionState::Waiting if self.held => format!("held, as the rule is paused, {attempts}"),
            ActionState::Waiting => self.waiting(&attempts, all),
        }
    }

    fn waiting(&self, attempts: &str, all: &[ActionView]) -> String {
        let before = all
            .iter()
            .take_while(|action| action.id != self.id)
            .filter(|action| action.rule == self.rule && action.holds_up_others())
            .last();
        if let Some(before) = before {
            return format!(
                "waits for the {} (action {}), which is {}",
                before.kind, before.id, before.state
            );
        }
        let due = self
            .due_at
            .map_or_else(String::new, |due| format!(", due {} UTC", time(due)));
        match self.attempt {
            0 => format!("waiting{due}, {attempts}"),
            _ => format!("waiting{due}, {attempts}, {} failed", self.failures),
        }
    }

    fn holds_up_others(&self) -> bool {
        self.state != ActionState::Done && self.is_waited_for
    }

    /// What a person should know about an action that is done, such as that no email was sent.
    pub fn note(&self) -> Option<&str> {
        let is_done = self.state == ActionState::Done;
        self.reason.as_deref().filter(|_| is_done)
    }

    fn result(&self) -> String {
        match (&self.result_file, &self.result_folder) {
            (Some(file), Some(folder)) => format!("; file {file} in folder {folder}"),
            (Some(file), None) => format!("; file {file}"),
            _ => String::new(),
        }
    }
}

/// What was done for an event, or is to be done: each action with its state and its result.
pub fn actions_text(actions: &[ActionView]) -> String {
    let texts = actions.iter().map(|action| {
        let state = action.shown_state();
        let note = action.note().map(|note| format!(" ({note})"));
        let note = note.unwrap_or_default();
        format!("{}: {state}{}{note}", action.what, action.result())
    });
    texts.collect::<Vec<_>>().join("; ")
}
