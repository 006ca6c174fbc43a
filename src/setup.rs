//! Set-up in the browser: pages that connect to the portal, pick rooms and folders, write the env file, start the
//! service, register the webhook and guide a first upload.
//!
//! The pages need the session that begins with the one-time link, because they show and change the configuration. What
//! is entered goes into a draft, so that nothing is lost when a person stops, and the env file is written only when they
//! say so. Everything is checked with the code of `check` and `register`.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::admin;
use crate::admin::layout::{self, HomeLink};

// What was entered, and what it means for the env file.
mod draft;
mod installation;
mod job;
mod proposal;

// What all pages share.
mod access;
mod page;
mod session;
mod state;
mod step;

// The service in this process.
mod report;
mod running;
mod start;

// The pages, in order.
mod first_upload;
mod jobs;
mod masked;
mod notifications;
mod picker;
mod place_names;
mod portal;
mod progress;
mod receiver;
mod secret;
mod summary;
mod welcome;

pub use installation::is_in_image;
pub use state::Setup;

/// The routes of the set-up pages.
pub fn router(setup: Arc<Setup>) -> Router {
    let access = setup.access();
    let pages = Router::new()
        .route("/setup/portal", get(portal::show).post(portal::save))
        .route("/setup/receiver", get(receiver::show).post(receiver::save))
        .route("/setup/jobs", get(jobs::show).post(jobs::save))
        .route(
            "/setup/pick/{place}",
            get(picker::show).post(picker::choose),
        )
        .route(
            "/setup/notifications",
            get(notifications::show).post(notifications::save),
        )
        .route("/setup/summary", get(summary::show).post(summary::write))
        .route(
            "/setup/first-upload",
            get(first_upload::show).post(first_upload::start_again),
        )
        .route("/setup/done", post(first_upload::finish))
        .fallback(layout::not_found)
        .layer(from_fn_with_state(Arc::clone(&setup), access::require));
    let routes = Router::new()
        .route("/", get(async || Redirect::to(welcome::PATH)))
        // The health check of the image asks during the set-up, too.
        .route("/readyz", get(async || "setting up\n"))
        .route(welcome::PATH, get(welcome::show))
        .merge(admin::assets())
        .merge(pages)
        .with_state(setup);
    admin::guarded(routes, access, HomeLink("Set-up"))
}
