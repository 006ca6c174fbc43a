//! Which alerts are due: at most one of a kind per interval, with counts, and one when it is resolved.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::notify::Language;

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
    kind: AlertKind,
    news: News,
    /// When it became due; with the subject it identifies the message.
    pub(super) at: Timestamp,
}

/// What there is to say about a kind of problem.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    /// It occurred so many times; the first ones are listed.
    Occurred { count: usize, listed: Vec<String> },
    /// It is resolved.
    Resolved,
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
            return std::mem::take(&mut self.open).then_some(AlertMessage {
                kind,
                news: News::Resolved,
                at: now,
            });
        }
        if self.count == 0 || !self.may_send(now) {
            return None;
        }
        self.sent_at = Some(now);
        self.open = true;
        Some(AlertMessage {
            kind,
            news: News::Occurred {
                count: std::mem::take(&mut self.count),
                listed: std::mem::take(&mut self.listed),
            },
            at: now,
        })
    }
}

impl AlertKind {
    pub(super) const ALL: [Self; 4] = [
        Self::DeadLetter,
        Self::KeyRefused,
        Self::WebhookDisabled,
        Self::ChannelDown,
    ];

    /// The id of its texts in a language.
    fn text_id(self) -> &'static str {
        match self {
            Self::DeadLetter => "alert-dead-letters",
            Self::KeyRefused => "alert-key-refused",
            Self::WebhookDisabled => "alert-webhook-disabled",
            Self::ChannelDown => "alert-channel-down",
        }
    }
}

impl AlertMessage {
    /// The subject.
    pub(super) fn subject(&self, language: Language) -> String {
        let id = self.kind.text_id();
        match &self.news {
            News::Occurred { count, .. } => language.text_about(id, *count),
            News::Resolved => language.text(&format!("{id}-resolved")),
        }
    }

    /// The text, with a line break at its end.
    pub(super) fn text(&self, language: Language) -> String {
        let id = self.kind.text_id();
        match &self.news {
            News::Resolved => format!("{}\n", language.text(&format!("{id}-resolved-text"))),
            News::Occurred { count, listed } => {
                let mut text = format!("{}\n", language.text(&format!("{id}-text")));
                // Writing to a string cannot fail.
                if !listed.is_empty() {
                    let _ = write!(text, "\n  {}\n", listed.join("\n  "));
                    if *count > listed.len() {
                        let more =
                            language.text_about("alert-dead-letters-more", count - listed.len());
                        let _ = writeln!(text, "  {more}");
                    }
                }
                text + &self.kind.help(language)
            }
        }
    }
}

impl AlertKind {
    /// What can be done about it, where the text does not say so.
    fn help(self, language: Language) -> String {
        match self {
            Self::KeyRefused | Self::WebhookDisabled => String::new(),
            Self::ChannelDown => format!("\n{}\n", language.text("alert-channel-down-help")),
            Self::DeadLetter => {
                let mut help = format!("\n{}\n\n", language.text("alert-dead-letters-help"));
                for (command, id) in [
                    ("events list --dead", "alert-list-command"),
                    ("events replay --dead", "alert-preview-command"),
                    ("events replay --dead --all", "alert-replay-command"),
                ] {
                    let _ = writeln!(
                        help,
                        "  docspace-courier {command:28} {}",
                        language.text(id)
                    );
                }
                help
            }
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
        due.map(|message| message.subject(Language::En)).collect()
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
        assert_eq!(due[0].subject(Language::En), "30 dead letters");
        let text = due[0].text(Language::En);
        assert!(text.contains("and 20 more"), "{text}");
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
    fn every_alert_has_a_text_in_every_language() {
        for kind in AlertKind::ALL {
            let mut digest = AlertDigest::default();
            digest.record(kind, 3, vec!["what failed".to_owned()]);
            let alert = digest.due(at(0)).remove(0);
            digest.resolve(kind);
            let resolved = digest.due(at(1)).remove(0);
            for language in Language::tags().filter_map(Language::of_tag) {
                for message in [&alert, &resolved] {
                    let shown = message.subject(language) + &message.text(language);
                    assert!(!shown.contains("alert-"), "{language}: {shown}");
                }
            }
        }
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
