//! The frame of every page, the page that is only a message, and the words for times.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use jiff::Timestamp;

use super::Status;
use super::access::{Reach, Visitor};
use crate::text;

/// What stands around every page.
pub(super) struct Frame {
    /// The portal's address; nothing for those who may not look.
    pub(super) portal: String,
    /// Whether there is a session to end.
    pub(super) session: bool,
    /// Whether a session could be begun.
    pub(super) may_enter: bool,
}

impl Frame {
    pub(super) fn new(status: &Status, headers: &HeaderMap) -> Self {
        let visitor = status.access.visitor(headers, status.clock.now());
        let may_look = visitor == Visitor::Operator || status.access.reach() == Reach::ThisMachine;
        Self {
            portal: if may_look {
                status.portal.host().to_owned()
            } else {
                String::new()
            },
            session: visitor == Visitor::Operator,
            may_enter: visitor == Visitor::Stranger,
        }
    }
}

#[derive(Template)]
#[template(path = "status_message.html")]
struct Message {
    frame: Frame,
    heading: &'static str,
    sentence: String,
    link: (String, &'static str),
}

/// A page that says one thing and where to go on.
pub(super) fn message(
    frame: Frame,
    code: StatusCode,
    heading: &'static str,
    sentence: impl Into<String>,
    link: (impl Into<String>, &'static str),
) -> Response {
    let message = Message {
        frame,
        heading,
        sentence: sentence.into(),
        link: (link.0.into(), link.1),
    };
    page(code, &message)
}

/// Renders a page.
pub(super) fn page(code: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (code, Html(html)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The answer where nothing is.
pub(super) async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "There is nothing here.\n")
}

/// The page for an event that there is not.
pub(super) fn no_event(frame: Frame, id: i64) -> Response {
    let sentence = format!(
        "There is no event {id}. Events that ended are removed when they are older than RETENTION_DAYS."
    );
    message(
        frame,
        StatusCode::NOT_FOUND,
        "No such event",
        sentence,
        ("/", "All events"),
    )
}

/// The page for a store that cannot be read.
pub(super) fn unavailable(frame: Frame) -> Response {
    message(
        frame,
        StatusCode::SERVICE_UNAVAILABLE,
        "The store cannot be used",
        "The log says why. Deliveries are answered with 503 meanwhile, and DocSpace sends them again.",
        ("/", "Try again"),
    )
}

/// A moment, for people in a hurry and for those who want to know exactly.
pub(super) struct Moment {
    /// How long ago or how soon.
    pub(super) about: String,
    /// The time of day.
    pub(super) exact: String,
    /// The same for machines.
    pub(super) machine: String,
}

impl Moment {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            about: about(now.duration_since(at).as_secs()),
            exact: format!("{} UTC", text::time(at)),
            machine: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

/// A distance in time in one unit.
fn about(seconds_ago: i64) -> String {
    let distance = match seconds_ago.unsigned_abs() {
        0..=4 => return "just now".to_owned(),
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    };
    if seconds_ago < 0 {
        format!("in {distance}")
    } else {
        format!("{distance} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let check = |seconds: i64, expected: &str| assert_eq!(about(seconds), expected);
        check(0, "just now");
        check(5, "5 s ago");
        check(59, "59 s ago");
        check(60, "1 min ago");
        check(7_199, "1 h ago");
        check(47 * 3_600, "47 h ago");
        check(48 * 3_600, "2 days ago");
        check(-90, "in 1 min");
    }
}
