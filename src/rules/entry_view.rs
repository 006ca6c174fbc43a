//! The file or folder of an event as conditions see it: from the delivery and from lookups in the portal.
//!
//! What many conditions use is computed once per event, however many rules there are.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::docspace::FileInfo;
use crate::event::fields::fields;
use crate::event::{Entry, EntryKind, Trigger};
use crate::ids::FolderId;

use super::facts::{Facts, Lookup, MissingFact};
use super::normalization::{ComparableText, normalized};

/// An event's file or folder as conditions see it.
pub(super) struct EntryView<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) entry: &'a Entry,
    /// `None` if not given.
    title: Option<ComparableText>,
    /// The members of the delivery, once a condition needs one.
    fields: OnceCell<HashMap<String, Vec<ComparableText>>>,
    /// The texts of the room, once a condition needs them.
    room_texts: OnceCell<RoomTexts>,
    /// The ids and names of the acting user's groups, once a condition needs them.
    actor_groups: OnceCell<Vec<String>>,
}

/// What conditions compare of a room.
pub(super) struct RoomTexts {
    pub(super) title: ComparableText,
    /// In the form in which texts are compared.
    pub(super) tags: Vec<String>,
}

/// Which fact a condition lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    File,
    Path,
    Room,
    CurrentUser,
    Actor,
    ActorGroups,
}

impl<'a> EntryView<'a> {
    pub(super) fn new(entry: &'a Entry, facts: &'a Facts<'a>) -> Self {
        let mut view = Self {
            facts,
            entry,
            title: None,
            fields: OnceCell::new(),
            room_texts: OnceCell::new(),
            actor_groups: OnceCell::new(),
        };
        view.title = view.raw_title().map(ComparableText::new);
        view
    }

    /// The file in the portal, if it was looked up.
    pub(super) fn file(&self) -> Option<&'a FileInfo> {
        match &self.facts.file {
            Some(Lookup::Found(file)) => Some(file),
            _ => None,
        }
    }

    /// The folder it is in.
    pub(super) fn folder(&self) -> Option<&'a FolderId> {
        self.file()
            .map(|file| &file.folder)
            .or(self.entry.parent.as_ref())
    }

    /// The title as given. Only a file's title is looked up.
    pub(super) fn raw_title(&self) -> Option<&'a str> {
        let given = self.file().map(|file| file.title.as_str());
        let given = given.or(self.entry.title.as_deref());
        match self.entry.kind {
            EntryKind::File => given,
            EntryKind::Folder | EntryKind::Account => Some(given.unwrap_or_default()),
        }
    }

    /// The values of a member of the delivery; none if it is absent.
    pub(super) fn field(&self, path: &str) -> &[ComparableText] {
        let fields = self.fields.get_or_init(|| {
            let mut by_path: HashMap<String, Vec<ComparableText>> = HashMap::new();
            for (path, text) in fields(self.facts.body.unwrap_or_default()) {
                let values = by_path.entry(path).or_default();
                values.push(ComparableText::new(&text));
            }
            by_path
        });
        fields.get(path).map_or(&[], Vec::as_slice)
    }

    /// The title to compare.
    pub(super) fn title(&self) -> Option<&ComparableText> {
        self.title.as_ref()
    }

    /// A folder in the room of the event; the room itself for an event about a room.
    pub(super) fn folder_in_room(&self) -> Option<FolderId> {
        let trigger = self.facts.event.trigger.as_ref();
        if trigger.is_some_and(Trigger::is_about_room) {
            return FolderId::new(self.entry.id.as_str());
        }
        self.folder().cloned()
    }

    /// The texts of the room; empty if it is not known.
    pub(super) fn room_texts(&self) -> &RoomTexts {
        self.room_texts.get_or_init(|| {
            let room = match &self.facts.room {
                Some(Lookup::Found(room)) => room.as_ref(),
                _ => None,
            };
            let tags = room.map_or(&[][..], |room| &room.tags);
            RoomTexts {
                title: ComparableText::new(room.map_or("", |room| &room.title)),
                tags: tags.iter().map(|tag| normalized(tag)).collect(),
            }
        })
    }

    /// The ids and names of the acting user's groups in the form in which texts are compared; none if they are not known.
    pub(super) fn actor_groups(&self) -> &[String] {
        self.actor_groups.get_or_init(|| {
            let groups = match &self.facts.actor_groups {
                Some(Lookup::Found(groups)) => &groups[..],
                _ => &[],
            };
            let texts = groups.iter().flat_map(|group| [&group.id, &group.name]);
            texts.map(|text| normalized(text)).collect()
        })
    }

    /// The extension in the form in which texts are compared, without its dot; empty if there is none.
    pub(super) fn extension(&self) -> Option<&str> {
        let title = self.title()?.normalized();
        Some(match title.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension,
            _ => "",
        })
    }

    /// Whether the entry is this folder or room itself.
    pub(super) fn is_folder(&self, folder: &FolderId) -> bool {
        self.entry.kind == EntryKind::Folder && self.entry.id.as_str() == folder.as_str()
    }

    /// What to look up.
    pub(super) fn missing_fact(&self, missing: Missing) -> MissingFact {
        match (missing, self.folder()) {
            (Missing::CurrentUser, _) => MissingFact::CurrentUser,
            (Missing::Actor, _) => MissingFact::Account(self.actor_id()),
            (Missing::ActorGroups, _) => MissingFact::Groups(self.actor_id()),
            (Missing::Path, Some(folder)) => MissingFact::Path(folder.clone()),
            (Missing::Room, _) if let Some(folder) = self.folder_in_room() => {
                MissingFact::Room(folder)
            }
            (Missing::Path | Missing::Room | Missing::File, _) => {
                MissingFact::File(self.entry.id.clone())
            }
        }
    }

    fn actor_id(&self) -> String {
        self.facts.event.actor.clone().unwrap_or_default()
    }

    /// The title for people.
    pub(super) fn shown_title(&self) -> Cow<'a, str> {
        self.raw_title()
            .map_or(Cow::Borrowed("not given"), |title| {
                Cow::Owned(format!("“{title}”"))
            })
    }
}
