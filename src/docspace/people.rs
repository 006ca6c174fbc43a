//! Calls about people and groups (docs/DOCSPACE.md A10).

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::call::PortalCall;
use super::error::Error;
use super::path::{self, ApiPath};
use super::transport::Transport;

/// Calls about people and groups.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    transport: &'a Transport,
}

/// The account of a person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its GUID.
    pub id: String,
    /// The person's name.
    /// The name shown to others.
    #[serde(default)]
    pub display_name: String,
    /// Its email address.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether it can be used.
    #[serde(default)]
    pub status: AccountStatus,
    /// Whether it belongs to a guest.
    #[serde(default, rename = "isVisitor")]
    pub is_guest: bool,
    /// Whether it owns the portal.
    #[serde(default)]
    pub is_owner: bool,
    /// Whether it is an administrator of the portal.
    #[serde(default)]
    pub is_admin: bool,
}

impl Profile {
    /// Whether it can read every room (docs/DOCSPACE.md 1.9).
    pub fn sees_every_room(&self) -> bool {
        self.is_owner || self.is_admin
    }
}

/// Whether an account can be used, as the portal's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct AccountStatus(i64);

impl AccountStatus {
    /// It can be used. Others are disabled, or invited and have not signed in yet.
    pub const ACTIVE: Self = Self(1);
}

impl Default for AccountStatus {
    fn default() -> Self {
        Self::ACTIVE
    }
}

/// A group of people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupInfo {
    /// Its GUID.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

impl<'a> People<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads the account with this GUID. Refused for users of the plain type, and for guests whom the key's user shares no
    /// room with.
    pub async fn account(self, id: &str) -> Result<Profile, Error> {
        let path = ApiPath::from("people").id(id);
        self.transport.read(PortalCall::get(path)).await
    }

    /// Reads the account with this email address.
    pub async fn account_with_email(self, email: &str) -> Result<Profile, Error> {
        let path = ApiPath::from("people/email");
        let path = path.query(&format!("email={}", path::segment(email)));
        self.transport.read(PortalCall::get(path)).await
    }

    /// Reads the groups of the account with this GUID. Refused for users of the plain type.
    pub async fn groups_of(self, id: &str) -> Result<Vec<GroupInfo>, Error> {
        let path = ApiPath::from("group/user").id(id);
        self.transport.read(PortalCall::list(path)).await
    }

    /// Reads the members of the group with this GUID. Refused for users of the plain type.
    pub async fn members_of_group(self, id: &str) -> Result<Vec<Profile>, Error> {
        let path = ApiPath::from("group").id(id);
        let group: GroupDto = self.transport.read(PortalCall::get(path)).await?;
        Ok(group.members)
    }

    /// Makes an account a member of a group, if `may_send` returns true just before the request. Raises no event. Guests and
    /// disabled accounts are ignored, without an error. Only administrators of the portal may.
    pub async fn add_to_group(
        self,
        group: &str,
        account: &str,
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let path = ApiPath::from("group").id(group).word("members");
        let body = MembersBody { members: [account] };
        let call = PortalCall::put(path, &body).returning_list();
        let added = self.transport.send_if::<IgnoredAny>(may_send, call);
        added.await.map(drop)
    }

    /// Checks that there is a group with this GUID.
    pub async fn find_group(self, id: &str) -> Result<(), Error> {
        let path = ApiPath::from("group").id(id).query("includeMembers=false");
        let group = self.transport.read::<IgnoredAny>(PortalCall::get(path));
        group.await.map(drop)
    }
}

#[derive(Deserialize)]
struct GroupDto {
    #[serde(default)]
    members: Vec<Profile>,
}

#[derive(Serialize)]
struct MembersBody<'a> {
    members: [&'a str; 1],
}
