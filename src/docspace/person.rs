//! People, as the portal names them.

use serde::Deserialize;

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Id of the account, comparable with `event.createBy`.
    pub id: String,
    /// The name shown to others.
    #[serde(default)]
    pub display_name: String,
    /// Whether it owns the portal.
    #[serde(default)]
    pub is_owner: bool,
    /// Whether it is an administrator of the portal, who can read every room (docs/DOCSPACE.md 1.9).
    #[serde(default)]
    pub is_admin: bool,
}
