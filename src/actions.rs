//! Actions: the kinds of action, and what an attempt at each does.
//!
//! The worker claims actions and records how their attempts ended; it knows nothing of a kind. Each kind is a
//! module that implements `Kind`: `mod` and `use` below, and a line in `KINDS`. What the kinds share has files of its own: the context
//! and outcome of an attempt (`actions/attempt.rs`), the intents of calls that must not be repeated blindly
//! (`actions/intent.rs`), changes and operations that a file shows
//! (`actions/change.rs`, `actions/entry_operation.rs`), what a failed call to the portal means (`actions/portal_error.rs`), and what a message to
//! a person or a program is made from (`actions/message.rs`).

use std::time::Duration;

use crate::db::StoreError;
use crate::outbox::{Action, IntentUpdate, Priority};
use crate::rules::ActionProperties;

mod attempt;
mod change;
mod current_file;
mod destination;
mod entry_operation;
mod event_room;
pub mod failpoint;
mod folder_finder;
mod in_flight;
mod intent;
mod kind;
mod link_end;
mod message;
mod new_file;
mod new_room;
mod parse;
mod path_titles;
mod poll_schedule;
mod portal_error;
mod portal_view;
mod room_readers;

// One module per kind.
mod add_to_group;
mod api;
mod archive;
mod call;
mod comment;
mod convert;
mod create_folder;
mod create_room;
mod link;
mod lock;
mod notify;
mod rename;
mod share;
mod tag;
mod transfer;
mod trash;
mod write;

pub use add_to_group::AddToGroup;
pub use api::Api;
pub use archive::Archive;
use attempt::CONCURRENT_ACTIONS;
pub use attempt::{AttemptOutcome, Context, Outcomes};
pub use call::Call;
pub use comment::Comment;
pub use convert::{Convert, Format};
pub use create_folder::CreateFolder;
pub use create_room::CreateRoom;
pub use destination::Destination;
use kind::KindEntry;
pub use link::Link;
pub use link_end::LinkEnd;
pub use lock::Lock;
pub use notify::Notify;
pub use poll_schedule::OperationTime;
pub use rename::Rename;
pub use room_readers::RoomReaders;
pub use share::{Share, ShareWith};
pub use tag::Tag;
pub use transfer::{CopyTo, MoveTo};
pub use trash::Trash;
pub use write::{Line, Write};

/// The kinds of action.
pub(crate) const KINDS: &[KindEntry] = &[
    KindEntry::of::<CopyTo>(),
    KindEntry::of::<MoveTo>(),
    KindEntry::of::<Rename>(),
    KindEntry::of::<Comment>(),
    KindEntry::of::<Lock>(),
    KindEntry::of::<Link>(),
    KindEntry::of::<Trash>(),
    KindEntry::of::<Convert>(),
    KindEntry::of::<Write>(),
    KindEntry::of::<CreateFolder>(),
    KindEntry::of::<CreateRoom>(),
    KindEntry::of::<Share>(),
    KindEntry::of::<Tag>(),
    KindEntry::of::<Archive>(),
    KindEntry::of::<AddToGroup>(),
    KindEntry::of::<Api>(),
    KindEntry::of::<Notify>(),
    KindEntry::of::<Call>(),
];

/// The name of kinds that this version does not support.
const UNSUPPORTED: &str = "unsupported";

fn entry(kind: &str) -> Option<&'static KindEntry> {
    KINDS.iter().find(|entry| entry.name == kind)
}

/// The name of an action's kind, for logs and metrics.
pub fn kind_name(action: &Action) -> &'static str {
    entry(&action.kind).map_or(UNSUPPORTED, |entry| entry.name)
}

/// What people need to know of a stored plan; `None` if this version does not support it.
pub fn properties(kind: &str, stored: &str) -> Option<ActionProperties> {
    (entry(kind)?.properties)(stored)
}

/// The most actions with a stored plan that one attempt takes. The results of an attempt are recorded when all of it is
/// over, so without a call that they share it takes no more than run at the same time: a crash leaves few in doubt.
pub fn batch_size(stored: &str, priority: Priority) -> usize {
    let kind = kind::of_stored(stored);
    let properties = kind.and_then(|kind| properties(&kind, stored));
    if properties.is_some_and(|properties| properties.shares_calls) {
        priority.files_in_one_call()
    } else {
        CONCURRENT_ACTIONS
    }
}

/// Makes an attempt at actions that were claimed together: file work of one kind with one plan, or one action of
/// another kind. Returns how the attempt at each of them ended.
pub async fn run<'a>(
    context: &'a Context<'a>,
    actions: &'a [Action],
) -> Result<Outcomes<'a>, StoreError> {
    let outcomes = match actions.first().map(|action| entry(&action.kind)) {
        None => Vec::new(),
        Some(None) => kind::unsupported(actions),
        Some(Some(entry)) => (entry.run)(context, actions).await?,
    };
    Ok(with_all(actions, outcomes))
}

/// Adds an outcome for each action for which its kind returned none, so that all attempts are recorded. What was
/// stored of a call stays: it may have been made.
fn with_all<'a>(actions: &'a [Action], mut outcomes: Outcomes<'a>) -> Outcomes<'a> {
    for action in actions {
        if outcomes.iter().all(|(of, _)| of.claim != action.claim) {
            let reason = "the attempt ended without an outcome for this action".to_owned();
            let outcome = AttemptOutcome::Retry {
                reason,
                intent: IntentUpdate::Keep,
                min_wait: Duration::ZERO,
            };
            outcomes.push((action, outcome));
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Trigger;
    use crate::inbox;
    use crate::outbox::{ActionId, EffectKind};

    #[test]
    fn plans_that_earlier_versions_stored_are_understood_and_stored_as_before() {
        for kind in KINDS {
            assert!(!kind.examples.is_empty(), "{}", kind.name);
            for example in kind.examples {
                let properties = properties(kind.name, example.stored).expect(example.stored);
                assert_eq!(properties.describe(kind.name), example.described);
                let stored_again = (kind.store_again)(example.stored);
                assert_eq!(stored_again.as_deref(), Some(example.stored));
            }
        }
    }

    #[test]
    fn an_action_without_an_outcome_is_retried() {
        let claimed = |id| {
            let mut action = Action::example();
            action.claim.action = ActionId(id);
            action
        };
        let actions = [claimed(1), claimed(2)];
        let outcomes = with_all(&actions, vec![(&actions[1], AttemptOutcome::ClaimLost)]);
        let [
            (_, AttemptOutcome::ClaimLost),
            (missed, AttemptOutcome::Retry { intent, .. }),
        ] = &outcomes[..]
        else {
            panic!("{outcomes:?}");
        };
        assert_eq!(missed.claim, actions[0].claim);
        assert_eq!(*intent, IntentUpdate::Keep);
    }

    #[test]
    fn the_event_that_an_action_raises_is_recognised_as_its_effect() {
        for properties in all_properties() {
            if let Some(trigger) = properties.raises {
                let effect = inbox::effect_kind(&Trigger::new(trigger), None);
                assert_eq!(effect.map(EffectKind::trigger), Some(trigger));
            }
        }
    }

    #[test]
    fn the_properties_of_each_kind_agree() {
        for properties in all_properties() {
            let what = properties.describe("");
            let touches_files = properties.raises.is_some()
                || properties.needs.is_some()
                || properties.placement.is_some()
                || properties.shares_calls;
            assert!(properties.is_file_work || !touches_files, "{what}");
            assert!(
                properties.is_file_work != properties.channel.is_some(),
                "{what}"
            );
        }
    }

    fn all_properties() -> impl Iterator<Item = ActionProperties> {
        let examples = |kind: &'static KindEntry| kind.examples.iter().map(move |it| (kind, it));
        let examples = KINDS.iter().flat_map(examples);
        examples.filter_map(|(kind, example)| properties(kind.name, example.stored))
    }
}
