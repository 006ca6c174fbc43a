//! Links to a room or file (docs/DOCSPACE.md A5.2).

use jiff::Timestamp;

use crate::level::AccessLevel;

/// A link that gives access to a room or file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// A GUID, which the caller may choose.
    pub(crate) id: String,
    pub(crate) kind: LinkKind,
    pub(crate) title: String,
    pub(crate) level: AccessLevel,
    /// `None` for a link that does not expire.
    pub(crate) expires: Option<Timestamp>,
    pub(crate) password: Option<String>,
    /// Whether only accounts of the portal may use it.
    pub(crate) internal: bool,
    pub(crate) deny_download: bool,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// Makes the visitor a member of the room.
    Invitation {
        /// How many people may use it.
        max_use_count: Option<u32>,
    },
    /// The link that the portal shows first.
    Primary,
    /// Another external link.
    Additional,
}

impl LinkKind {
    pub(crate) fn is_external(self) -> bool {
        !matches!(self, Self::Invitation { .. })
    }
}
