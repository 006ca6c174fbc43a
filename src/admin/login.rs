//! Signing in with the token, and signing out.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use tracing::{error, info};

use super::access::{Caller, Identity};
use super::console::Console;
use super::guess_limit::{TokenRejection, retry_after};
use super::layout::{Layout, all_events, message, page, unavailable};
use super::role::Role;
use super::session::{self, SessionToken};

#[derive(Template)]
#[template(path = "status_login.html")]
struct LoginPage {
    layout: Layout,
    next: String,
    /// Whether there is a token for viewers.
    for_viewers: bool,
    /// Why the last token was not accepted.
    rejection: Option<String>,
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
    Extension(identity): Extension<Identity>,
    Query(LoginQuery { next }): Query<LoginQuery>,
) -> Response {
    let next = local_path(next);
    let layout = Layout::new(&console, identity);
    match identity.caller {
        Caller::Known(Role::Operator) => Redirect::to(&next).into_response(),
        Caller::NoTokenConfigured => no_token(layout),
        Caller::Known(Role::Viewer) | Caller::Anonymous => {
            let rejection = None;
            let form = LoginPage {
                layout,
                next,
                for_viewers: console.access.has_viewer_token(),
                rejection,
            };
            page(StatusCode::OK, &form)
        }
    }
}

pub(super) async fn sign_in(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let layout = Layout::new(&console, identity);
    if identity.caller == Caller::NoTokenConfigured {
        return no_token(layout);
    }
    let next = local_path(form.next);
    let rejection = match console.check_token(form.token.trim(), peer.ip(), &headers) {
        Ok(role) => return begin_session(&console, layout, role, &headers, &next).await,
        Err(rejection) => rejection,
    };
    let again = |sentence: String| LoginPage {
        layout,
        next,
        for_viewers: console.access.has_viewer_token(),
        rejection: Some(sentence),
    };
    match rejection {
        TokenRejection::Wrong => page(StatusCode::UNAUTHORIZED, &again("Wrong token.".to_owned())),
        TokenRejection::TooMany(wait) => {
            let seconds = wait.as_millis().div_ceil(1000);
            let sentence = format!(
                "Too many wrong tokens were entered, so this one was not checked. Try again in {seconds} s."
            );
            let form = page(StatusCode::TOO_MANY_REQUESTS, &again(sentence));
            (retry_after(wait), form).into_response()
        }
    }
}

async fn begin_session(
    console: &Console,
    layout: Layout,
    role: Role,
    headers: &HeaderMap,
    next: &str,
) -> Response {
    let now = console.clock.now();
    let Ok(session) = SessionToken::random() else {
        error!("cannot begin a session: the system provides no random numbers");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Some(digest) = console.access.digest(&session, role) {
        let begin = console
            .db
            .write(move |sql| session::begin(sql, &digest, now));
        if let Err(error) = begin.await {
            return unavailable(layout, &error);
        }
    }
    info!(role = role.as_str(), "a person signed in");
    let cookie = session.cookie(headers);
    ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

pub(super) async fn sign_out(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
) -> Response {
    let sessions = console.access.sessions(&headers);
    let end = console.db.write(move |sql| {
        let digests = sessions.iter().map(|(_, digest)| digest);
        session::end(sql, digests)
    });
    if let Err(error) = end.await {
        return unavailable(Layout::new(&console, identity), &error);
    }
    let removed = session::removed_cookies(&headers).into_iter();
    let removed = removed.map(|cookie| (header::SET_COOKIE, cookie));
    let removed = AppendHeaders(removed.collect::<Vec<_>>());
    (removed, Redirect::to("/")).into_response()
}

fn no_token(layout: Layout) -> Response {
    message(
        layout,
        StatusCode::FORBIDDEN,
        "No token is configured",
        "ADMIN_TOKEN is not set, so nothing can be changed here. Set it and restart the service.",
        Some(all_events()),
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
