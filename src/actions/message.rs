//! What notifications and pipeline calls have in common: the event and result they report, their id, and
//! what a failed delivery means.
//!
//! Messages are delivered at least once: a crash between the receiver's answer and our record of it sends
//! the message again, with the same id.

use std::time::Duration;

use crate::db::StoreError;
use crate::docspace::{editor_address, folder_address};
use crate::event::{EntryKind, Event};
use crate::hash;
use crate::ids::{FileId, FolderId};
use crate::inbox;
use crate::outbox::{self, Action, ActionResult, IntentUpdate, Outcome};
use crate::outgoing::Failure;
use crate::results::{ResultName, Results};

use super::attempt::{AttemptOutcome, CLAIM_NOT_KNOWN, Context};
use super::failpoint::Failpoint;

/// What the store knows about the file of an action.
pub(super) struct Report {
    pub(super) event: Event,
    /// What put the file or a copy of it elsewhere before the action in its rule.
    pub(super) before: Option<Outcome>,
    /// What the actions before it in its rule have left for it.
    pub(super) results: Results,
}

impl Report {
    pub(super) async fn load(context: &Context<'_>, action: &Action) -> Result<Self, StoreError> {
        let (event, this) = (action.event, action.claim.action);
        let read = context.db.read(move |sql| {
            let before = outbox::outcome_before(sql, this)?;
            let results = outbox::results_before(sql, this)?;
            Ok((inbox::body(sql, event)?, before, results))
        });
        let (body, before, results) = read.await?;
        let (body, happened_at) =
            body.expect("an action's event is kept for as long as the action");
        let mut event = Event::parse(&body).expect("only events that can be parsed have actions");
        event.happened_at.get_or_insert(happened_at);
        Ok(Self {
            event,
            before,
            results,
        })
    }

    /// What the event is about.
    pub(super) fn kind(&self) -> EntryKind {
        let entry = self.event.entry.as_ref();
        entry.map_or(EntryKind::File, |entry| entry.kind)
    }

    /// The folder that the event's file or folder is in, or the one that it is about.
    pub(super) fn event_folder(&self) -> Option<FolderId> {
        let entry = self.event.entry.as_ref()?;
        match entry.kind {
            EntryKind::File => entry.parent.clone(),
            EntryKind::Folder => FolderId::new(entry.id.as_str()),
            EntryKind::Account => None,
        }
    }

    /// What the earlier actions have left, as people read it: the address of a folder or file instead of its id.
    pub(super) fn results_for_people(&self, host: &str) -> Results {
        let mut results = self.results.clone();
        for name in [ResultName::Folder, ResultName::Room] {
            if let Some(folder) = self.results.get(name) {
                let address = folder_address(host, folder);
                results.add(Results::one(name, address));
            }
        }
        if let Some(file) = self.results.get(ResultName::File).and_then(FileId::new) {
            results.add(Results::one(ResultName::File, editor_address(host, &file)));
        }
        results
    }

    /// The address at which a person opens the file or folder in the browser; that of the portal for an account.
    pub(super) fn link(&self, host: &str, file: &FileId) -> String {
        match self.kind() {
            EntryKind::File => editor_address(host, file),
            EntryKind::Folder => folder_address(host, file.as_str()),
            EntryKind::Account => host.to_owned(),
        }
    }
}

/// The id of a message: the same for every attempt at the action for this recipient, and unique otherwise.
pub(super) fn message_id(context: &Context<'_>, action: &Action, recipient: &str) -> String {
    let (number, event) = (action.claim.action.to_string(), action.event.to_string());
    hash::short_id(&[
        context.portal.host(),
        &action.rule,
        action.file.as_str(),
        &event,
        &number,
        recipient,
    ])
}

/// How long after the next probe of its channel is due a message is attempted again.
const PROBE_MARGIN: Duration = Duration::from_secs(1);

/// The outcome of an attempt that sent a message, or would have.
fn outcome(context: &Context<'_>, sent: Result<(), Failure>) -> AttemptOutcome {
    match sent {
        Ok(()) => AttemptOutcome::Done(ActionResult::default()),
        Err(Failure::CircuitOpen { reason, until }) => {
            let wait = Duration::try_from(until.duration_since(context.clock.now()));
            AttemptOutcome::Postponed {
                reason,
                // Others that wait are probed with first, in case this message is what makes the channel fail.
                wait: Some(wait.unwrap_or_default() + PROBE_MARGIN),
                intent: None,
            }
        }
        Err(
            Failure::Transient {
                reason,
                retry_after,
            }
            | Failure::Channel {
                reason,
                retry_after,
                ..
            },
        ) => AttemptOutcome::Retry {
            reason,
            intent: IntentUpdate::Replace(None),
            min_wait: retry_after.unwrap_or_default(),
        },
        Err(Failure::Permanent { code, reason }) => AttemptOutcome::Dead {
            code,
            reason,
            intent: None,
        },
    }
}

/// Sends a message unless the claim on its action has expired, and returns the outcome of the attempt.
pub(super) async fn send(
    context: &Context<'_>,
    action: &Action,
    send: impl Future<Output = Result<(), Failure>>,
) -> AttemptOutcome {
    context.failpoints.pass(Failpoint::BeforeMessage).await;
    if context.holds_claims(vec![action.claim]).await {
        outcome(context, send.await)
    } else {
        AttemptOutcome::Postponed {
            reason: format!("the message was not sent: {CLAIM_NOT_KNOWN}"),
            wait: Some(Duration::ZERO),
            intent: None,
        }
    }
}

/// The outcome for an action whose channel has been removed from the configuration.
pub(super) fn not_configured(setting: &str) -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "not_configured",
        reason: format!("{setting} is no longer set"),
        intent: None,
    }
}
