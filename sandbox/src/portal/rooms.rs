//! What a test can see of rooms: titles, tags, members and links.

use super::Portal;
use crate::ids::{FileId, FolderId};
use crate::level::AccessLevel;
use crate::room_kind::RoomKind;
use crate::storage::{Folder, Link, LinkKind, NewFolder, Room, Section, Subject};
use crate::user::User;

/// The present state of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomView {
    /// Its id.
    pub id: FolderId,
    /// Its title.
    pub title: String,
    /// Its tags, in the order in which they were added.
    pub tags: Vec<String>,
    /// Whether it is in the Archive.
    pub archived: bool,
    /// Its members, without the owner.
    pub members: Vec<MemberView>,
    /// Its links.
    pub links: Vec<LinkView>,
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The GUID of the person or group.
    pub id: String,
    /// The e-mail address of a person; `None` for a group.
    pub email: Option<String>,
    /// The number of the access level (docs/DOCSPACE.md A1.6).
    pub access: u8,
}

/// A link to a room or file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Its GUID.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether it invites to the room, and does not just show it.
    pub invites: bool,
    /// Whether it is the primary link.
    pub primary: bool,
    /// The number of the access level.
    pub access: u8,
    /// When it ends, in RFC 3339; `None` if it does not end.
    pub expires: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Whether visitors may not download.
    pub deny_download: bool,
}

impl From<&Link> for LinkView {
    fn from(link: &Link) -> Self {
        Self {
            id: link.id.clone(),
            title: link.title.clone(),
            invites: !link.kind.is_external(),
            primary: link.kind == LinkKind::Primary,
            access: link.level.number(),
            expires: link.expires.map(|expires| expires.to_string()),
            password: link.password.clone(),
            deny_download: link.deny_download,
        }
    }
}

impl Portal {
    /// A room, if it exists.
    pub fn room(&self, id: &FolderId) -> Option<RoomView> {
        let state = self.state();
        let folder = state.storage.folder(id)?;
        let room = folder.room()?;
        let members = room.members.iter().map(|member| {
            let (id, email) = match &member.subject {
                Subject::Person(id) => {
                    let person = state.storage.people.person(id);
                    (id, person.map(|person| person.email.clone()))
                }
                Subject::Group(id) => (id, None),
            };
            MemberView {
                id: id.clone(),
                email,
                access: member.level.number(),
            }
        });
        Some(RoomView {
            id: id.clone(),
            title: folder.title.clone(),
            tags: room.tags.clone(),
            archived: state.storage.section_of(id) == Some(Section::Archive),
            members: members.collect(),
            links: folder.links.iter().map(LinkView::from).collect(),
        })
    }

    /// The owner creates a template of rooms, which the service account may read. Folders and files that are put into it are
    /// copied to the rooms.
    pub fn create_template(&self, title: &str) -> FolderId {
        let mut room = Room::new(RoomKind::Custom);
        let service = Subject::Person(User::Service.id().to_owned());
        room.set_access(&service, AccessLevel::Read);
        let templates = self.seed().templates.clone();
        self.update(|state, now| {
            let new = NewFolder {
                parent: &templates,
                title,
                room: Some(room),
                by: User::Owner,
            };
            state.storage.add_folder(new, now)
        })
    }

    /// The title of a folder or room, if it exists.
    pub fn folder_title(&self, id: &FolderId) -> Option<String> {
        let state = self.state();
        let folder: Option<&Folder> = state.storage.folder(id);
        folder.map(|folder| folder.title.clone())
    }

    /// The links to a folder or room.
    pub fn links_to_folder(&self, id: &FolderId) -> Vec<LinkView> {
        let state = self.state();
        let folder = state.storage.folder(id);
        let links = folder.map(|folder| folder.links.iter().map(LinkView::from).collect());
        links.unwrap_or_default()
    }

    /// The links to a file.
    pub fn links_to_file(&self, id: &FileId) -> Vec<LinkView> {
        let state = self.state();
        let file = state.storage.file(id);
        let links = file.map(|file| file.links.iter().map(LinkView::from).collect());
        links.unwrap_or_default()
    }

    /// The invitations that were sent by e-mail, in order: the room, and the address.
    pub fn invitation_mails(&self) -> Vec<(FolderId, String)> {
        self.state().invitation_mails.clone()
    }
}
