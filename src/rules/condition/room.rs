//! Conditions on the title, tags and type of the room. Deliveries do not name the room (docs/DOCSPACE.md 2.1), so the portal
//! is asked.

use crate::docspace::FolderInfo;
use crate::event::EntryKind;
use crate::rules::entry_view::{EntryView, Missing};
use crate::rules::facts::Lookup;
use crate::wire::{FolderType, RoomType};

use super::check::{Check, Reason};
use super::location::without_folder;
use super::text::check;
use super::text_test::TextTest;

/// Whether the room's title is as required.
pub(super) fn title_matches<'a>(test: &'a TextTest, view: &EntryView<'a>) -> Check<'a> {
    match room(view) {
        Ok(_) => check("the room's title", test, &view.room_texts().title),
        Err(check) => check,
    }
}

/// Whether the room has one of these tags, which are in the form in which texts are compared.
pub(super) fn has_tag<'a>(tags: &'a [String], view: &EntryView<'a>) -> Check<'a> {
    match room(view) {
        Ok(_) => {
            let has = view.room_texts().tags.iter().any(|tag| tags.contains(tag));
            let verb = if has { "has" } else { "does not have" };
            Check::of(has, Reason::RoomTag(verb, tags))
        }
        Err(check) => check,
    }
}

/// Whether the room is of one of these types.
pub(super) fn is_of_type<'a>(types: &'a [RoomType], view: &EntryView<'a>) -> Check<'a> {
    match room(view) {
        Ok(room) => {
            let is = room.room_type.is_some_and(|kind| types.contains(&kind));
            let verb = if is { "is" } else { "is not" };
            Check::of(is, Reason::RoomType(verb, types))
        }
        Err(check) => check,
    }
}

/// The room, or the outcome if there is none or it is not known.
fn room<'a>(view: &EntryView<'a>) -> Result<&'a FolderInfo, Check<'a>> {
    let mismatch = |why| Err(Check::Mismatch(Reason::Plain(why)));
    match (&view.facts.room, view.entry.root_kind) {
        (Some(Lookup::Found(Some(room))), _) => Ok(room),
        (Some(Lookup::Found(None)), _) => mismatch("it is in no room"),
        // The file may have been moved on before its folder was deleted.
        (Some(Lookup::NotFound), _)
            if view.file().is_none() && view.entry.kind == EntryKind::File =>
        {
            Err(Check::Needs(Missing::File))
        }
        (Some(Lookup::NotFound), _) => mismatch("its folder no longer exists"),
        (None, Some(FolderType::MyDocuments)) if view.file().is_none() => {
            mismatch("the file is in somebody's own documents")
        }
        (None, _) if view.folder_in_room().is_none() => Err(without_folder(view)),
        (None, _) => Err(Check::Needs(Missing::Room)),
    }
}

/// What a condition checks of the room, for people.
pub(super) fn value(view: &EntryView<'_>, of: impl Fn(&FolderInfo) -> String) -> String {
    match &view.facts.room {
        Some(Lookup::Found(Some(room))) => of(room),
        Some(_) => "no room".to_owned(),
        None => "not given".to_owned(),
    }
}
