//! The store: whether it can be opened and written. A store that is not there is not made: the person
//! who checks may be another user than the service, which could then not write it.

use std::path::Path;

use crate::db::Db;
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
    let Some(path) = &deployment.database else {
        return Store {
            findings: Vec::new(),
            delivered: Vec::new(),
        };
    };
    let (finding, delivered) = if path.exists() {
        match open_and_write(path).await {
            Ok(delivered) => (
                Finding::good(SUBJECT, format!("{} can be written", path.display())),
                delivered,
            ),
            Err(error) => (Finding::wrong(SUBJECT, format!("{error:#}")), Vec::new()),
        }
    } else {
        (folder(path), Vec::new())
    };
    Store {
        findings: vec![finding],
        delivered,
    }
}

async fn open_and_write(path: &Path) -> anyhow::Result<Vec<WebhookId>> {
    let db = Db::open(path)?;
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
