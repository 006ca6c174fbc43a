//! Folders that actions create: one attempt at a time creates one, also across instances.
//!
//! The portal creates a second folder of the same title without complaint (docs/DOCSPACE.md A3.4), so an attempt
//! reserves the parent and the title, looks for the folder, stores until when its call may be in flight, and only then
//! calls. A reservation belongs to the claim of an action and ends with it; the call that was made does not. Which action
//! created a folder stays known for as long as the action.

use jiff::Timestamp;

use crate::case_folding::folded;
use crate::db::{Sql, SqlError};
use crate::ids::FolderId;
use crate::outbox::{self, ActionId, Claim, ClaimStatus};

/// The parent of rooms that are created from templates. No folder of a portal has such an id.
const TEMPLATE_ROOMS: i64 = 0;

/// A folder that is found or created.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FolderPlace {
    parent: FolderId,
    /// The title, folded.
    title: String,
}

/// Whether a folder may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// The claim has reserved it: it may be created if it does not exist.
    Reserved,
    /// Another action is creating it.
    Taken,
    /// An earlier call may still create it, until this time of the portal's clock.
    InFlight(Timestamp),
}

impl FolderPlace {
    /// The folder of this title in this folder.
    pub fn new(parent: &FolderId, title: &str) -> Self {
        Self {
            parent: parent.clone(),
            title: folded(title),
        }
    }

    /// Where the portal creates rooms from templates: one at a time.
    pub fn of_template_rooms() -> Self {
        Self {
            parent: FolderId::from(TEMPLATE_ROOMS),
            title: String::new(),
        }
    }

    /// The folder that contains it.
    pub fn parent(&self) -> &FolderId {
        &self.parent
    }

    /// Whether a folder of this title is this one.
    pub fn has_title(&self, title: &str) -> bool {
        folded(title) == self.title
    }
}

/// Reserves a folder for the holder of a claim, unless another action holds it or a call for it may be in flight.
pub fn reserve(
    sql: &Sql,
    place: &FolderPlace,
    claim: Claim,
    now: Timestamp,
    portal_time: Timestamp,
) -> Result<Reservation, SqlError> {
    let Some((holder, in_flight_until)) = stored(sql, place)? else {
        let inserted = sql.execute(
            "INSERT INTO folder_creations (parent, title, action, attempt)
             VALUES (:parent, :title, :action, :attempt) ON CONFLICT (parent, title) DO NOTHING",
            &[
                (":parent", place.parent.as_str().into()),
                (":title", (&place.title).into()),
                (":action", claim.action.0.into()),
                (":attempt", claim.attempt.into()),
            ],
        )?;
        return Ok(reserved_if(inserted));
    };
    if holder != claim && outbox::are_current(sql, &[holder], now)? {
        return Ok(Reservation::Taken);
    }
    if let Some(until) = in_flight_until.filter(|until| portal_time < *until) {
        return Ok(Reservation::InFlight(until));
    }
    let updated = sql.execute(
        "UPDATE folder_creations SET action = :action, attempt = :attempt, in_flight_until = NULL
         WHERE parent = :parent AND title = :title AND action = :holder AND attempt = :held",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
            (":action", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":holder", holder.action.0.into()),
            (":held", holder.attempt.into()),
        ],
    )?;
    Ok(reserved_if(updated))
}

fn reserved_if(changed_rows: usize) -> Reservation {
    if changed_rows == 0 {
        Reservation::Taken
    } else {
        Reservation::Reserved
    }
}

fn stored(sql: &Sql, place: &FolderPlace) -> Result<Option<(Claim, Option<Timestamp>)>, SqlError> {
    sql.query_optional(
        "SELECT action, attempt, in_flight_until FROM folder_creations
         WHERE parent = :parent AND title = :title",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
        ],
        |row| {
            let holder = Claim {
                action: ActionId(row.get(0)?),
                attempt: row.get(1)?,
            };
            Ok((holder, row.get(2)?))
        },
    )
}

/// Stores until when a call that creates the folder may be in flight, if the claim has reserved it.
pub fn store_call(
    sql: &Sql,
    place: &FolderPlace,
    claim: Claim,
    in_flight_until: Timestamp,
) -> Result<ClaimStatus, SqlError> {
    sql.execute(
        "UPDATE folder_creations SET in_flight_until = :until
         WHERE parent = :parent AND title = :title AND action = :action AND attempt = :attempt",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
            (":action", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
            (":until", in_flight_until.into()),
        ],
    )
    .map(ClaimStatus::from)
}

/// Whether anything is stored about a folder.
pub fn is_stored(sql: &Sql, place: &FolderPlace) -> Result<bool, SqlError> {
    Ok(stored(sql, place)?.is_some())
}

/// Ends the reservation of a claim whose call, if it made one, was not applied.
pub fn release(sql: &Sql, place: &FolderPlace, claim: Claim) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM folder_creations
         WHERE parent = :parent AND title = :title AND action = :action AND attempt = :attempt",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
            (":action", claim.action.0.into()),
            (":attempt", claim.attempt.into()),
        ],
    )?;
    Ok(())
}

/// Ends the reservation of an action, of whichever attempt, because its call is no longer in flight.
pub fn end(sql: &Sql, place: &FolderPlace, action: ActionId) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM folder_creations WHERE parent = :parent AND title = :title AND action = :action",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
            (":action", action.0.into()),
        ],
    )?;
    Ok(())
}

/// Stores that a folder was found. If a call for it was in flight, the action that made the call has created it.
pub fn store_found(sql: &Sql, place: &FolderPlace, folder: &FolderId) -> Result<(), SqlError> {
    if let Some((holder, Some(_))) = stored(sql, place)? {
        store_creator(sql, folder, holder.action)?;
    }
    forget(sql, place)
}

/// Stores that the holder of a claim has created a folder.
pub fn store_created(
    sql: &Sql,
    place: &FolderPlace,
    folder: &FolderId,
    claim: Claim,
) -> Result<(), SqlError> {
    store_creator(sql, folder, claim.action)?;
    forget(sql, place)
}

fn store_creator(sql: &Sql, folder: &FolderId, action: ActionId) -> Result<(), SqlError> {
    // The action is gone if its event has been removed meanwhile.
    sql.execute(
        "INSERT INTO created_folders (folder, action)
         SELECT CAST(:folder AS TEXT), id FROM actions WHERE id = :action ON CONFLICT (folder) DO NOTHING",
        &[
            (":folder", folder.as_str().into()),
            (":action", action.0.into()),
        ],
    )?;
    Ok(())
}

/// Whether a call that creates this folder may be in flight.
pub fn is_in_flight(sql: &Sql, place: &FolderPlace) -> Result<bool, SqlError> {
    sql.exists(
        "SELECT 1 FROM folder_creations JOIN actions ON actions.id = folder_creations.action
         WHERE folder_creations.parent = :parent AND folder_creations.title = :title
           AND folder_creations.in_flight_until IS NOT NULL AND actions.state IN ('waiting', 'running')",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
        ],
    )
}

/// Forgets what is stored about the creation of a folder that exists.
fn forget(sql: &Sql, place: &FolderPlace) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM folder_creations WHERE parent = :parent AND title = :title",
        &[
            (":parent", place.parent.as_str().into()),
            (":title", (&place.title).into()),
        ],
    )?;
    Ok(())
}
