//! The store: whether it can be opened and written.
//!
//! A store that does not exist is not created, because `check` may run as another user than the service, which
//! could then not write to it.

use std::path::Path;

use crate::catch_up::{ListingProgress, listing_progress};
use crate::db::{Db, Location};
use crate::ids::WebhookId;
use crate::inbox;
use crate::journal::overview::overview;

use super::deployment::Deployment;
use crate::finding::Finding;

const SUBJECT: &str = "DATABASE_URL";

/// The findings about the store, and facts from it.
#[derive(Default)]
pub(super) struct StoreCheck {
    pub(super) findings: Vec<Finding>,
    /// The webhooks whose deliveries are in the store.
    pub(super) webhooks: Vec<WebhookId>,
}

pub(super) async fn check(deployment: &Deployment) -> StoreCheck {
    let Ok(location) = &deployment.config.database else {
        return StoreCheck::default();
    };
    if let Some(path) = location.file()
        && !path.exists()
    {
        return StoreCheck {
            findings: vec![can_be_created(path)],
            webhooks: Vec::new(),
        };
    }
    match open_and_write(location).await {
        Ok(Contents {
            webhooks,
            listing,
            dead_letters,
        }) => {
            let mut findings = vec![Finding::ok(SUBJECT, format!("{location} is writable"))];
            findings.extend(listing.map(|listing| Finding::ok("catch-up", listing.to_string())));
            findings.extend((dead_letters > 0).then(|| dead_letters_are_kept(dead_letters)));
            StoreCheck { findings, webhooks }
        }
        Err(error) => StoreCheck {
            findings: vec![Finding::error(SUBJECT, format!("{location}: {error:#}"))],
            webhooks: Vec::new(),
        },
    }
}

/// What the store contains.
struct Contents {
    webhooks: Vec<WebhookId>,
    listing: Option<ListingProgress>,
    dead_letters: u64,
}

async fn open_and_write(location: &Location) -> anyhow::Result<Contents> {
    let db = Db::open(location)?;
    db.probe().await?;
    let read = db.read(|sql| {
        Ok(Contents {
            webhooks: inbox::webhooks(sql)?,
            listing: listing_progress(sql)?,
            dead_letters: overview(sql)?.dead,
        })
    });
    Ok(read.await?)
}

fn dead_letters_are_kept(count: u64) -> Finding {
    Finding::warning(
        "dead letters",
        format!(
            "{count} kept; once their cause is fixed and the service has been restarted or reloaded, \
             `docspace-courier events replay --dead` shows what the current rules change, and with --all replays \
             them"
        ),
    )
}

/// Tests whether a file can be created in the store's folder.
fn can_be_created(path: &Path) -> Finding {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let path = path.display();
    match tempfile::tempfile_in(folder) {
        Ok(_) => Finding::ok(
            SUBJECT,
            format!("{path} does not exist yet; the service creates it when it starts"),
        ),
        Err(error) => Finding::error(
            SUBJECT,
            format!(
                "{path} cannot be created: {error}; create its folder and make it writable for the user of the \
                 service"
            ),
        ),
    }
}
