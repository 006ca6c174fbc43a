//! What a link leads to, who may manage its links, and how many it may have (docs/DOCSPACE.md A5.2).

use super::ApiError;
use super::rooms::known_room;
use crate::ids::{FileId, FolderId};
use crate::room_kind::RoomKind;
use crate::storage::{Folder, Link, LinkKind, Storage};

/// What a link leads to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Room(FolderId),
    Folder(FolderId),
    File(FileId),
}

impl Target {
    pub(super) fn links<'a>(&self, storage: &'a Storage) -> &'a [Link] {
        match self {
            Self::Room(id) | Self::Folder(id) => {
                storage.folder(id).map_or(&[], |folder| &folder.links)
            }
            Self::File(id) => storage.file(id).map_or(&[], |file| &file.links),
        }
    }

    pub(super) fn links_mut<'a>(&self, storage: &'a mut Storage) -> Option<&'a mut Vec<Link>> {
        match self {
            Self::Room(id) | Self::Folder(id) => {
                storage.folder_mut(id).map(|folder| &mut folder.links)
            }
            Self::File(id) => storage.file_mut(id).map(|file| &mut file.links),
        }
    }

    /// The kind of the room that is the target or contains it.
    pub(super) fn room_kind(&self, storage: &Storage) -> Option<RoomKind> {
        let folder = match self {
            Self::Room(id) | Self::Folder(id) => id,
            Self::File(id) => &storage.file(id)?.folder,
        };
        storage.room_of(folder).and_then(Folder::room_kind)
    }

    /// Checks that the service account may manage the links.
    pub(super) fn check(&self, storage: &Storage) -> Result<(), ApiError> {
        let may_manage = match self {
            Self::Room(id) => storage.may_manage_room(known_room(storage, id)?),
            Self::Folder(id) => {
                let folder = storage.folder(id).ok_or(ApiError::FolderMissing)?;
                storage.may_manage_folder(folder)
            }
            Self::File(id) => {
                storage.may_manage_file(storage.file(id).ok_or(ApiError::FileMissing)?)
            }
        };
        if may_manage {
            Ok(())
        } else {
            Err(ApiError::Denied)
        }
    }

    /// Checks that another link of this kind fits under the limits.
    pub(super) fn check_limit(&self, storage: &Storage, kind: LinkKind) -> Result<(), ApiError> {
        const LIMITS: [&str; 3] = [
            "The maximum number of links may not exceed 1",
            "The maximum number of links may not exceed 5",
            "The maximum number of links may not exceed 6",
        ];
        let [one, five, six] = LIMITS;
        let links = self.links(storage);
        let count =
            |counts: fn(LinkKind) -> bool| links.iter().filter(|link| counts(link.kind)).count();
        if !kind.is_external() {
            return limit(count(|kind| !kind.is_external()), 1, one);
        }
        let room_kind = self.room_kind(storage);
        match (self, room_kind) {
            (Self::Room(_), Some(RoomKind::Collaboration | RoomKind::Data)) => {
                Err(ApiError::Denied)
            }
            (_, Some(RoomKind::FormFilling)) => limit(count(LinkKind::is_external), 1, one),
            (Self::Room(_), _) | (_, Some(RoomKind::Public)) => match kind {
                LinkKind::Primary => limit(count(|kind| kind == LinkKind::Primary), 1, one),
                _ => limit(count(|kind| kind == LinkKind::Additional), 5, five),
            },
            (_, _) => limit(count(LinkKind::is_external), 6, six),
        }
    }
}

fn limit(count: usize, most: usize, message: &'static str) -> Result<(), ApiError> {
    if count < most {
        Ok(())
    } else {
        Err(ApiError::DeniedBecause(message))
    }
}
