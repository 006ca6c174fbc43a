//! One channel to the operator, with the alerts that wait for it.

use std::collections::VecDeque;

use jiff::Timestamp;
use tracing::{error, warn};

use crate::backoff::backoff;
use crate::clock::Clock;
use crate::hash;
use crate::notify::Language;
use crate::notify::chat::Chat;
use crate::notify::mail::{Email, Mailer};
use crate::outgoing::Failure;

use super::digest::AlertMessage;

/// Alerts that may wait for one channel; beyond it the oldest are dropped.
const MAX_WAITING: usize = 50;

/// How an alert reaches the operator.
#[derive(Clone, Debug)]
pub(super) enum Recipient {
    Email(Mailer, String),
    Chat(Chat),
}

/// A recipient with the alerts that wait for it. Each channel succeeds or fails on its own.
#[derive(Debug)]
pub(super) struct AlertChannel {
    recipient: Recipient,
    waiting: VecDeque<AlertMessage>,
    failures: u32,
    not_before: Option<Timestamp>,
}

impl AlertChannel {
    pub(super) fn new(recipient: Recipient) -> Self {
        Self {
            recipient,
            waiting: VecDeque::new(),
            failures: 0,
            not_before: None,
        }
    }

    pub(super) fn push(&mut self, message: AlertMessage) {
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(message);
    }

    /// Whether every alert was accepted, or refused for good.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends the waiting alerts in order, until one must wait longer.
    pub(super) async fn send(&mut self, portal: &str, language: Language, clock: &Clock) {
        let now = clock.now();
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return;
        }
        while let Some(message) = self.waiting.front() {
            let send = self.recipient.send(portal, message, language, clock);
            match send.await {
                Ok(()) => self.failures = 0,
                Err(Failure::Permanent { reason, .. }) => {
                    error!(reason, "an alert was rejected");
                }
                // The channel logs itself why it is not used.
                Err(Failure::CircuitOpen { until, .. }) => {
                    self.not_before = Some(until);
                    return;
                }
                Err(
                    Failure::Transient {
                        reason,
                        retry_after,
                    }
                    | Failure::Channel {
                        reason,
                        retry_after,
                        ..
                    },
                ) => {
                    self.failures += 1;
                    let wait = backoff(self.failures, fastrand::f64())
                        .max(retry_after.unwrap_or_default());
                    warn!(
                        reason,
                        wait_ms = wait.as_millis(),
                        "sending an alert failed; retrying"
                    );
                    self.not_before = Some(now + wait);
                    return;
                }
            }
            self.waiting.pop_front();
        }
    }
}

impl Recipient {
    async fn send(
        &self,
        portal: &str,
        message: &AlertMessage,
        language: Language,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let subject = |language| format!("docspace-courier: {}", message.subject(language));
        let text = message.text(language);
        match self {
            Self::Email(mailer, to) => {
                // The same for every attempt to send it to one address, whatever language was known then.
                let parts = [portal, &subject(Language::En), &message.at.to_string(), to];
                let portal = language.text_with("alert-portal", [("portal", portal)]);
                let email = Email {
                    id: format!("alert-{}", hash::short_id(&parts)),
                    subject: subject(language),
                    text: format!("{text}\n{portal}\n").replace('\n', "\r\n"),
                    html: None,
                };
                mailer.send(&email, to, clock).await
            }
            Self::Chat(chat) => {
                let format = chat.format();
                let lines = text.trim().lines().map(|line| format.untrusted(line));
                let lines: Vec<String> = lines.collect();
                let subject = format.untrusted(&subject(language));
                let text = format!("{subject} ({portal})\n{}", lines.join("\n"));
                chat.post(&text, clock).await
            }
        }
    }
}
