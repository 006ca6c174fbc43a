//! Who uses a command, for the audit log.

use crate::audit::{Author, Through};
use crate::config::Settings;

/// The person who uses a command.
pub(super) fn author(settings: &Settings) -> Author {
    Author {
        through: Through::Command,
        person: settings.account().map(str::to_owned),
    }
}
