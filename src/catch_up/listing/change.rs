//! A changed file that no event reported: whether it was uploaded.

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::docspace::{Activity, Client, Error, FileInfo};
use crate::event::Event;
use crate::inbox::KnownFile;
use crate::telemetry::ErrorChain;

use super::stored::Listing;

/// The resolution of the portal's times.
pub(super) const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A change of a file that no event reported, and the evidence for its kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum MissedChange {
    Upload(&'static str),
    /// An upload before a backfill found the file in this content state. Its rules have handled that; others have not.
    BackfilledUpload(Timestamp),
    Update(&'static str),
}

impl MissedChange {
    /// Whether the file was not uploaded.
    pub(super) fn is_update(self) -> bool {
        matches!(self, Self::Update(_))
    }

    /// Why it counts as that.
    pub(super) fn evidence(self) -> &'static str {
        match self {
            Self::Upload(evidence) | Self::Update(evidence) => evidence,
            Self::BackfilledUpload(_) => {
                "the file is new, and was not uploaded again after a backfill found it"
            }
        }
    }

    /// The event to store.
    pub(super) fn event(self, file: &FileInfo) -> (Event, Vec<u8>) {
        let FileInfo {
            id,
            folder,
            title,
            updated,
            ..
        } = file;
        let evidence = self.evidence();
        match self {
            Self::Upload(_) => Event::upload(id, folder, title, *updated, evidence),
            Self::BackfilledUpload(state) => Event::upload(id, folder, title, state, evidence),
            Self::Update(_) => Event::update(id, folder, title, *updated, evidence),
        }
    }
}

/// Finds out whether a changed file was uploaded. A listing does not distinguish an upload from an edit or a new
/// title, so the portal's activity log is read where that matters.
pub(super) async fn classify(
    portal: &Client,
    listing: &Listing,
    calls_left: &mut u32,
    file: &FileInfo,
    known: KnownFile,
) -> Result<MissedChange, Error> {
    let is_new = listing.is_new(file, known);
    let backfilled = known
        .backfilled_state
        .filter(|state| is_new && *state < file.updated);
    if is_new && backfilled.is_none() {
        return Ok(MissedChange::Upload("the file is new"));
    }
    // What led to a state that was reported, or that a backfill found, is known.
    let after_known = backfilled
        .or(known.newest_state)
        .map(|state| state + SECOND);
    let since = after_known.map_or(listing.since, |state| state.max(listing.since));
    *calls_left = calls_left.saturating_sub(1);
    let activities = match portal.files().activities(&file.id, since).await {
        Ok(activities) => Some(activities),
        Err(error @ (Error::NotFound | Error::Forbidden)) => {
            warn!(file.id = file.id.as_str(), error = %ErrorChain(&error), "the activity log of a file cannot be read");
            None
        }
        Err(error) => return Err(error),
    };
    let may_have_been_disabled = listing.may_have_been_disabled;
    if let Some(state) = backfilled {
        let is_changed = activities.map_or(may_have_been_disabled, |activities| {
            may_have_changed(&activities, may_have_been_disabled)
        });
        return Ok(if is_changed {
            MissedChange::Upload(
                "the file is new, and its content changed after a backfill found it",
            )
        } else {
            MissedChange::BackfilledUpload(state)
        });
    }
    let Some(activities) = activities else {
        return Ok(if may_have_been_disabled {
            MissedChange::Upload("its activity log cannot be read, and the webhook was off")
        } else {
            MissedChange::Update("its activity log cannot be read, and the webhook was on")
        });
    };
    Ok(
        if !known.is_arrival_reported && activities.contains(&Activity::Created) {
            MissedChange::Upload("its activity log has an upload")
        } else if !may_have_been_disabled {
            MissedChange::Update("the webhook was on, and no upload is known")
        } else if may_have_changed(&activities, may_have_been_disabled) {
            MissedChange::Upload(
                "its content changed while the webhook was off, and the activity log does not distinguish an upload \
                 from an edit",
            )
        } else {
            MissedChange::Update("its activity log has other changes only")
        },
    )
}

/// Whether the content may have changed. Without any activity, the log may not have the change yet.
fn may_have_changed(activities: &[Activity], may_have_been_disabled: bool) -> bool {
    let has = |wanted| activities.contains(&wanted);
    has(Activity::ContentChanged) || (may_have_been_disabled && !has(Activity::Other))
}
