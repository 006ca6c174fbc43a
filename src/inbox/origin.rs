//! Origin: whether an event is the effect of an action, so that no rule reacts to its own work.
//!
//! The portal reports a copy as `file.copied` of the new file, another new file as `file.created` and `file.uploaded`, a move as `file.moved` of the file in its
//! destination, one to the trash as `file.trashed`, one of a room to the Archive as `room.archived`, a new room as `room.created`, a new folder as
//! `folder.created`, and a change such as a comment or a title as `file.updated` with the time of the last change that
//! the action has stored (docs/DOCSPACE.md 3, A3.1, A9.2). The action that did it names the event that caused it, and so on back to the first
//! event. The portal's event can arrive before the result of the operation is known; then it must wait.

use crate::db::{Sql, SqlError};
use crate::event::{Entry, Event, Trigger};
use crate::folder_creation::{self, FolderPlace};
use crate::outbox::{self, Effect, EffectKind};

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
    /// It may be the effect of a copy or change whose result is not known yet.
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

/// The effect of an action that the portal reports with an event of this trigger about this entry.
pub fn effect_kind<'a>(trigger: &Trigger, entry: Option<&'a Entry>) -> Option<EffectKind<'a>> {
    let modified_at = entry.and_then(|it| it.modified_at);
    match trigger.as_str() {
        "file.copied" => Some(EffectKind::Copied),
        "file.created" | "file.uploaded" => Some(EffectKind::Created(modified_at)),
        "file.moved" | "file.restored" => {
            Some(EffectKind::Moved(entry.and_then(|it| it.parent.as_ref())))
        }
        "room.archived" => Some(EffectKind::Archived),
        "room.created" => Some(EffectKind::RoomCreated),
        "folder.created" => Some(EffectKind::FolderCreated),
        "file.trashed" => Some(EffectKind::Trashed),
        "file.updated" => Some(EffectKind::Updated(modified_at)),
        _ => None,
    }
}

/// Whether an event may be the effect of an action, judged by its trigger. Most events are uploads, and few deployments
/// have actions whose new files the portal reports as one: `create_files` is whether there may be such actions.
pub fn may_be_own_effect(event: &Event, create_files: bool) -> bool {
    let trigger = event.trigger.as_ref();
    match trigger.and_then(|trigger| effect_kind(trigger, None)) {
        Some(EffectKind::Created(_)) => create_files,
        Some(_) => true,
        None => false,
    }
}

/// Where an event comes from.
pub fn origin(sql: &Sql, event: &Event) -> Result<Origin, SqlError> {
    let (Some(trigger), Some(entry)) = (&event.trigger, &event.entry) else {
        return Ok(Origin::External);
    };
    let Some(kind) = effect_kind(trigger, Some(entry)) else {
        return Ok(Origin::External);
    };
    if let Some(effect) = outbox::last_effect(sql, kind, &entry.id, None)? {
        return Ok(Origin::OwnActions(rule_chain(sql, effect)?));
    }
    if matches!(kind, EffectKind::Copied | EffectKind::Created(_))
        && let (Some(folder), Some(title)) = (&entry.parent, &entry.title)
        && outbox::has_new_file_in_flight(sql, kind, folder, title)?
    {
        return Ok(Origin::Undetermined);
    }
    if kind == EffectKind::FolderCreated
        && let (Some(parent), Some(title)) = (&entry.parent, &entry.title)
        && folder_creation::is_in_flight(sql, &FolderPlace::new(parent, title))?
    {
        return Ok(Origin::Undetermined);
    }
    let is_change = matches!(
        kind,
        EffectKind::Updated(_) | EffectKind::Archived | EffectKind::RoomCreated
    );
    if is_change && outbox::has_change_in_flight(sql, kind, &entry.id)? {
        return Ok(Origin::Undetermined);
    }
    Ok(Origin::External)
}

/// The rule of an action and of those that led to it, the nearest first.
fn rule_chain(sql: &Sql, nearest: Effect) -> Result<Vec<String>, SqlError> {
    let mut rules = Vec::new();
    let mut next = Some(nearest);
    while let Some(effect) = next.take()
        && rules.len() < MAX_CHAIN
    {
        if let Some((trigger, file)) = trigger_and_file(sql, effect.event)?
            && let Some(kind) = effect_kind(&trigger, None)
        {
            next = outbox::last_effect(sql, kind, &file, Some(effect.action))?;
        }
        rules.push(effect.rule);
    }
    Ok(rules)
}
