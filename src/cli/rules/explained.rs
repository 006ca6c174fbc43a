//! What `rules explain` is asked about: a stored event, a file in the portal, or the body of a delivery.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::cli::evaluation::portal;
use crate::cli::existing_store::open_if_exists;
use crate::config::Settings;
use crate::docspace::{Error, FileInfo};
use crate::event::Event;
use crate::ids::FileId;
use crate::journal;
use crate::trial;

/// An event, and what is known about it beyond its body.
pub(super) struct Subject {
    pub(super) event: Event,
    /// The body of its delivery.
    pub(super) body: Vec<u8>,
    /// The rules whose own actions caused the event.
    pub(super) caused_by: Vec<String>,
    /// The file, as the portal describes it.
    pub(super) file: Option<FileInfo>,
}

/// The event with this number; otherwise the delivery at this path, or the file with this id in the portal.
pub(super) async fn find(settings: &Settings, subject: &str) -> anyhow::Result<Subject> {
    if let Ok(number) = subject.parse::<i64>() {
        if let Some(db) = open_if_exists(settings)?
            && let Some(details) = db.read(move |sql| journal::find(sql, number)).await?
        {
            let event = details
                .parsed()
                .context("the event's body is not a JSON object, so no rule is evaluated for it")?;
            return Ok(Subject {
                caused_by: trial::caused_by(&db, &event).await?,
                event,
                body: details.body,
                file: None,
            });
        }
    } else if Path::new(subject).exists() {
        let body = std::fs::read(subject).with_context(|| format!("{subject} cannot be read"))?;
        return Ok(Subject {
            event: Event::parse(&body).with_context(|| format!("{subject} is no delivery"))?,
            body,
            caused_by: Vec::new(),
            file: None,
        });
    }
    portal_file(settings, subject).await.map_err(|no_file| {
        no_file.context(format!(
            "{subject} is neither an event's number, nor a path, nor a file that can be read in the portal"
        ))
    })
}

/// The file with this id in the portal, as if it had just been uploaded.
pub(super) async fn portal_file(settings: &Settings, id: &str) -> anyhow::Result<Subject> {
    let Some(id) = FileId::new(id) else {
        bail!("{id} is not a file's id");
    };
    let file = match portal(settings)?.files().file(&id).await {
        Err(Error::NotFound) => bail!("the portal has no file {id}"),
        found => found?,
    };
    let (event, body) = Event::upload(
        &file.id,
        &file.folder,
        &file.title,
        file.updated,
        "explained",
    );
    Ok(Subject {
        event,
        body,
        caused_by: Vec::new(),
        file: Some(file),
    })
}
