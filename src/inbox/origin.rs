//! Origin: whether an event is the effect of an action, so that no rule reacts to its own work.
//!
//! The portal reports a copy as `file.copied` of the new file, a move as `file.moved` of the file in its
//! destination, and a comment as `file.updated` of a file whose content state is unchanged
//! (docs/DOCSPACE.md 3, A9.2). The action that did it names the event that caused it, and so on back to the first
//! event. The portal's event can arrive before the result of the operation is known; then it must wait.

use crate::db::{Sql, SqlError};
use crate::event::Event;
use crate::ids::FileId;
use crate::outbox::{self, ActionId, Effect};

use super::event::trigger_and_file;

/// Most rules that are followed back from an event.
const MAX_CHAIN: usize = 32;

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person or another program.
    External,
    /// Our own actions: the rule that did it, and those that led to it.
    OwnActions(Vec<String>),
    /// It may be the effect of a copy whose result is not known yet.
    Undetermined,
}

impl Origin {
    /// The rules that led to the event.
    pub fn rules(&self) -> &[String] {
        match self {
            Self::OwnActions(rules) => rules,
            Self::External | Self::Undetermined => &[],
        }
    }
}

/// Whether the portal reports effects of actions with an event of this trigger.
pub fn may_be_own_effect(event: &Event) -> bool {
    const RAISED: [&str; 4] = ["file.copied", "file.moved", "file.restored", "file.updated"];
    event
        .trigger
        .as_ref()
        .is_some_and(|trigger| RAISED.contains(&trigger.as_str()))
}

/// Where an event comes from.
pub fn origin(sql: &Sql, event: &Event) -> Result<Origin, SqlError> {
    let (Some(trigger), Some(entry)) = (&event.trigger, &event.entry) else {
        return Ok(Origin::External);
    };
    let effect = match trigger.as_str() {
        "file.copied" => match outbox::last_copy(sql, &entry.id, None)? {
            None => {
                if let (Some(folder), Some(title)) = (&entry.parent, &entry.title)
                    && outbox::has_copy_in_flight(sql, folder, title)?
                {
                    return Ok(Origin::Undetermined);
                }
                None
            }
            copy => copy,
        },
        "file.moved" | "file.restored" => {
            outbox::last_move(sql, &entry.id, entry.parent.as_ref(), None)?
        }
        "file.updated" => outbox::last_comment(sql, &entry.id, entry.modified_at, None)?,
        _ => None,
    };
    Ok(match effect {
        None => Origin::External,
        Some(effect) => Origin::OwnActions(rule_chain(sql, effect)?),
    })
}

/// The rule of an action and of those that led to it, the nearest first.
fn rule_chain(sql: &Sql, nearest: Effect) -> Result<Vec<String>, SqlError> {
    let mut rules = Vec::new();
    let mut next = Some(nearest);
    while let Some(effect) = next.take()
        && rules.len() < MAX_CHAIN
    {
        if let Some((trigger, file)) = trigger_and_file(sql, effect.event)? {
            next = earlier_effect(sql, trigger.as_str(), &file, effect.action)?;
        }
        rules.push(effect.rule);
    }
    Ok(rules)
}

fn earlier_effect(
    sql: &Sql,
    trigger: &str,
    file: &FileId,
    before: ActionId,
) -> Result<Option<Effect>, SqlError> {
    match trigger {
        "file.copied" => outbox::last_copy(sql, file, Some(before)),
        "file.moved" | "file.restored" => outbox::last_move(sql, file, None, Some(before)),
        "file.updated" => outbox::last_comment(sql, file, None, Some(before)),
        _ => Ok(None),
    }
}
