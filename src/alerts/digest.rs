//! Which alerts are due: at most one of a kind per interval, with counts, and one when it is resolved.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The shortest time between two alerts of one kind.
pub(super) const MIN_INTERVAL: Duration = Duration::from_mins(15);

/// How many occurrences one alert lists; the others are counted.
pub(super) const MAX_LISTED: u32 = 10;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AlertKind {
    /// An action or a decision failed permanently.
    #[serde(rename = "dead_letters")]
    DeadLetter,
    /// The portal refuses the API key.
    KeyRefused,
    /// The portal's webhook is disabled or deleted.
    #[serde(rename = "webhook_off")]
    WebhookDisabled,
    /// A channel is out of use.
    ChannelDown,
}

/// One message to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AlertMessage {
    pub(super) subject: String,
    pub(super) text: String,
    /// When it became due; with the subject it identifies the message.
    pub(super) at: Timestamp,
}

/// What was not reported yet, by kind.
#[derive(Debug, Default)]
pub(super) struct AlertDigest {
    topics: BTreeMap<AlertKind, Topic>,
}

#[derive(Debug, Default)]
struct Topic {
    /// Whether the problem persists.
    active: bool,
    /// Occurrences since the last alert.
    count: usize,
    /// The first of these occurrences.
    listed: Vec<String>,
    /// When the last alert was sent.
    sent_at: Option<Timestamp>,
    /// Whether an alert was sent that is not resolved yet.
    open: bool,
}

impl AlertDigest {
    /// Records occurrences; texts are needed for the first [`MAX_LISTED`] only.
    pub(super) fn record(&mut self, kind: AlertKind, count: usize, texts: Vec<String>) {
        let topic = self.topic(kind);
        topic.active |= count > 0;
        topic.count += count;
        topic.listed.extend(texts);
        topic.listed.truncate(MAX_LISTED as usize);
    }

    /// Continues where another process stopped: an alert was sent at this time, and the problem was not resolved.
    pub(super) fn restore(&mut self, kind: AlertKind, sent_at: Option<Timestamp>) {
        *self.topic(kind) = Topic {
            active: sent_at.is_some(),
            open: sent_at.is_some(),
            sent_at,
            ..Topic::default()
        };
    }

    /// When the last alert of this kind was sent, unless its problem is resolved.
    pub(super) fn open_since(&self, kind: AlertKind) -> Option<Timestamp> {
        let topic = self.topics.get(&kind)?;
        topic.sent_at.filter(|_| topic.open)
    }

    /// Whether enough time has passed since the last alert of this kind.
    pub(super) fn may_send(&self, kind: AlertKind, now: Timestamp) -> bool {
        let topic = self.topics.get(&kind);
        topic.is_none_or(|topic| topic.may_send(now))
    }

    /// Records that a problem persists; it counts once until it is resolved.
    pub(super) fn raise(&mut self, kind: AlertKind) {
        let topic = self.topic(kind);
        topic.count += usize::from(!topic.active);
        topic.active = true;
    }

    /// Records that a problem is resolved.
    pub(super) fn resolve(&mut self, kind: AlertKind) {
        self.topic(kind).active = false;
    }

    /// The messages to send now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<AlertMessage> {
        AlertKind::ALL
            .into_iter()
            .filter_map(|kind| self.topic(kind).due(kind, now))
            .collect()
    }

    fn topic(&mut self, kind: AlertKind) -> &mut Topic {
        self.topics.entry(kind).or_default()
    }
}

impl Topic {
    fn may_send(&self, now: Timestamp) -> bool {
        self.sent_at
            .is_none_or(|sent_at| sent_at + MIN_INTERVAL <= now)
    }

    fn due(&mut self, kind: AlertKind, now: Timestamp) -> Option<AlertMessage> {
        if !self.active {
            // A problem that came and went between two alerts needs no attention.
            self.count = 0;
            self.listed.clear();
            return std::mem::take(&mut self.open).then(|| kind.resolved(now));
        }
        if self.count == 0 || !self.may_send(now) {
            return None;
        }
        self.sent_at = Some(now);
        self.open = true;
        let count = std::mem::take(&mut self.count);
        Some(kind.alert(count, &std::mem::take(&mut self.listed), now))
    }
}

impl AlertKind {
    pub(super) const ALL: [Self; 4] = [
        Self::DeadLetter,
        Self::KeyRefused,
        Self::WebhookDisabled,
        Self::ChannelDown,
    ];

    fn alert(self, count: usize, listed: &[String], at: Timestamp) -> AlertMessage {
        let (subject, text) = match self {
            Self::DeadLetter => {
                let subject = match count {
                    1 => "1 dead letter".to_owned(),
                    many => format!("{many} dead letters"),
                };
                let mut text = "These actions failed permanently:\n\n".to_owned();
                // Writing to a string cannot fail.
                for what in listed {
                    let _ = writeln!(text, "  {what}");
                }
                if count > listed.len() {
                    let _ = writeln!(text, "  and {} more", count - listed.len());
                }
                text.push_str(
                    "\nThey are kept. Fix the cause, restart the service if you changed its configuration, then replay \
                     them. The current rules are evaluated again, and what is done is not repeated:\n\n  \
                     docspace-courier events list --dead           why they failed\n  \
                     docspace-courier events replay --dead         what a replay changes\n  \
                     docspace-courier events replay --dead --all   replays them\n",
                );
                (subject, text)
            }
            Self::KeyRefused => (
                "the portal refuses the API key".to_owned(),
                "All work waits until the key works again; nothing is lost.\n\
                 Check the key in DocSpace under Developer Tools, API keys.\n"
                    .to_owned(),
            ),
            Self::WebhookDisabled => (
                "the portal's webhook is disabled or deleted".to_owned(),
                "DocSpace delivers no events. The watched rooms are listed instead, which takes longer.\n\
                 Enable the webhook in DocSpace under Developer Tools, Webhooks.\n"
                    .to_owned(),
            ),
            Self::ChannelDown => (
                "notifications or calls wait".to_owned(),
                format!(
                    "These channels have been out of use for five minutes:\n\n  {}\n\n\
                     What is to be sent waits until they work again; nothing is lost.\n",
                    listed.join("\n  ")
                ),
            ),
        };
        AlertMessage { subject, text, at }
    }

    fn resolved(self, at: Timestamp) -> AlertMessage {
        let (subject, text) = match self {
            Self::DeadLetter => (
                "Resolved: no dead letters",
                "All dead letters were replayed or discarded.\n",
            ),
            Self::KeyRefused => (
                "Resolved: the API key works",
                "The portal accepts the key again; work continues.\n",
            ),
            Self::WebhookDisabled => (
                "Resolved: the webhook is enabled",
                "The portal delivers events again; missed ones are fetched.\n",
            ),
            Self::ChannelDown => (
                "Resolved: all channels work",
                "What waited is being sent.\n",
            ),
        };
        AlertMessage {
            subject: subject.to_owned(),
            text: text.to_owned(),
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + 60 * minutes).unwrap()
    }

    fn subjects(digest: &mut AlertDigest, minutes: i64) -> Vec<String> {
        let due = digest.due(at(minutes)).into_iter();
        due.map(|message| message.subject).collect()
    }

    #[test]
    fn dead_letters_are_counted_and_alerted_once_per_interval() {
        let mut digest = AlertDigest::default();
        digest.record(AlertKind::DeadLetter, 1, vec!["one".to_owned()]);
        assert_eq!(subjects(&mut digest, 0), ["1 dead letter"]);
        for _ in 0..30 {
            digest.record(AlertKind::DeadLetter, 1, vec!["another".to_owned()]);
        }
        assert_eq!(subjects(&mut digest, 14), Vec::<String>::new());
        let due = digest.due(at(15));
        assert_eq!(due[0].subject, "30 dead letters");
        assert!(due[0].text.contains("and 20 more"), "{}", due[0].text);
        assert_eq!(subjects(&mut digest, 40), Vec::<String>::new());
        digest.resolve(AlertKind::DeadLetter);
        assert_eq!(subjects(&mut digest, 41), ["Resolved: no dead letters"]);
        assert_eq!(subjects(&mut digest, 60), Vec::<String>::new());
    }

    #[test]
    fn a_persisting_problem_is_alerted_once_and_resolved_once() {
        let mut digest = AlertDigest::default();
        digest.resolve(AlertKind::KeyRefused);
        assert_eq!(subjects(&mut digest, 0), Vec::<String>::new());
        for minute in 0..60 {
            digest.raise(AlertKind::KeyRefused);
            assert_eq!(
                subjects(&mut digest, minute).len(),
                usize::from(minute == 0)
            );
        }
        digest.resolve(AlertKind::KeyRefused);
        assert_eq!(subjects(&mut digest, 61), ["Resolved: the API key works"]);
    }

    #[test]
    fn a_flapping_problem_is_alerted_rarely() {
        let mut digest = AlertDigest::default();
        let mut sent = 0;
        for minute in 0..60 {
            digest.raise(AlertKind::WebhookDisabled);
            sent += subjects(&mut digest, minute).len();
            digest.resolve(AlertKind::WebhookDisabled);
            sent += subjects(&mut digest, minute).len();
        }
        assert_eq!(sent, 8, "four times off, four times on");
    }
}
