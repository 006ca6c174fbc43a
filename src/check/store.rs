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
use crate::outbox::PausedRule;
use crate::text::{shell_word, time};

const SUBJECT: &str = "DATABASE_URL";

/// The findings about the store, and facts from it.
#[derive(Default)]
pub(super) struct StoreCheck {
    pub(super) findings: Vec<Finding>,
    /// The webhooks whose deliveries are in the store.
    pub(super) webhooks: Vec<WebhookId>,
    /// Whether the service has run.
    pub(super) history: ServiceHistory,
}

/// Whether the service has run with this store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ServiceHistory {
    /// It has, or that is not known.
    #[default]
    HasRun,
    /// The store that it creates when it starts does not exist.
    NeverRun,
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
            history: ServiceHistory::NeverRun,
            ..StoreCheck::default()
        };
    }
    match open_and_write(location).await {
        Ok(Contents {
            webhooks,
            listing,
            dead_letters,
            paused_rules,
        }) => {
            let mut findings = vec![Finding::ok(SUBJECT, format!("{location} is writable"))];
            findings.extend(listing.map(|listing| Finding::ok("catch-up", listing.to_string())));
            findings.extend((dead_letters > 0).then(|| dead_letters_are_kept(dead_letters)));
            findings.extend(paused_rules.iter().map(is_paused));
            StoreCheck {
                findings,
                webhooks,
                ..StoreCheck::default()
            }
        }
        Err(error) => StoreCheck {
            findings: vec![Finding::error(SUBJECT, format!("{location}: {error:#}"))],
            ..StoreCheck::default()
        },
    }
}

/// What the store contains.
struct Contents {
    webhooks: Vec<WebhookId>,
    listing: Option<ListingProgress>,
    dead_letters: u64,
    paused_rules: Vec<PausedRule>,
}

async fn open_and_write(location: &Location) -> anyhow::Result<Contents> {
    let db = Db::open(location)?;
    db.probe().await?;
    let read = db.read(|sql| {
        let overview = overview(sql)?;
        Ok(Contents {
            webhooks: inbox::webhooks(sql)?,
            listing: listing_progress(sql)?,
            dead_letters: overview.dead,
            paused_rules: overview.paused_rules,
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

fn is_paused(paused: &PausedRule) -> Finding {
    let PausedRule {
        rule,
        paused_at,
        held,
    } = paused;
    Finding::warning(
        format!("rule {rule}"),
        format!(
            "has been paused since {} UTC, actions held: {held}; `docspace-courier rules resume {}` resumes it",
            time(*paused_at),
            shell_word(rule)
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
