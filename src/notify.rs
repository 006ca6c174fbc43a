//! Notify: tells the account manager about a file. Deciding when is not its business.

use tracing::info;

use crate::docspace::editor_address;
use crate::outbox::Action;

/// Writes the notification as a log line: the manager's address, the title, the file's id and a link.
///
/// A crash between this line and the mark that it was written repeats it: told twice is better than
/// never, and the action's number in the line shows that it is the same notification.
pub fn log(portal: &str, action: &Action, to: Option<&str>) {
    info!(
        target: "notification",
        to = to.unwrap_or("(MANAGER_EMAIL is not set)"),
        title = action.title,
        file.id = action.file.as_str(),
        link = editor_address(portal, &action.file),
        "invoice received",
    );
}
