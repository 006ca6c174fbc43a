//! The store: whether it can be opened and written. A store that is not there is not made: the person
//! who checks may be another user than the service, which could then not write it.

use std::path::Path;

use crate::db::{Db, Location};
use crate::ids::WebhookId;
use crate::inbox;

use super::{Deployment, Finding};

const SUBJECT: &str = "DATABASE_URL";

/// What was found about the store, and in it.
pub(super) struct Store {
    pub(super) findings: Vec<Finding>,
    /// The webhooks that have delivered to us.
    pub(super) delivered: Vec<WebhookId>,
}

pub(super) async fn look(deployment: &Deployment) -> Store {
    let Some(location) = &deployment.database else {
        return Store {
            findings: Vec::new(),
            delivered: Vec::new(),
        };
    };
    let absent = location.file().filter(|path| !path.exists());
    let (finding, delivered) = if let Some(path) = absent {
        (folder(path), Vec::new())
    } else {
        match open_and_write(location).await {
            Ok(delivered) => (
                Finding::good(SUBJECT, format!("{location} can be written")),
                delivered,
            ),
            Err(error) => (
                Finding::wrong(SUBJECT, format!("{location}: {error:#}")),
                Vec::new(),
            ),
        }
    };
    Store {
        findings: vec![finding],
        delivered,
    }
}

async fn open_and_write(location: &Location) -> anyhow::Result<Vec<WebhookId>> {
    let db = Db::open(location)?;
    db.probe().await?;
    Ok(db.read(inbox::webhooks).await?)
}

/// Whether the store can be made: a file beside it can.
fn folder(path: &Path) -> Finding {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match tempfile::tempfile_in(folder) {
        Ok(_) => Finding::good(
            SUBJECT,
            format!(
                "{} is not there yet; the service makes it at its first start",
                path.display()
            ),
        ),
        Err(error) => Finding::wrong(
            SUBJECT,
            format!(
                "{} cannot be made: {error}; make the folder and let the service's user write in it",
                path.display()
            ),
        ),
    }
}
