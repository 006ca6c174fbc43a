//! Calls that create rooms, and that find a new one (docs/DOCSPACE.md A4).

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::ids::FolderId;

use super::call::PortalCall;
use super::error::Error;
use super::folder::FolderInfo;
use super::page::PAGE_SIZE;
use super::path::{self, segment};
use super::transport::Transport;

/// Calls that create rooms, and that find a new one.
#[derive(Clone, Copy, Debug)]
pub struct NewRooms<'a> {
    transport: &'a Transport,
}

/// The type of a new room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewRoomType {
    /// For filling in forms.
    FormFilling,
    /// For working on documents together.
    Collaboration,
    /// With access settings of its own.
    Custom,
    /// Open to anyone who has the link.
    Public,
    /// For confidential documents.
    DataRoom,
    /// With an AI agent.
    Ai,
}

impl NewRoomType {
    /// All types, each with its name in rules.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("custom", Self::Custom),
        ("collaboration", Self::Collaboration),
        ("form filling", Self::FormFilling),
        ("public", Self::Public),
        ("data room", Self::DataRoom),
        ("AI", Self::Ai),
    ];

    /// The type in a word or two.
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.iter();
        let name = names.find(|(_, known)| *known == self);
        name.map_or("", |(name, _)| name)
    }

    /// DocSpace's number.
    fn number(self) -> u8 {
        match self {
            Self::FormFilling => 1,
            Self::Collaboration => 2,
            Self::Custom => 5,
            Self::Public => 6,
            Self::DataRoom => 8,
            Self::Ai => 9,
        }
    }
}

/// What a new room is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomBase {
    /// Nothing: it is an empty room of this type.
    Type(NewRoomType),
    /// This room template, whose contents are copied.
    Template(FolderId),
}

/// The last creation of a room from a template in the whole portal, which runs or has ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateTask {
    /// Whether it has ended.
    #[serde(default)]
    pub is_completed: bool,
    /// Why it failed, in the language of the key's user; empty if it did not.
    #[serde(default)]
    pub error: String,
}

impl<'a> NewRooms<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Creates a room of this title with these tags, if `may_send` returns true just before the request, also if there is
    /// one of the title. The room may exist although the call has failed, without its tags. Raises `room.created`
    /// (docs/DOCSPACE.md A4.1).
    pub async fn create(
        self,
        title: &str,
        room_type: NewRoomType,
        tags: &[String],
        may_send: impl Future<Output = bool>,
    ) -> Result<FolderInfo, Error> {
        let body = RoomBody {
            title,
            room_type: room_type.number(),
            tags,
        };
        let created = self
            .transport
            .send_if(may_send, PortalCall::post(path::rooms(), &body));
        Ok(created.await?.response)
    }

    /// Starts to create a room from a template, if `may_send` returns true just before the request. While another creation
    /// runs in the portal, the request is dropped without an error. Raises `room.created` (docs/DOCSPACE.md A4.2).
    pub async fn start_from_template(
        self,
        title: &str,
        template: &FolderId,
        tags: &[String],
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let path = path::rooms().word("fromTemplate");
        let body = TemplateBody {
            template_id: template,
            title,
            copy_logo: true,
            tags,
        };
        let started = self
            .transport
            .send_if::<Option<IgnoredAny>>(may_send, PortalCall::post(path, &body));
        started.await.map(drop)
    }

    /// The last creation of a room from a template, if there was one.
    pub async fn template_task(self) -> Result<Option<TemplateTask>, Error> {
        let path = path::rooms().word("fromTemplate").word("status");
        self.transport.read(PortalCall::get(path)).await
    }

    /// The rooms with this tag, archived ones included.
    pub async fn with_tag(self, tag: &str) -> Result<Vec<FolderInfo>, Error> {
        let tags = serde_json::json!([tag]).to_string();
        let query = format!("tags={}&searchArea=2&count={PAGE_SIZE}", segment(&tags));
        self.list(&query).await
    }

    /// The rooms that an account has created last, archived ones included.
    pub async fn newest_of(self, owner: &str) -> Result<Vec<FolderInfo>, Error> {
        let owner = segment(owner);
        self.list(&format!(
            "subjectOwnerId={owner}&searchArea=2&sortBy=DateAndTimeCreation&sortOrder=descending&count={PAGE_SIZE}"
        ))
        .await
    }

    async fn list(self, query: &str) -> Result<Vec<FolderInfo>, Error> {
        let path = path::rooms().query(query);
        let rooms: RoomList = self.transport.read(PortalCall::list(path)).await?;
        Ok(rooms.folders)
    }

    /// Takes a tag off a room, if `may_send` returns true just before the request. The portal keeps it in its list of tags.
    /// Raises no event (docs/DOCSPACE.md A8).
    pub async fn remove_tag(
        self,
        room: &FolderId,
        tag: &str,
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let path = path::rooms().id(room.as_str()).word("tags");
        let body = TagsBody { names: [tag] };
        let removed = self
            .transport
            .send_if::<IgnoredAny>(may_send, PortalCall::delete_with(path, &body));
        removed.await.map(drop)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomBody<'a> {
    title: &'a str,
    room_type: u8,
    tags: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TemplateBody<'a> {
    template_id: &'a FolderId,
    title: &'a str,
    copy_logo: bool,
    tags: &'a [String],
}

#[derive(Serialize)]
struct TagsBody<'a> {
    names: [&'a str; 1],
}

#[derive(Deserialize)]
struct RoomList {
    #[serde(default)]
    folders: Vec<FolderInfo>,
}
