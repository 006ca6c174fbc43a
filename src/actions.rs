//! Actions: the kinds of action, and what an attempt at each does.
//!
//! The worker claims actions and records how their attempts ended; it knows nothing of a kind. Each kind is a
//! module that implements `Kind`, and a line in `KINDS`. What the kinds share has files of its own: the context
//! and outcome of an attempt (`actions/attempt.rs`), the intents of calls that must not be repeated blindly
//! (`actions/intent.rs`), what a failed call to the portal means (`actions/portal_error.rs`), and what a message to
//! a person or a program is made from (`actions/message.rs`).

use crate::db::StoreError;
use crate::outbox::Action;
use crate::rules::ActionProperties;

mod attempt;
pub mod failpoint;
mod intent;
mod kind;
mod message;
mod parse;
mod portal_error;

// One module per kind.
mod call;
mod comment;
mod notify;
mod transfer;

pub use attempt::{AttemptOutcome, Context, Outcomes};
pub use call::Call;
pub use comment::Comment;
use kind::KindEntry;
pub use notify::Notify;
pub use transfer::{CopyTo, MoveTo};

/// The kinds of action.
pub(crate) const KINDS: &[KindEntry] = &[
    KindEntry::of::<CopyTo>(),
    KindEntry::of::<MoveTo>(),
    KindEntry::of::<Comment>(),
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

/// Makes an attempt at actions that were claimed together: file work of one kind with one plan, or one action of
/// another kind. Returns how the attempt at each of them ended.
pub async fn run<'a>(
    context: &'a Context<'a>,
    actions: &'a [Action],
) -> Result<Outcomes<'a>, StoreError> {
    match actions.first().map(|action| entry(&action.kind)) {
        None => Ok(Vec::new()),
        Some(None) => Ok(kind::unsupported(actions)),
        Some(Some(entry)) => (entry.run)(context, actions).await,
    }
}

#[cfg(test)]
mod tests {
    use super::kind::Kind;
    use super::*;
    use crate::event::Event;
    use crate::inbox;
    use crate::rules::ActionPlan;

    /// What must be true of each kind of action, checked with the plans that earlier versions stored.
    #[test]
    fn kinds() {
        let mut checked = Vec::new();
        let mut check = |kind: &'static str, stored: &str, what: &str| {
            checked.push(kind);
            let properties = properties(kind, stored).expect(stored);
            assert_eq!(properties.describe(kind), what);
            if let Some(trigger) = properties.raises {
                let body = format!(r#"{{"event":{{"trigger":"{trigger}"}}}}"#);
                let event = Event::parse(body.as_bytes()).unwrap();
                assert!(inbox::may_be_own_effect(&event), "{trigger}");
            }
        };
        check("copy", r#"{"copy":{"to":5}}"#, "copy to folder 5");
        check(
            "move",
            r#"{"move":{"to":"drive-1","conflict":"overwrite"}}"#,
            "move to folder drive-1 (overwrite a file with the same title)",
        );
        check("comment", r#"{"comment":{"text":"a"}}"#, "comment “a”");
        let email = r#"{"notify":{"to":"a@x.example"}}"#;
        check("notify", email, "notify a@x.example");
        check("notify", r#""chat""#, "notify the chat");
        check("call", r#""call""#, "call the pipeline");
        let pipeline = r#"{"call_to":{"pipeline":"0a","host":"x.example"}}"#;
        check("call", pipeline, "call the pipeline at x.example");
        checked.dedup();
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(checked, names);
    }

    #[test]
    fn plans_are_stored_as_before() {
        fn check<K: Kind>(stored: &str) {
            let plan = ActionPlan::from(K::from_stored(stored).unwrap());
            assert_eq!(plan.stored, stored);
        }
        check::<CopyTo>(r#"{"copy":{"to":5}}"#);
        check::<MoveTo>(r#"{"move":{"to":"drive-1","conflict":"overwrite"}}"#);
        check::<Comment>(r#"{"comment":{"text":"a"}}"#);
        check::<Notify>(r#"{"notify":{"to":"a@x.example"}}"#);
        check::<Notify>(r#"{"notify":{"to":null}}"#);
        check::<Notify>(r#"{"say":{"words":{"text":"a"}}}"#);
        check::<Notify>(r#""chat""#);
        check::<Call>(r#""call""#);
        check::<Call>(r#"{"call_to":{"pipeline":"0a","host":"x.example"}}"#);
    }
}
