//! The context of an attempt, and how an attempt ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::clock::Clock;
use crate::db::{Db, StoreError};
use crate::docspace::{Client, FileInfo};
use crate::ids::FileId;
use crate::notify::Channels;
use crate::outbox::{self, Action, ActionResult, Claim, Intent, IntentUpdate};
use crate::telemetry::ErrorChain;

use super::failpoint::Failpoints;
use super::poll_schedule::OperationTime;
use super::room_readers::RoomReaders;

/// Actions of one kind other than copy and move that run at the same time within one attempt.
pub(super) const CONCURRENT_ACTIONS: usize = 5;

/// What an attempt works with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The store.
    pub db: &'a Db,
    /// The portal.
    pub portal: &'a Client,
    /// The configured channels and pipelines.
    pub channels: &'a Channels,
    /// The current time.
    pub clock: &'a Clock,
    /// Where a test stops the attempt.
    pub failpoints: &'a Failpoints,
    /// How long operations have taken lately.
    pub operation_time: &'a OperationTime,
    /// Who can see the rooms, as read lately.
    pub room_readers: &'a RoomReaders,
    /// How long a claim lasts without renewal, and the longest that an intent waits for its call.
    pub lease: Duration,
}

/// Why nothing is sent when checking the claim fails, or finds that it has ended.
pub(super) const CLAIM_NOT_KNOWN: &str = "the claim on the action is not known to be held";

/// The longest that checking a claim may take; a slower check is repeated.
const MAX_CHECK_TIME: SignedDuration = SignedDuration::from_secs(1);

impl Context<'_> {
    /// Whether all these claims are held, by the store's time. It is the last step before a request that must
    /// not be sent on an expired claim: this process may have been frozen since it claimed the actions.
    pub(super) async fn holds_claims(&self, claims: Vec<Claim>) -> bool {
        let claims = Arc::new(claims);
        loop {
            let started = self.clock.now();
            let (claims, clock) = (Arc::clone(&claims), self.clock.clone());
            let read = self.db.read(move |sql| {
                let time = sql.clock_ms()?;
                let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
                let now = time.map_or_else(|| clock.now(), |time| clock.now_if_following(time));
                Ok((outbox::are_current(sql, &claims, now)?, time))
            });
            match read.await {
                Ok((are_current, time)) => {
                    // The read may have been repeated; the time of the one that counts is followed.
                    if let Some(time) = time {
                        self.clock.follow(time);
                    }
                    if !are_current {
                        return false;
                    }
                }
                Err(error) => {
                    warn!(error = %ErrorChain(&error), "the claim cannot be checked, so nothing is sent");
                    return false;
                }
            }
            // Frozen during the check, it would use an old result.
            if self.clock.now().duration_since(started) <= MAX_CHECK_TIME {
                return true;
            }
        }
    }
}

/// How the attempt at an action ended. Reasons are for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The action is done.
    Done(ActionResult),
    /// The attempt failed; the next one follows after a backoff, unless all attempts are used up.
    Retry {
        /// Why.
        reason: String,
        /// What becomes of the stored intent: it stays if the call may still have taken effect.
        intent: IntentUpdate,
        /// The wait that the other side asked for; the backoff may be longer.
        min_wait: Duration,
    },
    /// The action has to wait for a cause outside of it; this does not count as a failed attempt.
    Postponed {
        /// Why.
        reason: String,
        /// How long; `None` means until the portal may be called again.
        wait: Option<Duration>,
        /// The intent to keep, if the call may still have taken effect.
        intent: Option<Intent>,
    },
    /// A person has a file open or locked. The action waits until the file changes, or for a while; this does not
    /// count as a failed attempt.
    Busy {
        /// The file: the action's own, or the one that it would overwrite.
        file: FileId,
        /// Why.
        reason: String,
    },
    /// The portal refuses the call without a visible cause, such as a lock that has just ended. Such refusals are
    /// counted apart from failed attempts ([`Action::denials`]).
    Denied {
        /// Why.
        reason: String,
        /// How long to wait before the next attempt.
        wait: Duration,
    },
    /// The action can never succeed and becomes a dead letter.
    Dead {
        /// Why, as a code for machines.
        code: &'static str,
        /// Why.
        reason: String,
        /// The intent to keep, if the call may still have taken effect.
        intent: Option<Intent>,
    },
    /// Another attempt holds the claim now, so nothing is recorded.
    ClaimLost,
}

impl AttemptOutcome {
    /// The action is done, and this file is its result.
    pub(super) fn done_with(file: &FileInfo) -> Self {
        Self::Done(ActionResult {
            file: Some(file.id.clone()),
            folder: Some(file.folder.clone()),
            ..ActionResult::default()
        })
    }

    /// The outcome with the intent of an earlier attempt, which this one has not resolved. A dead letter is one for a
    /// cause that ends the search.
    pub(super) fn keeping(self, kept: Option<Intent>) -> Self {
        match self {
            Self::Retry {
                reason, min_wait, ..
            } => Self::Retry {
                reason,
                intent: IntentUpdate::Replace(kept),
                min_wait,
            },
            Self::Postponed { reason, wait, .. } => Self::Postponed {
                reason,
                wait,
                intent: kept,
            },
            other => other,
        }
    }

    /// A failed attempt whose call had no effect.
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            intent: IntentUpdate::Replace(None),
            min_wait: Duration::ZERO,
        }
    }

    /// The action waits for a person who has its file open or locked.
    pub(super) fn busy(file: &FileInfo) -> Self {
        Self::Busy {
            file: file.id.clone(),
            reason: "waiting for a person: the file is open in an editor or locked".to_owned(),
        }
    }

    /// An action on a file that is in the trash of the key's user.
    pub(super) fn in_trash() -> Self {
        Self::Dead {
            code: "file_gone",
            reason: "the file is in the trash".to_owned(),
            intent: None,
        }
    }

    /// An action that fails for good because this key's user lacks a right.
    pub(super) fn no_right(reason: impl Into<String>) -> Self {
        Self::Dead {
            code: "no_right",
            reason: reason.into(),
            intent: None,
        }
    }
}

/// How the attempt at each action ended.
pub type Outcomes<'a> = Vec<(&'a Action, AttemptOutcome)>;

/// Makes an attempt at each action, a few at a time.
pub(super) async fn each<'a, F>(
    actions: &'a [Action],
    attempt: impl Fn(&'a Action) -> F,
) -> Result<Outcomes<'a>, StoreError>
where
    F: Future<Output = Result<AttemptOutcome, StoreError>>,
{
    let attempts: Vec<F> = actions.iter().map(attempt).collect();
    // If the store fails for one of them, the calls in flight for the others still complete.
    let attempts = stream::iter(attempts).buffered(CONCURRENT_ACTIONS);
    let outcomes: Vec<_> = attempts.collect().await;
    let outcomes = actions.iter().zip(outcomes);
    outcomes
        .map(|(action, outcome)| Ok((action, outcome?)))
        .collect()
}
