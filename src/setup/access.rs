//! Access: the pages are only for the session.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::admin::layout::{Layout, message};

use super::state::Setup;

/// Serves pages only in the session.
pub(super) async fn require(
    State(setup): State<Arc<Setup>>,
    request: Request,
    next: Next,
) -> Response {
    if setup.session().includes(request.headers()) {
        return next.run(request).await;
    }
    refusal()
}

/// The page for those without a session.
pub(super) fn refusal() -> Response {
    message(
        Layout::anonymous(String::new()),
        StatusCode::UNAUTHORIZED,
        "This needs the link from the terminal",
        "The link that docspace-courier setup prints works once, in one browser. To get another one, stop the command \
         with Ctrl-C and start it again: what was entered is kept.",
        None,
    )
}
