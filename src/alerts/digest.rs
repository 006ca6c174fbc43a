//! Which alerts are due: at most one of a kind in a while, with counts, and one when it is well again.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

/// The shortest time between two alerts of one kind.
pub(super) const QUIET: Duration = Duration::from_mins(15);

/// How many things of a kind one alert names; the others are counted.
const NAMED: usize = 10;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An action or a decision was given up.
    DeadLetter,
    /// The portal refuses the API key.
    KeyRefused,
    /// The portal's webhook is switched off or deleted.
    WebhookOff,
}

/// One message to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) text: String,
    /// When it became due; with the subject it tells one message from another.
    pub(super) at: Timestamp,
}

/// What happened and was not told yet, by kind.
#[derive(Debug, Default)]
pub(super) struct Digest {
    dead_letter: Topic,
    key_refused: Topic,
    webhook_off: Topic,
}

#[derive(Debug, Default)]
struct Topic {
    /// It goes on.
    lasts: bool,
    /// How often it happened since the last alert.
    count: usize,
    /// The first of what happened.
    named: Vec<String>,
    /// The last alert.
    told_at: Option<Timestamp>,
    /// The operator has heard of it, and not that it is over.
    known: bool,
}

impl Digest {
    /// Something happened once more.
    pub(super) fn note(&mut self, kind: Kind, what: String) {
        let topic = self.topic(kind);
        topic.lasts = true;
        topic.count += 1;
        if topic.named.len() < NAMED {
            topic.named.push(what);
        }
    }

    /// Something is so; it counts once until it is over.
    pub(super) fn begin(&mut self, kind: Kind) {
        let topic = self.topic(kind);
        topic.count += usize::from(!topic.lasts);
        topic.lasts = true;
    }

    /// It is over.
    pub(super) fn well(&mut self, kind: Kind) {
        self.topic(kind).lasts = false;
    }

    /// The messages to send now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Message> {
        [Kind::DeadLetter, Kind::KeyRefused, Kind::WebhookOff]
            .into_iter()
            .filter_map(|kind| self.topic(kind).due(kind, now))
            .collect()
    }

    fn topic(&mut self, kind: Kind) -> &mut Topic {
        match kind {
            Kind::DeadLetter => &mut self.dead_letter,
            Kind::KeyRefused => &mut self.key_refused,
            Kind::WebhookOff => &mut self.webhook_off,
        }
    }
}

impl Topic {
    fn due(&mut self, kind: Kind, now: Timestamp) -> Option<Message> {
        if !self.lasts {
            // What began and ended between two alerts needs nobody any more.
            self.count = 0;
            self.named.clear();
            return std::mem::take(&mut self.known).then(|| kind.over(now));
        }
        let quiet = self.told_at.is_some_and(|told_at| now < told_at + QUIET);
        if self.count == 0 || quiet {
            return None;
        }
        self.told_at = Some(now);
        self.known = true;
        let count = std::mem::take(&mut self.count);
        Some(kind.alert(count, &std::mem::take(&mut self.named), now))
    }
}

impl Kind {
    fn alert(self, count: usize, named: &[String], at: Timestamp) -> Message {
        let (subject, text) = match self {
            Self::DeadLetter => {
                let subject = match count {
                    1 => "1 dead letter".to_owned(),
                    many => format!("{many} dead letters"),
                };
                let mut text = "What was given up, and why:\n\n".to_owned();
                // Writing to a string cannot fail.
                for what in named {
                    let _ = writeln!(text, "  {what}");
                }
                if count > named.len() {
                    let _ = writeln!(text, "  and {} more", count - named.len());
                }
                text.push_str(
                    "\nThey are kept. Once the cause is gone, put them back to work:\n\n  \
                     docspace-courier events list --dead\n  \
                     docspace-courier events replay ID\n",
                );
                (subject, text)
            }
            Self::KeyRefused => (
                "the portal refuses the API key".to_owned(),
                "Nothing can be done in the portal, and everything waits until the key works again.\n\
                 Nothing is lost. Look at Developer Tools, API keys, in DocSpace.\n"
                    .to_owned(),
            ),
            Self::WebhookOff => (
                "the portal's webhook is switched off or deleted".to_owned(),
                "Nothing is delivered; the watched rooms are listed instead, which takes longer.\n\
                 Switch it on again at Developer Tools, Webhooks, in DocSpace.\n"
                    .to_owned(),
            ),
        };
        Message { subject, text, at }
    }

    fn over(self, at: Timestamp) -> Message {
        let (subject, text) = match self {
            Self::DeadLetter => (
                "well again: no dead letters",
                "All dead letters were put back to work or discarded.\n",
            ),
            Self::KeyRefused => (
                "well again: the API key works",
                "The portal takes the key again; the work goes on.\n",
            ),
            Self::WebhookOff => (
                "well again: the webhook is on",
                "The portal delivers again; what was missed is fetched.\n",
            ),
        };
        Message {
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

    fn subjects(digest: &mut Digest, minutes: i64) -> Vec<String> {
        let due = digest.due(at(minutes)).into_iter();
        due.map(|message| message.subject).collect()
    }

    #[test]
    fn dead_letters_are_counted_and_told_once_in_a_while() {
        let mut digest = Digest::default();
        digest.note(Kind::DeadLetter, "one".to_owned());
        assert_eq!(subjects(&mut digest, 0), ["1 dead letter"]);
        for _ in 0..30 {
            digest.note(Kind::DeadLetter, "another".to_owned());
        }
        assert_eq!(subjects(&mut digest, 14), Vec::<String>::new());
        let due = digest.due(at(15));
        assert_eq!(due[0].subject, "30 dead letters");
        assert!(due[0].text.contains("and 20 more"), "{}", due[0].text);
        assert_eq!(subjects(&mut digest, 40), Vec::<String>::new());
        digest.well(Kind::DeadLetter);
        assert_eq!(subjects(&mut digest, 41), ["well again: no dead letters"]);
        assert_eq!(subjects(&mut digest, 60), Vec::<String>::new());
    }

    #[test]
    fn what_lasts_is_told_once_and_its_end_once() {
        let mut digest = Digest::default();
        digest.well(Kind::KeyRefused);
        assert_eq!(subjects(&mut digest, 0), Vec::<String>::new());
        for minute in 0..60 {
            digest.begin(Kind::KeyRefused);
            assert_eq!(
                subjects(&mut digest, minute).len(),
                usize::from(minute == 0)
            );
        }
        digest.well(Kind::KeyRefused);
        assert_eq!(subjects(&mut digest, 61), ["well again: the API key works"]);
    }

    #[test]
    fn what_comes_and_goes_quickly_is_told_rarely() {
        let mut digest = Digest::default();
        let mut told = 0;
        for minute in 0..60 {
            digest.begin(Kind::WebhookOff);
            told += subjects(&mut digest, minute).len();
            digest.well(Kind::WebhookOff);
            told += subjects(&mut digest, minute).len();
        }
        assert_eq!(told, 8, "four times off, four times on");
    }
}
