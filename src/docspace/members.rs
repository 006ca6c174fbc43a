//! Calls about the members of rooms (docs/DOCSPACE.md A5.1).

use std::fmt;

use futures_util::Stream;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::ids::FolderId;

use super::call::PortalCall;
use super::error::Error;
use super::page::{PAGE_SIZE, Page, pages};
use super::path;
use super::people::AccountStatus;
use super::transport::Transport;

/// Calls about the members of rooms.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    transport: &'a Transport,
}

/// What a member of a room may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Manage the room.
    Manager,
    /// Add files, and manage them.
    ContentCreator,
    /// Edit files.
    Editor,
    /// Fill in forms.
    FormFiller,
    /// Suggest changes.
    Reviewer,
    /// Comment.
    Commenter,
    /// Read.
    Viewer,
}

impl Role {
    /// All roles, each with its name in DocSpace.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("manager", Self::Manager),
        ("content creator", Self::ContentCreator),
        ("editor", Self::Editor),
        ("form filler", Self::FormFiller),
        ("reviewer", Self::Reviewer),
        ("commenter", Self::Commenter),
        ("viewer", Self::Viewer),
    ];

    /// DocSpace's number. The portal takes a text that it does not know for an order to remove the member.
    fn number(self) -> u8 {
        match self {
            Self::Viewer => 2,
            Self::Reviewer => 5,
            Self::Commenter => 6,
            Self::FormFiller => 7,
            Self::Manager => 9,
            Self::Editor => 10,
            Self::ContentCreator => 11,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter();
        let name = names.find(|(_, role)| role == self);
        formatter.write_str(name.map_or("", |(name, _)| name))
    }
}

/// Whom an invitation names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitee {
    /// The person or group with this GUID.
    Id(String),
    /// The person with this email address. If nobody has it, the portal creates the account of a guest.
    Email(String),
}

/// A member of a room: a person or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The GUID of the person or group.
    pub id: String,
    /// The email address of a person.
    pub email: Option<String>,
    /// Whether it is a group.
    pub is_group: bool,
    /// Whether the account of a person can be used: it is neither disabled nor only invited.
    pub is_active: bool,
    /// The role; `None` for the owner, and for roles that rules do not give.
    pub role: Option<Role>,
    /// Whether it is the owner of the room.
    pub is_owner: bool,
    /// Whether the key's user may change the role.
    pub may_change: Option<bool>,
}

impl<'a> Members<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads the members of a room, the owner first. Nobody is listed if the key's user may not see the members.
    pub fn pages(
        self,
        room: &'a FolderId,
    ) -> impl Stream<Item = Result<Page<Vec<Member>>, Error>> + 'a {
        pages(move |start| self.page(room, start))
    }

    async fn page(self, room: &FolderId, start: u64) -> Result<Page<Vec<Member>>, Error> {
        let query = format!("filterType=0&count={PAGE_SIZE}&startIndex={start}");
        let path = share_path(room).query(&query);
        let page = self
            .transport
            .send::<Vec<ShareDto>>(PortalCall::list(path))
            .await?;
        let len = page.response.len();
        let members = page.response.into_iter().filter_map(ShareDto::member);
        Ok(Page::new(members.collect(), start, len, page.total))
    }

    /// Gives a person or group a role in a room, if `may_send` returns true just before the request. Raises no event.
    ///
    /// The portal answers 200 although nothing has changed, for instance for an account that is disabled, so the members
    /// have to be read afterwards. `notify` sends people an email; those who are invited to the portal always get one.
    pub async fn share(
        self,
        room: &FolderId,
        (invitee, role): (&Invitee, Role),
        notify: bool,
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let access = role.number();
        let (id, email) = match invitee {
            Invitee::Id(id) => (Some(id.as_str()), None),
            Invitee::Email(email) => (None, Some(email.as_str())),
        };
        let body = ShareBody {
            invitations: [InvitationBody { id, email, access }],
            notify,
        };
        let call = PortalCall::put(share_path(room), &body).returning_list();
        let shared = self.transport.send_if::<IgnoredAny>(may_send, call);
        shared.await.map(drop)
    }
}

fn share_path(room: &FolderId) -> path::ApiPath {
    path::rooms().id(room.as_str()).word("share")
}

/// One invitation in a request: the portal refuses a role in the middle of a list, and what is before it stays.
#[derive(Serialize)]
struct ShareBody<'a> {
    invitations: [InvitationBody<'a>; 1],
    notify: bool,
}

#[derive(Serialize)]
struct InvitationBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    access: u8,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShareDto {
    access: i64,
    #[serde(default)]
    is_owner: bool,
    can_edit_access: Option<bool>,
    shared_to_user: Option<SharedToDto>,
    shared_to_group: Option<SharedToDto>,
}

#[derive(Deserialize)]
struct SharedToDto {
    id: String,
    email: Option<String>,
    #[serde(default)]
    status: AccountStatus,
}

impl ShareDto {
    /// The member; `None` for a link.
    fn member(self) -> Option<Member> {
        let is_group = self.shared_to_user.is_none();
        let shared_to = self.shared_to_user.or(self.shared_to_group)?;
        let mut roles = Role::NAMES.iter().map(|(_, role)| *role);
        Some(Member {
            id: shared_to.id,
            email: shared_to.email,
            is_group,
            is_active: !is_group && shared_to.status == AccountStatus::ACTIVE,
            role: roles.find(|role| i64::from(role.number()) == self.access),
            is_owner: self.is_owner,
            may_change: self.can_edit_access,
        })
    }
}
