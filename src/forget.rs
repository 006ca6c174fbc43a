//! Erasing personal data, as a person orders it: titles, names and bodies of events that have ended. The commands
//! and the console use the same functions.

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{self, Author, ChangeKind};
use crate::db::{Db, SqlError, StoreError};
use crate::ids::InboxId;
use crate::inbox;
use crate::journal::{self, EventFilter};

/// Events changed per transaction, so that deliveries do not wait long for the store.
const BATCH: usize = 200;

/// Events whose bodies are searched at once.
const PAGE: u32 = 500;

/// Whose data is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All events that mention this id or address of a person.
    Person(String),
    /// All events about this file.
    File(String),
    /// All events received before this time.
    Before(Timestamp),
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Events.
    pub events: usize,
    /// Events of which something still waits or runs; nothing of them was erased.
    pub open: usize,
}

/// The events with data of a subject, oldest first.
pub async fn select(db: &Db, subject: &Subject) -> Result<Vec<InboxId>, StoreError> {
    let filter = match subject {
        Subject::Person(person) => return mentioning(db, person).await,
        Subject::File(file) => EventFilter {
            file: Some(file.clone()),
            ..EventFilter::default()
        },
        Subject::Before(time) => EventFilter {
            until: Some(*time),
            ..EventFilter::default()
        },
    };
    db.read(move |sql| journal::select(sql, &filter)).await
}

async fn mentioning(db: &Db, person: &str) -> Result<Vec<InboxId>, StoreError> {
    let (mut events, mut after) = (Vec::new(), InboxId(0));
    loop {
        let person = person.to_owned();
        let (found, last) = db
            .read(move |sql| inbox::mentioning(sql, &person, after, PAGE))
            .await?;
        events.extend(found);
        match last {
            Some(last) => after = last,
            None => return Ok(events),
        }
    }
}

/// Erases the personal data of these events.
pub async fn forget(
    db: &Db,
    events: &[InboxId],
    author: &Author,
    now: Timestamp,
) -> Result<Forgotten, StoreError> {
    let mut total = Forgotten::default();
    for batch in events.chunks(BATCH) {
        let (batch, author) = (batch.to_vec(), author.clone());
        let erased = db.write(move |sql| {
            let forget = |&id: &InboxId| inbox::forget(sql, id);
            let erased = batch
                .iter()
                .map(forget)
                .collect::<Result<Vec<_>, SqlError>>()?;
            // Whose data it was is not recorded.
            let subject = match erased.iter().filter(|it| **it).count() {
                0 => return Ok(erased),
                1 => "1 event".to_owned(),
                events => format!("{events} events"),
            };
            audit::record(sql, &author, ChangeKind::Forget, &subject, None, now)?;
            Ok(erased)
        });
        for erased in erased.await? {
            if erased {
                total.events += 1;
            } else {
                total.open += 1;
            }
        }
    }
    Ok(total)
}
