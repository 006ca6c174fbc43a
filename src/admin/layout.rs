//! The layout of every page, pages with only a message, and times in words.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use jiff::Timestamp;
use tracing::error;

use super::access::{Caller, Identity};
use super::console::Console;
use super::role::Role;
use crate::db::StoreError;
use crate::telemetry::ErrorChain;
use crate::text;

/// A part of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Events,
    Rules,
    Backfill,
    Changes,
}

impl Section {
    const ALL: [Self; 4] = [Self::Events, Self::Rules, Self::Backfill, Self::Changes];

    fn path(self) -> &'static str {
        match self {
            Self::Events => "/",
            Self::Rules => "/rules",
            Self::Backfill => "/backfill",
            Self::Changes => "/changes",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Events => "Events",
            Self::Rules => "Rules",
            Self::Backfill => "Backfill",
            Self::Changes => "Changes",
        }
    }
}

/// The header of every page.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The portal's address; empty for callers who may not read.
    pub(crate) portal: String,
    pub(crate) is_signed_in: bool,
    pub(crate) can_sign_in: bool,
    /// The part of the console that the page belongs to; `None` where there is no console, or it may not be seen.
    section: Option<Section>,
}

impl Layout {
    /// A page without a session that could be ended or begun.
    pub(crate) fn anonymous(portal: String) -> Self {
        Self {
            portal,
            is_signed_in: false,
            can_sign_in: false,
            section: None,
        }
    }

    /// The layout of a page in this part of the console.
    pub(super) fn at(mut self, section: Section) -> Self {
        self.section = self.section.map(|_| section);
        self
    }

    /// The parts of the console: address, name, and whether the page belongs to it.
    pub(crate) fn sections(&self) -> Vec<(&'static str, &'static str, bool)> {
        let Some(current) = self.section else {
            return Vec::new();
        };
        let link = |section: Section| (section.path(), section.name(), section == current);
        Section::ALL.map(link).into()
    }

    pub(super) fn new(console: &Console, identity: Identity) -> Self {
        let caller = identity.caller;
        Self {
            portal: if identity.may_read() {
                console.portal.host().to_owned()
            } else {
                String::new()
            },
            is_signed_in: identity.has_session,
            can_sign_in: matches!(caller, Caller::Anonymous | Caller::Known(Role::Viewer)),
            section: identity.may_read().then_some(Section::Events),
        }
    }
}

#[derive(Template)]
#[template(path = "status_message.html")]
struct MessagePage {
    layout: Layout,
    heading: &'static str,
    sentence: String,
    link: Option<Link>,
}

/// An address on this listener and the text of the link to it.
pub(crate) type Link = (String, &'static str);

/// The text of the link to `/`, the first page of a listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HomeLink(pub(crate) &'static str);

/// The first page of the console.
pub(super) const ALL_EVENTS: HomeLink = HomeLink("All events");

impl HomeLink {
    fn link(self) -> Link {
        ("/".to_owned(), self.0)
    }
}

/// The link to the list of events.
pub(super) fn all_events() -> Link {
    ALL_EVENTS.link()
}

/// A page with one message and at most one link.
pub(crate) fn message(
    layout: Layout,
    code: StatusCode,
    heading: &'static str,
    sentence: impl Into<String>,
    link: Option<Link>,
) -> Response {
    let message = MessagePage {
        layout,
        heading,
        sentence: sentence.into(),
        link,
    };
    page(code, &message)
}

/// Renders a page, without characters that change the direction of text or are not shown.
pub(crate) fn page(code: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (code, Html(text::clean_lines(&html))).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The response for an unknown path.
pub(crate) async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "There is no such page.\n")
}

/// An error as a page with its sentence.
pub(super) fn error_page(code: StatusCode, sentence: &str, home: HomeLink) -> Response {
    let layout = Layout::anonymous(String::new());
    let heading = code.canonical_reason().unwrap_or("Error");
    message(layout, code, heading, sentence, Some(home.link()))
}

/// The page for an unknown event.
pub(super) fn no_event(layout: Layout, id: i64) -> Response {
    let sentence = format!(
        "There is no event {id}. Finished events are removed when they are older than RETENTION_DAYS."
    );
    message(
        layout,
        StatusCode::NOT_FOUND,
        "No such event",
        sentence,
        Some(all_events()),
    )
}

/// Logs why the store failed for a request to this listener.
pub(super) fn log_store_error(error: &StoreError) {
    error!(error = %ErrorChain(error), "the admin listener cannot use the store");
}

/// The page for a store that cannot be used, whose log line this writes.
pub(super) fn unavailable(layout: Layout, error: &StoreError) -> Response {
    log_store_error(error);
    message(
        layout,
        StatusCode::SERVICE_UNAVAILABLE,
        "The store is unavailable",
        "The log has the reason. Deliveries that cannot be stored are answered with 503, and DocSpace sends them again.",
        Some(("/".to_owned(), "Try again")),
    )
}

/// A time relative to now, and exactly.
pub(super) struct RelativeTime {
    /// Such as `5 min ago`.
    pub(super) about: String,
    /// Date and time.
    pub(super) exact: String,
    /// The same in the format of HTML's `datetime`.
    pub(super) machine: String,
}

impl RelativeTime {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            about: about(now.duration_since(at).as_secs()),
            exact: format!("{} UTC", text::time(at)),
            machine: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

/// A span of time in one unit.
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
