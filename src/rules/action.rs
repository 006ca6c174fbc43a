//! Actions of a rule: the plan of one action, as it is stored until it is done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::docspace::Conflict;
use crate::ids::FolderId;
use crate::template::MessageTemplates;

/// One thing a rule does with the file of an event. Plans stored by earlier versions must stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionPlan {
    /// Copies the file into a folder.
    Copy {
        /// The destination.
        to: FolderId,
        /// What to do if the title is taken there.
        #[serde(default, skip_serializing_if = "Conflict::is_default")]
        conflict: Conflict,
    },
    /// Moves the file into a folder.
    Move {
        /// The destination.
        to: FolderId,
        /// What to do if the title is taken there.
        #[serde(default, skip_serializing_if = "Conflict::is_default")]
        conflict: Conflict,
    },
    /// Sets the comment of the file's newest version.
    Comment {
        /// The comment.
        text: String,
    },
    /// Notifies one person about the file.
    Notify {
        /// The email address; without one the notification goes to the log.
        to: Option<String>,
        /// The rule's own message templates.
        #[serde(default, skip_serializing_if = "MessageTemplates::are_none")]
        words: MessageTemplates,
    },
    /// Posts to the configured chat.
    Chat,
    /// Posts to the configured chat with the rule's own message template.
    Say {
        /// The message templates.
        words: MessageTemplates,
    },
    /// Calls the configured pipeline.
    Call,
    /// Calls a pipeline of the rules file.
    CallTo {
        /// The key of its address; the address itself may be a secret and is not stored.
        pipeline: String,
        /// Its host, for people.
        host: String,
    },
}

/// One of the configured channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChannelId {
    /// The mail server.
    Email,
    /// The chat.
    Chat,
    /// The pipeline of the environment.
    Pipeline,
    /// The pipeline of the rules file with this key.
    PipelineOfRule(String),
}

impl fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => formatter.write_str("email"),
            Self::Chat => formatter.write_str("chat"),
            Self::Pipeline => formatter.write_str("pipeline"),
            Self::PipelineOfRule(key) => write!(formatter, "pipeline:{key}"),
        }
    }
}

/// What an action does, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Copies a file.
    Copy,
    /// Moves a file.
    Move,
    /// Sets the comment of a file.
    Comment,
    /// Notifies a person or a chat.
    Notify,
    /// Calls a pipeline.
    Call,
    /// An action that a newer version stored and this one does not support.
    Unknown,
}

/// What distinguishes the kinds of action for the engine.
struct Properties {
    /// The name in the store, logs and metrics.
    name: &'static str,
    /// Whether it calls the portal; the others reach another system and touch no file.
    is_file_work: bool,
    /// Whether the actions after it in its rule wait for it.
    is_waited_for: bool,
    /// The trigger of the event that it raises in the portal (docs/DOCSPACE.md 3).
    raises: Option<&'static str>,
}

const COPY: Properties = Properties::on_file("copy", "file.copied");
const MOVE: Properties = Properties::on_file("move", "file.moved");
const COMMENT: Properties = Properties::on_file("comment", "file.updated");
const NOTIFY: Properties = Properties {
    // A bad address must not stop the other notifications or a call.
    is_waited_for: false,
    ..Properties::elsewhere("notify")
};
const CALL: Properties = Properties::elsewhere("call");
const UNKNOWN: Properties = Properties::elsewhere("unknown");

impl Properties {
    const fn on_file(name: &'static str, raises: &'static str) -> Self {
        Self {
            name,
            is_file_work: true,
            is_waited_for: true,
            raises: Some(raises),
        }
    }

    const fn elsewhere(name: &'static str) -> Self {
        Self {
            name,
            is_file_work: false,
            is_waited_for: true,
            raises: None,
        }
    }
}

impl ActionKind {
    const KNOWN: [Self; 5] = [
        Self::Copy,
        Self::Move,
        Self::Comment,
        Self::Notify,
        Self::Call,
    ];

    fn properties(self) -> &'static Properties {
        match self {
            Self::Copy => &COPY,
            Self::Move => &MOVE,
            Self::Comment => &COMMENT,
            Self::Notify => &NOTIFY,
            Self::Call => &CALL,
            Self::Unknown => &UNKNOWN,
        }
    }

    /// The name in the store, logs and metrics.
    pub fn as_str(self) -> &'static str {
        self.properties().name
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .unwrap_or(Self::Unknown)
    }

    /// Whether the actions after it in its rule wait for it.
    pub fn is_waited_for(self) -> bool {
        self.properties().is_waited_for
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl ActionPlan {
    /// Its kind.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Copy { .. } => ActionKind::Copy,
            Self::Move { .. } => ActionKind::Move,
            Self::Comment { .. } => ActionKind::Comment,
            Self::Notify { .. } | Self::Chat | Self::Say { .. } => ActionKind::Notify,
            Self::Call | Self::CallTo { .. } => ActionKind::Call,
        }
    }

    /// Whether it calls the portal; the others reach another system and touch no file.
    pub fn is_file_work(&self) -> bool {
        self.kind().properties().is_file_work
    }

    /// Whether the actions after it in its rule wait for it.
    pub fn is_waited_for(&self) -> bool {
        self.kind().is_waited_for()
    }

    /// The channel that it uses, if it uses one.
    pub fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Copy { .. } | Self::Move { .. } | Self::Comment { .. } => None,
            Self::Notify { .. } => Some(ChannelId::Email),
            Self::Chat | Self::Say { .. } => Some(ChannelId::Chat),
            Self::Call => Some(ChannelId::Pipeline),
            Self::CallTo { pipeline, .. } => Some(ChannelId::PipelineOfRule(pipeline.clone())),
        }
    }

    /// The trigger of the event that it raises in the portal, if any.
    pub fn raises(&self) -> Option<&'static str> {
        self.kind().properties().raises
    }

    /// The folder it puts the file into, if any.
    pub fn destination(&self) -> Option<&FolderId> {
        match self {
            Self::Copy { to, .. } | Self::Move { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Its target, for people: a folder's id, an address, the text of a comment. `None` is the log.
    pub fn target(&self) -> Option<String> {
        match self {
            Self::Copy { to, .. } | Self::Move { to, .. } => Some(to.as_str().to_owned()),
            Self::Comment { text } => Some(format!("“{text}”")),
            Self::Notify { to, .. } => to.clone(),
            Self::Chat | Self::Say { .. } => Some("the chat".to_owned()),
            Self::Call => Some("the pipeline".to_owned()),
            Self::CallTo { host, .. } => Some(format!("the pipeline at {host}")),
        }
    }
}

impl fmt::Display for ActionPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy { to, conflict } | Self::Move { to, conflict } => {
                write!(formatter, "{} to {to}", self.kind())?;
                match conflict {
                    Conflict::Duplicate => Ok(()),
                    Conflict::Overwrite => formatter.write_str(" (overwrite a taken title)"),
                    Conflict::Skip => formatter.write_str(" (skip if the title exists there)"),
                }
            }
            _ => match self.target() {
                Some(to) => write!(formatter, "{} {to}", self.kind()),
                None => write!(formatter, "{} the log", self.kind()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_plans_of_earlier_versions_are_read() {
        let check = |stored: &str, expected: ActionPlan| {
            let read: ActionPlan = serde_json::from_str(stored).unwrap();
            assert_eq!(read, expected, "{stored}");
            assert_eq!(serde_json::to_string(&read).unwrap(), stored);
        };
        check(
            r#"{"copy":{"to":5}}"#,
            ActionPlan::Copy {
                to: FolderId::from(5),
                conflict: Conflict::Duplicate,
            },
        );
        check(
            r#"{"notify":{"to":"a@x.example"}}"#,
            ActionPlan::Notify {
                to: Some("a@x.example".to_owned()),
                words: MessageTemplates::default(),
            },
        );
        check(r#""chat""#, ActionPlan::Chat);
        check(r#""call""#, ActionPlan::Call);
    }
}
