//! One way to an operator, and the messages that wait for it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tracing::{error, warn};

use crate::backoff::backoff;
use crate::notify::chat::{Chat, quoted};
use crate::notify::mail::{Email, Mailer};
use crate::outgoing::Failure;

use super::digest::Message;

/// How many messages wait for one way at the most; then the oldest are given up.
const WAITING: usize = 50;

/// A way to an operator.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Mail(Arc<Mailer>, String),
    Chat(Chat),
}

/// A way, and what waits for it. Each succeeds or fails on its own.
#[derive(Debug)]
pub(super) struct AlertChannel {
    way: Way,
    waiting: VecDeque<Message>,
    failures: u32,
    not_before: Option<Timestamp>,
}

impl AlertChannel {
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            waiting: VecDeque::new(),
            failures: 0,
            not_before: None,
        }
    }

    pub(super) fn push(&mut self, message: Message) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(message);
    }

    /// Sends what waits, in order, up to the first that must wait longer.
    pub(super) async fn send(&mut self, portal: &str, now: Timestamp) {
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return;
        }
        while let Some(message) = self.waiting.front() {
            match self.way.send(portal, message, now).await {
                Ok(()) => self.failures = 0,
                Err(Failure::Lasting { reason, .. }) => {
                    error!(reason, "an alert cannot be sent");
                }
                Err(Failure::Passing { reason, wait }) => {
                    self.failures += 1;
                    let wait =
                        backoff(self.failures, fastrand::f64()).max(wait.unwrap_or_default());
                    warn!(reason, wait_ms = wait.as_millis(), "an alert waits");
                    self.not_before = Some(now + wait);
                    return;
                }
            }
            self.waiting.pop_front();
        }
    }
}

impl Way {
    async fn send(&self, portal: &str, message: &Message, now: Timestamp) -> Result<(), Failure> {
        let Message { subject, text, at } = message;
        let subject = format!("docspace-courier: {subject}");
        match self {
            Self::Mail(mailer, to) => {
                let letter = Email {
                    id: id(&[portal, &subject, &at.to_string(), to]),
                    subject,
                    text: format!("{text}\nPortal: {portal}\n").replace('\n', "\r\n"),
                    html: None,
                };
                mailer.send(&letter, to, now).await
            }
            Self::Chat(chat) => {
                let text: Vec<String> = text.trim().lines().map(quoted).collect();
                let text = format!("{} ({portal})\n{}", quoted(&subject), text.join("\n"));
                chat.say(&text, now).await
            }
        }
    }
}

/// The same for every attempt to send one message to one address.
fn id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut id = format!("alert-{}", hex::encode(hash.finalize()));
    id.truncate("alert-".len() + 32);
    id
}
