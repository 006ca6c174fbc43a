//! Signing in with the token, and signing out.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tracing::info;

use super::access::{Caller, end_session};
use super::console::Console;
use super::layout::{Layout, message, page};

#[derive(Template)]
#[template(path = "status_login.html")]
struct LoginPage {
    layout: Layout,
    next: String,
    wrong: bool,
}

/// The page to continue with.
#[derive(Debug, Deserialize)]
pub(super) struct LoginQuery {
    next: Option<String>,
}

/// The form. It has no `Debug`, because it contains the token.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    token: String,
    next: Option<String>,
}

/// The address of the login page that continues with this path.
pub(super) fn address(path: &str) -> String {
    let base = "http://localhost/login";
    let query = reqwest::Url::parse_with_params(base, [("next", path)])
        .ok()
        .and_then(|url| url.query().map(str::to_owned));
    format!("/login?{}", query.unwrap_or_default())
}

/// The path to continue with; `/` unless it is on this listener.
fn local_path(next: Option<String>) -> String {
    next.filter(|next| {
        let mut rest = next.chars();
        rest.next() == Some('/')
            && !matches!(rest.next(), Some('/' | '\\'))
            && !next.contains(|character: char| character.is_control())
    })
    .unwrap_or_else(|| "/".to_owned())
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Query(LoginQuery { next }): Query<LoginQuery>,
) -> Response {
    let next = local_path(next);
    let layout = Layout::new(&console, &headers);
    match console.access.caller(&headers, console.clock.now()) {
        Caller::Operator => Redirect::to(&next).into_response(),
        Caller::NoTokenConfigured => no_token(layout),
        Caller::Anonymous => page(
            StatusCode::OK,
            &LoginPage {
                layout,
                next,
                wrong: false,
            },
        ),
    }
}

pub(super) async fn sign_in(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let now = console.clock.now();
    let layout = Layout::new(&console, &headers);
    if console.access.caller(&headers, now) == Caller::NoTokenConfigured {
        return no_token(layout);
    }
    let next = local_path(form.next);
    let token = form.token.trim();
    if let Some(cookie) = console.access.begin_session(token, now) {
        info!("an operator signed in");
        return ([(header::SET_COOKIE, cookie)], Redirect::to(&next)).into_response();
    }
    console.access.log_wrong_token(now);
    page(
        StatusCode::UNAUTHORIZED,
        &LoginPage {
            layout,
            next,
            wrong: true,
        },
    )
}

pub(super) async fn sign_out() -> Response {
    ([(header::SET_COOKIE, end_session())], Redirect::to("/")).into_response()
}

fn no_token(layout: Layout) -> Response {
    message(
        layout,
        StatusCode::FORBIDDEN,
        "No token is configured",
        "ADMIN_TOKEN is not set, so nothing can be changed here. Set it and restart the service.",
        ("/", "All events"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_to_continue_with_is_local() {
        let check = |next: &str, expected: &str| {
            assert_eq!(local_path(Some(next.to_owned())), expected, "{next}");
        };
        check("/events/5?notice=discarded", "/events/5?notice=discarded");
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
