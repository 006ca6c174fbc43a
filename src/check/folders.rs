//! Rooms and folders that could not be read.

use crate::docspace::Error;

use crate::finding::Finding;

/// What it means that a room or folder could not be read. `users` are the variables and rules that name it.
pub(super) fn unreadable(subject: String, users: &str, error: &Error) -> Finding {
    match error {
        Error::NotFound => Finding::error(
            subject,
            format!(
                "does not exist: the id is mistyped ({users}), or the folder was deleted; `docspace-courier rooms \
                 --folders` lists all ids"
            ),
        ),
        Error::Forbidden => Finding::error(
            subject,
            format!(
                "may not be read ({users}): give the user of the key access to the room, and the key the scope files:write"
            ),
        ),
        error => Finding::warning(
            subject,
            format!("could not be checked: {error}; check again later"),
        ),
    }
}
