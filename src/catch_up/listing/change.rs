//! A changed file that no event reported: whether it was uploaded.

use jiff::SignedDuration;
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
        match self {
            Self::Upload(evidence) => Event::upload(id, folder, title, *updated, evidence),
            Self::Update(evidence) => Event::update(id, folder, title, *updated, evidence),
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
    if listing.is_new(file, known) {
        return Ok(MissedChange::Upload("the file is new"));
    }
    // What led to a state that was reported is known.
    let after_known = known.newest_state.map(|state| state + SECOND);
    let since = after_known.map_or(listing.since, |state| state.max(listing.since));
    *calls_left = calls_left.saturating_sub(1);
    let activities = match portal.files().activities(&file.id, since).await {
        Ok(activities) => activities,
        Err(error @ (Error::NotFound | Error::Forbidden)) if listing.may_have_been_disabled => {
            warn!(file.id = file.id.as_str(), error = %ErrorChain(&error), "the activity log of a file cannot be read");
            return Ok(MissedChange::Upload(
                "its activity log cannot be read, and the webhook was off",
            ));
        }
        Err(Error::NotFound | Error::Forbidden) => {
            return Ok(MissedChange::Update(
                "its activity log cannot be read, and the webhook was on",
            ));
        }
        Err(error) => return Err(error),
    };
    let has = |wanted| activities.contains(&wanted);
    Ok(if !known.is_arrival_reported && has(Activity::Created) {
        MissedChange::Upload("its activity log has an upload")
    } else if !listing.may_have_been_disabled {
        MissedChange::Update("the webhook was on, and no upload is known")
    } else if has(Activity::ContentChanged) || !has(Activity::Other) {
        MissedChange::Upload(
            "its content changed while the webhook was off, and the activity log does not distinguish an upload \
             from an edit",
        )
    } else {
        MissedChange::Update("its activity log has other changes only")
    })
}
