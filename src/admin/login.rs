//! Entering the token, once for a session, and leaving again.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tracing::{info, warn};

use super::Status;
use super::access::{Visitor, end_session};
use super::frame::{Frame, message, page};

#[derive(Template)]
#[template(path = "status_login.html")]
struct Page {
    frame: Frame,
    next: String,
    wrong: bool,
}

/// Where to go on afterwards.
#[derive(Debug, Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

/// What the form sends; without `Debug`, as it holds the token.
#[derive(Deserialize)]
pub(super) struct Entered {
    token: String,
    next: Option<String>,
}

/// The address at which the token is entered before going on to a page of ours.
pub(super) fn address(wanted: &str) -> String {
    let base = "http://localhost/login";
    let query = reqwest::Url::parse_with_params(base, [("next", wanted)])
        .ok()
        .and_then(|url| url.query().map(str::to_owned));
    format!("/login?{}", query.unwrap_or_default())
}

/// A path on this listener, whatever the address asked for.
fn on_this_listener(next: Option<String>) -> String {
    next.filter(|next| {
        let mut rest = next.chars();
        rest.next() == Some('/')
            && !matches!(rest.next(), Some('/' | '\\'))
            && !next.contains(|character: char| character.is_control())
    })
    .unwrap_or_else(|| "/".to_owned())
}

pub(super) async fn ask(
    State(status): State<Arc<Status>>,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Response {
    let next = on_this_listener(next);
    let frame = Frame::new(&status, &headers);
    match status.access.visitor(&headers, status.clock.now()) {
        Visitor::Operator => Redirect::to(&next).into_response(),
        Visitor::NoToken => no_token(frame),
        Visitor::Stranger => page(
            StatusCode::OK,
            &Page {
                frame,
                next,
                wrong: false,
            },
        ),
    }
}

pub(super) async fn enter(
    State(status): State<Arc<Status>>,
    headers: HeaderMap,
    Form(entered): Form<Entered>,
) -> Response {
    let now = status.clock.now();
    let frame = Frame::new(&status, &headers);
    if status.access.visitor(&headers, now) == Visitor::NoToken {
        return no_token(frame);
    }
    let next = on_this_listener(entered.next);
    let token = entered.token.trim();
    if let Some(cookie) = status.access.begin_session(token, now) {
        info!("the token was entered; a session begins");
        return ([(header::SET_COOKIE, cookie)], Redirect::to(&next)).into_response();
    }
    warn!("a wrong token was entered on the page");
    page(
        StatusCode::UNAUTHORIZED,
        &Page {
            frame,
            next,
            wrong: true,
        },
    )
}

pub(super) async fn leave() -> Response {
    ([(header::SET_COOKIE, end_session())], Redirect::to("/")).into_response()
}

fn no_token(frame: Frame) -> Response {
    message(
        frame,
        StatusCode::FORBIDDEN,
        "There is no token to enter",
        "No ADMIN_TOKEN is configured, so nothing can be changed here. Set one and restart the service.",
        ("/", "All events"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_on_here_only() {
        let check = |next: &str, expected: &str| {
            assert_eq!(on_this_listener(Some(next.to_owned())), expected, "{next}");
        };
        check("/events/5?said=nothing", "/events/5?said=nothing");
        check("", "/");
        check("//evil.example", "/");
        check("/\\evil.example", "/");
        check("https://evil.example", "/");
        check("/\nSet-Cookie: a", "/");
        assert_eq!(
            address("/?search=a b&x"),
            "/login?next=%2F%3Fsearch%3Da+b%26x"
        );
    }
}
