//! Folders by their path below another one: what is missing is created, each folder once.
//!
//! Of several folders of a title the oldest counts, as it does for the portal itself. A folder is looked for again after
//! it is reserved (`folder_creation.rs`), so that nobody else has created it in between, and the call for it is stored before
//! it is made. If its answer is lost, the folder is looked for until the call can no longer be in flight; then it is
//! created.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::db::StoreError;
use crate::docspace::Error;
use crate::folder_creation::{self, FolderPlace, Reservation};
use crate::ids::FolderId;
use crate::outbox::{Action, ClaimStatus};

use super::attempt::{AttemptOutcome, Context};
use super::failpoint::Failpoint;
use super::intent;
use super::portal_error::{failed_call, refused_without_cause};

/// How long an action waits for another one that creates the same folder.
const TAKEN_WAIT: Duration = Duration::from_secs(1);

/// The longest time between two searches for a folder whose creation may be in flight.
const MAX_SEARCH_WAIT: Duration = Duration::from_mins(1);

/// Finds folders, and remembers them for as long as an attempt lasts.
pub(super) struct FolderFinder<'a> {
    context: &'a Context<'a>,
    found: HashMap<FolderPlace, FolderId>,
}

/// A folder, or why there is none yet.
type Found = Result<FolderId, AttemptOutcome>;

impl<'a> FolderFinder<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            found: HashMap::new(),
        }
    }

    /// The folder at the path with these titles, for an action.
    pub(super) async fn find_or_create(
        &mut self,
        root: &FolderId,
        titles: &[String],
        action: &Action,
    ) -> Result<Found, StoreError> {
        let mut folder = root.clone();
        for title in titles {
            let place = FolderPlace::new(&folder, title);
            if let Some(found) = self.found.get(&place) {
                folder = found.clone();
                continue;
            }
            match self.one(&place, title, action).await? {
                Ok(found) => folder = found,
                Err(outcome) => return Ok(Err(outcome)),
            }
            self.found.insert(place, folder.clone());
        }
        Ok(Ok(folder))
    }

    async fn one(
        &self,
        place: &FolderPlace,
        title: &str,
        action: &Action,
    ) -> Result<Found, StoreError> {
        match self.existing(place).await? {
            Ok(None) => {}
            Ok(Some(folder)) => return Ok(Ok(folder)),
            Err(outcome) => return Ok(Err(outcome)),
        }
        if let Err(outcome) = self.reserve(place, title, action).await? {
            return Ok(Err(outcome));
        }
        match self.existing(place).await? {
            Ok(None) => self.create(place, title, action).await,
            Ok(Some(folder)) => Ok(Ok(folder)),
            Err(outcome) => Ok(Err(outcome)),
        }
    }

    /// The oldest folder of the title, if there is one. If a call of ours was in flight, it has created it.
    async fn existing(
        &self,
        place: &FolderPlace,
    ) -> Result<Result<Option<FolderId>, AttemptOutcome>, StoreError> {
        let context = self.context;
        let folders = match context.portal.files().subfolders(place.parent()).await {
            Ok(folders) => folders,
            Err(error) => return Ok(Err(unreadable_folder(context, place.parent(), &error))),
        };
        let same = folders.into_iter().filter(|it| place.has_title(&it.title));
        let oldest = same.min_by_key(|folder| folder.created.unwrap_or(Timestamp::MAX));
        let Some(folder) = oldest else {
            return Ok(Ok(None));
        };
        let stored = place.clone();
        let read = context
            .db
            .read(move |sql| folder_creation::is_stored(sql, &stored));
        if read.await? {
            let (place, found) = (place.clone(), folder.id.clone());
            let stored = context
                .db
                .write(move |sql| folder_creation::store_found(sql, &place, &found));
            stored.await?;
        }
        Ok(Ok(Some(folder.id)))
    }

    async fn reserve(
        &self,
        place: &FolderPlace,
        title: &str,
        action: &Action,
    ) -> Result<Result<(), AttemptOutcome>, StoreError> {
        let (context, claim) = (self.context, action.claim);
        let portal_time = context.portal.portal_time();
        let (reserved, clock) = (place.clone(), context.clock.clone());
        let reservation = context.db.write(move |sql| {
            let time = sql.clock_ms()?;
            let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
            let now = time.map_or_else(|| clock.now(), |time| clock.now_if_following(time));
            folder_creation::reserve(sql, &reserved, claim, now, portal_time)
        });
        Ok(match reservation.await? {
            Reservation::Reserved => Ok(()),
            Reservation::Taken => Err(wait(
                format!("another action is creating the folder “{title}”"),
                TAKEN_WAIT,
            )),
            Reservation::InFlight(until) => Err(wait(
                format!(
                    "the portal may still be creating the folder “{title}”: the answer was lost"
                ),
                Duration::try_from(until.duration_since(portal_time))
                    .unwrap_or_default()
                    .clamp(TAKEN_WAIT, MAX_SEARCH_WAIT),
            )),
        })
    }

    /// Creates a folder that is reserved.
    async fn create(
        &self,
        place: &FolderPlace,
        title: &str,
        action: &Action,
    ) -> Result<Found, StoreError> {
        let (context, claim) = (self.context, action.claim);
        let until = intent::new(context).in_flight_until;
        if self.store_call(place, action, until).await? == ClaimStatus::Lost {
            let reason = format!("another action is creating the folder “{title}”");
            return Ok(Err(wait(reason, TAKEN_WAIT)));
        }
        context.failpoints.pass(Failpoint::BeforeCall).await;
        let files = context.portal.files();
        let may_send = context.holds_claims(vec![claim]);
        let created = files.create_folder(place.parent(), title, may_send).await;
        context.failpoints.pass(Failpoint::AfterResponse).await;
        let error = match created {
            Ok(folder) => {
                context.failpoints.pass(Failpoint::BeforeFinish).await;
                let (place, created) = (place.clone(), folder.id.clone());
                let stored = context
                    .db
                    .write(move |sql| folder_creation::store_created(sql, &place, &created, claim));
                stored.await?;
                return Ok(Ok(folder.id));
            }
            Err(error) => error,
        };
        self.store_failure(place, action, &error).await?;
        Ok(Err(match error {
            Error::NotFound | Error::Forbidden => self.refused(place.parent(), action).await,
            error => failed_call(context, &error, None),
        }))
    }

    /// Ends the reservation, unless the failed call may have been applied.
    async fn store_failure(
        &self,
        place: &FolderPlace,
        action: &Action,
        error: &Error,
    ) -> Result<(), StoreError> {
        let in_flight_until = intent::in_flight_until(self.context, error);
        let (place, claim) = (place.clone(), action.claim);
        let stored = self.context.db.write(move |sql| match in_flight_until {
            Some(until) => folder_creation::store_call(sql, &place, claim, until).map(drop),
            None => folder_creation::release(sql, &place, claim),
        });
        stored.await
    }

    async fn store_call(
        &self,
        place: &FolderPlace,
        action: &Action,
        until: Timestamp,
    ) -> Result<ClaimStatus, StoreError> {
        let (place, claim) = (place.clone(), action.claim);
        let stored = self
            .context
            .db
            .write(move |sql| folder_creation::store_call(sql, &place, claim, until));
        stored.await
    }

    /// The outcome for a folder that the portal refused to create in this one: 403 means "no right" as well as "gone".
    async fn refused(&self, parent: &FolderId, action: &Action) -> AttemptOutcome {
        let may_not_create = || {
            let reason = format!("this key's user may not create folders in folder {parent}");
            AttemptOutcome::no_right(reason)
        };
        match self.context.portal.files().folder(parent).await {
            Ok(folder) if folder.may_create_in() == Some(false) => may_not_create(),
            Ok(_) => refused_without_cause(action, may_not_create),
            Err(error) => unreadable_folder(self.context, parent, &error),
        }
    }
}

fn wait(reason: String, wait: Duration) -> AttemptOutcome {
    AttemptOutcome::Postponed {
        reason,
        wait: Some(wait),
        intent: None,
    }
}

/// The outcome for a folder that the portal does not show.
pub(super) fn unreadable_folder(
    context: &Context<'_>,
    folder: &FolderId,
    error: &Error,
) -> AttemptOutcome {
    match error {
        Error::NotFound => AttemptOutcome::Dead {
            code: "destination_gone",
            reason: format!("the folder {folder} does not exist"),
            intent: None,
        },
        Error::Forbidden => {
            let reason = format!("this key's user may not open the folder {folder}");
            AttemptOutcome::no_right(reason)
        }
        error => failed_call(context, error, None),
    }
}
