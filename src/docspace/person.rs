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
}
