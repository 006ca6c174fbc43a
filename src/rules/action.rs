//! What a rule can do: the plan of one action, as it stands in the store until it is done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::docspace::Conflict;
use crate::ids::FolderId;
use crate::template::MessageTemplates;

/// One thing a rule does with the file of an event. What earlier versions stored must stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionPlan {
    /// Copies the file into a folder.
    Copy {
        /// The destination.
        to: FolderId,
        /// What happens when the title is taken there.
        #[serde(default, skip_serializing_if = "Conflict::is_default")]
        conflict: Conflict,
    },
    /// Moves the file into a folder.
    Move {
        /// The destination.
        to: FolderId,
        /// What happens when the title is taken there.
        #[serde(default, skip_serializing_if = "Conflict::is_default")]
        conflict: Conflict,
    },
    /// Sets the comment of the file's newest version.
    Comment {
        /// The comment.
        text: String,
    },
    /// Tells one person about the file.
    Notify {
        /// Their address; without one the log is told.
        to: Option<String>,
        /// The rule's own words, where it has any.
        #[serde(default, skip_serializing_if = "MessageTemplates::are_none")]
        words: MessageTemplates,
    },
    /// Tells the chat of the configuration about the file.
    Chat,
    /// Tells the chat of the configuration about the file in the rule's own words.
    Say {
        /// The words.
        words: MessageTemplates,
    },
    /// Hands the file to the pipeline of the configuration.
    Call,
    /// Hands the file to a pipeline of the rules file.
    CallTo {
        /// Under which key its address is known; the address may be a secret.
        pipeline: String,
        /// Its host, for people.
        host: String,
    },
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

impl ActionKind {
    /// The name in the store, the logs and the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Move => "move",
            Self::Comment => "comment",
            Self::Notify => "notify",
            Self::Call => "call",
            Self::Unknown => "unknown",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "copy" => Self::Copy,
            "move" => Self::Move,
            "comment" => Self::Comment,
            "notify" => Self::Notify,
            "call" => Self::Call,
            _ => Self::Unknown,
        }
    }

    /// Whether the actions behind it in its rule wait for it; they do not wait for a notification.
    pub fn is_waited_for(self) -> bool {
        self != Self::Notify
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

    /// Whether it is work for the portal; the others reach somebody else, and touch no file.
    pub fn is_file_work(&self) -> bool {
        match self {
            Self::Copy { .. } | Self::Move { .. } | Self::Comment { .. } => true,
            Self::Notify { .. }
            | Self::Chat
            | Self::Say { .. }
            | Self::Call
            | Self::CallTo { .. } => false,
        }
    }

    /// Whether the actions behind it in its rule wait for it; they do not wait for a notification.
    pub fn is_waited_for(&self) -> bool {
        self.kind().is_waited_for()
    }

    /// The folder it puts the file into, if it does.
    pub fn destination(&self) -> Option<&FolderId> {
        match self {
            Self::Copy { to, .. } | Self::Move { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Where it leads, for people: a folder's id, an address, the words of a comment.
    pub fn leads_to(&self) -> Option<String> {
        match self {
            Self::Copy { to, .. } | Self::Move { to, .. } => Some(to.as_str().to_owned()),
            Self::Comment { text } => Some(format!("“{text}”")),
            Self::Notify { to, .. } => to.clone(),
            Self::Chat | Self::Say { .. } => Some("the chat".to_owned()),
            Self::Call => Some("the pipeline".to_owned()),
            Self::CallTo { host, .. } => Some(format!("the pipeline at {host}")),
        }
    }

    /// The trigger of the event that it raises in the portal, if it does (docs/DOCSPACE.md 3).
    pub fn raises(&self) -> Option<&'static str> {
        match self {
            Self::Copy { .. } => Some("file.copied"),
            Self::Move { .. } => Some("file.moved"),
            Self::Comment { .. } => Some("file.updated"),
            _ => None,
        }
    }
}

impl fmt::Display for ActionPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leads_to = self.leads_to();
        match self {
            Self::Copy { to, conflict } | Self::Move { to, conflict } => {
                write!(formatter, "{} to {to}", self.kind())?;
                match conflict {
                    Conflict::Duplicate => Ok(()),
                    Conflict::Overwrite => formatter.write_str(" (overwrite a taken title)"),
                    Conflict::Skip => formatter.write_str(" (skip a taken title)"),
                }
            }
            _ => match leads_to {
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
