//! The first page: what the set-up does. It begins the session of the one-time link.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::admin::layout::{Layout, page};

use super::access::refusal;
use super::page::PageResult;
use super::state::Setup;
use super::step::Step;

/// The path of the page.
pub(super) const PATH: &str = "/setup";

#[derive(Template)]
#[template(path = "setup_welcome.html")]
struct WelcomePage {
    layout: Layout,
    env_file: String,
    env_file_exists: bool,
    draft: String,
    next: &'static str,
    is_begun: bool,
}

/// The token of the link.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    token: Option<String>,
}

pub(super) async fn show(
    State(setup): State<Arc<Setup>>,
    method: Method,
    headers: HeaderMap,
    Query(LinkQuery { token }): Query<LinkQuery>,
) -> PageResult {
    if setup.session().includes(&headers) {
        return welcome(&setup);
    }
    // Programs that only look whether a link leads somewhere must not use it up.
    let token = token.filter(|_| method == Method::GET);
    let cookie = token.and_then(|token| setup.session().begin(&token, &headers));
    match cookie {
        Some(cookie) => Ok(([(header::SET_COOKIE, cookie)], welcome(&setup)?).into_response()),
        None => Ok(refusal()),
    }
}

fn welcome(setup: &Setup) -> Result<Response, super::page::Failure> {
    let proposal = setup.proposal()?;
    let next = Step::next_for(&proposal);
    let view = WelcomePage {
        layout: Layout::anonymous(proposal.value("DOCSPACE_API_HOST").to_owned()),
        env_file: setup.env_file().name(),
        env_file_exists: proposal.content.exists(),
        draft: setup.draft().path().display().to_string(),
        next: next.path(),
        is_begun: next != Step::Portal,
    };
    Ok(page(StatusCode::OK, &view))
}
