//! Accounts, as conditions name them.

use std::fmt;

/// An account of the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The user of the API key, who performs all actions of this service.
    ApiKeyUser,
    /// The account with this id.
    Id(String),
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKeyUser => formatter.write_str("the user of the API key"),
            Self::Id(id) => formatter.write_str(id),
        }
    }
}
