//! Views of events, decisions and actions; serialized they are the JSON of the commands and the API.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::audit::Through;
use crate::ids::{FolderId, InboxId};
use crate::inbox::{DecisionOutcome, Source};
use crate::outbox::{ActionId, ActionState};

/// The state of an event, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// Waits for its decision, or one of its actions waits.
    Waiting,
    /// One of its actions is running.
    Working,
    /// Everything that was planned is done.
    Done,
    /// No rule planned anything for it, or another event had it planned.
    Ignored,
    /// Its decision or one of its actions is a dead letter.
    Dead,
    /// Its rule is paused, and its actions are held until that is resumed.
    Held,
    /// A person discarded dead letters of it; the rest is done.
    Discarded,
    /// Its body is not a JSON object.
    Unreadable,
}

impl EventState {
    /// The word in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
            Self::Held => "held",
            Self::Discarded => "discarded",
            Self::Unreadable => "unreadable",
        }
    }
}

/// An event in a list.
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    /// Our id of it.
    pub id: InboxId,
    /// The webhook that delivered it, if the body names one.
    pub webhook_id: Option<i64>,
    /// DocSpace's id of it, if the body names one.
    pub event_id: Option<i64>,
    /// DocSpace's name for what happened.
    pub trigger: Option<String>,
    /// The file that it is about.
    pub file_id: Option<String>,
    /// The file's title at that time. Untrusted text: the person who uploads a file chooses it.
    pub title: Option<String>,
    /// The folder that it is about or that contained the file.
    pub folder_id: Option<String>,
    /// The room around it, if the rules needed to know that.
    pub room_id: Option<String>,
    /// The id of the account that caused it.
    pub actor: Option<String>,
    /// When it was received.
    #[serde(serialize_with = "rfc3339")]
    pub received_at: Timestamp,
    /// When it happened; when it was received, if the body does not say.
    #[serde(serialize_with = "rfc3339")]
    pub happened_at: Timestamp,
    /// Where it came from.
    pub source: Source,
    /// How often it was delivered.
    pub deliveries: u32,
    /// When a person last replayed it.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub replayed_at: Option<Timestamp>,
    /// How that person did it.
    pub replayed_by: Option<Through>,
    /// The person's account, if it is known.
    pub replayed_person: Option<String>,
    /// Its state.
    pub state: EventState,
    /// The reason for the state, if it needs one.
    pub reason: Option<String>,
    /// When the next attempt to decide it is due, while it waits for that.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub due_at: Option<Timestamp>,
}

/// Everything about one event.
#[derive(Clone, Debug, Serialize)]
pub struct EventDetails {
    /// The event.
    #[serde(flatten)]
    pub event: EventView,
    /// What the last replay changed, each in words.
    pub replay_changes: Vec<String>,
    /// What each rule decided.
    pub decisions: Vec<DecisionView>,
    /// What was planned, in order.
    pub actions: Vec<ActionView>,
    /// The body as received.
    #[serde(serialize_with = "json_or_text")]
    pub body: Vec<u8>,
}

/// What one rule decided about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionView {
    /// The rule's name.
    pub rule: String,
    /// What it decided.
    pub outcome: DecisionOutcome,
    /// Why.
    pub reason: String,
}

/// An action of an event.
#[derive(Clone, Debug, Serialize)]
pub struct ActionView {
    /// Our id of it.
    pub id: ActionId,
    /// The rule that planned it.
    pub rule: String,
    /// The name of its kind.
    pub kind: String,
    /// What it does, such as "copy to folder 12".
    #[serde(skip)]
    pub what: String,
    /// The plan, as its kind stores it.
    #[serde(skip)]
    pub plan: String,
    /// The folder that the plan names, such as its destination.
    #[serde(skip)]
    pub named_folder: Option<FolderId>,
    /// Whether the actions after it in its rule wait for it.
    #[serde(skip)]
    pub is_waited_for: bool,
    /// Its state.
    pub state: ActionState,
    /// Whether it waits because its rule is paused.
    pub held: bool,
    /// Attempts so far.
    pub attempt: u32,
    /// Failed attempts that count towards giving up.
    pub failures: u32,
    /// The destination: a folder's id, or an address.
    pub to: Option<String>,
    /// The resulting file.
    pub result_file: Option<String>,
    /// The folder that contains the resulting file.
    pub result_folder: Option<String>,
    /// The portal's operation, once the portal has returned its id.
    pub operation_id: Option<String>,
    /// Why it is dead, for programs.
    pub reason_code: Option<String>,
    /// Why it is dead or waits.
    pub reason: Option<String>,
    /// When its next attempt is due, while it waits.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub due_at: Option<Timestamp>,
    /// When it was planned.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub finished_at: Option<Timestamp>,
}

impl ActionView {
    /// Its state in one word: "held" if it waits because its rule is paused.
    pub fn shown_state(&self) -> &'static str {
        if self.held {
            "held"
        } else {
            self.state.as_str()
        }
    }
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn rfc3339_or_null<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}

fn json_or_text<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) => value.serialize(serializer),
        Err(_) => serializer.serialize_str(&String::from_utf8_lossy(body)),
    }
}
