//! Words: what the journal's views say in a person's language, the same at the command line and on the
//! status page. What came from outside is in them as it is; whoever shows it cleans or escapes it.

use super::{ActionView, EventDetails, EventState, EventView};
use crate::text::time;

impl EventView {
    /// How it came to us.
    pub fn source_words(&self) -> &'static str {
        match self.source.as_str() {
            "log" => "read from the portal's delivery log",
            "listing" => "found in a watched room",
            _ => "delivered by DocSpace",
        }
    }

    /// DocSpace's own numbers of it, where the body names any.
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
    /// Whether a replay asks rules again, because nothing is dead and some rule ignored the event.
    pub fn may_be_asked_again(&self) -> bool {
        let ended = matches!(
            self.event.state,
            EventState::Ignored | EventState::Done | EventState::Discarded
        );
        ended
            && (self.decisions.is_empty()
                || self
                    .decisions
                    .iter()
                    .any(|decision| decision.outcome == "ignored"))
    }
}

impl ActionView {
    /// What it does, such as `copy to folder 12`.
    pub fn what(&self) -> String {
        match (self.kind.as_str(), &self.to) {
            ("copy" | "move", Some(to)) => format!("{} to folder {to}", self.kind),
            (kind, Some(to)) => format!("{kind} {to}"),
            (kind, None) => kind.to_owned(),
        }
    }

    /// How it stands among all actions of its event, which are in order.
    pub fn standing(&self, all: &[ActionView]) -> String {
        let before = all
            .iter()
            .take_while(|action| action.id != self.id)
            .filter(|action| {
                action.rule == self.rule && action.state != "done" && action.kind != "notify"
            })
            .last();
        let attempts = match self.attempt {
            0 => "not tried yet".to_owned(),
            1 => "1 attempt".to_owned(),
            many => format!("{many} attempts"),
        };
        let at = |prefix: &str| {
            self.finished_at
                .map_or_else(String::new, |at| format!("{prefix}{} UTC", time(at)))
        };
        match (self.state.as_str(), before) {
            ("done", _) => format!("done{}, {attempts}{}", at(" "), self.result()),
            ("dead", _) => {
                let code = self.reason_code.as_deref().unwrap_or("no code");
                format!("dead{}, {attempts} ({code})", at(" since "))
            }
            ("discarded", _) => format!("discarded{}, {attempts}", at(" ")),
            ("running", _) => format!("running, attempt {}", self.attempt),
            (_, Some(before)) => format!(
                "waits for the {} (action {}), which is {}",
                before.kind, before.id, before.state
            ),
            (_, None) => {
                let due = self
                    .due_at
                    .map_or_else(String::new, |due| format!(", due {} UTC", time(due)));
                match self.attempt {
                    0 => format!("waiting{due}, {attempts}"),
                    _ => format!("waiting{due}, {attempts}, {} failed", self.failures),
                }
            }
        }
    }

    fn result(&self) -> String {
        match (&self.result_file, &self.result_folder) {
            (Some(file), Some(folder)) => format!("; file {file} in folder {folder}"),
            (Some(file), None) => format!("; file {file}"),
            _ => String::new(),
        }
    }
}
