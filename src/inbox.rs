//! Inbox: the events accepted, and what each rule decided about them. Both tables are changed here only, except that
//! `alerts` marks the dead letters that it has reported.
//!
//! An event is identified by its idempotency key (webhook id, event id), never by its body, which DocSpace
//! changes between its own retries (docs/DOCSPACE.md 1.1, 1.2, 1.3). Every function takes the connection, so that the
//! caller decides what shares a transaction. No HTTP here.

mod accept;

mod event;

mod title_key;

// Deciding.
mod origin;

mod undecided;

mod decision;

mod record;

mod replay;

mod reevaluation;

mod compact;

// Afterwards.
mod dead_letter;

mod forget;

mod retention;

pub use accept::{
    AcceptOutcome, Acceptance, Source, accept, insert, insert_decided, keep_unreadable, lock_order,
};
pub use compact::read_ignored;
pub use dead_letter::{DEAD_EVENTS, Discarded, discard, retry_dead};
pub use decision::{DecisionOutcome, RecordedDecision, has_rule, log_decisions, outcome_label};
pub use event::{KnownFile, body, known_file, received_at, webhooks};
pub use forget::{forget, mentioning};
pub use origin::{Origin, effect_kind, may_be_own_effect, origin};
pub use record::record_decisions;
pub use reevaluation::preview_replay;
pub use replay::{Replay, replay, replay_as_planned};
pub use retention::prune;
pub use title_key::{fill_title_keys, title_key};
pub use undecided::{InboxState, Undecided, make_due, mark_dead, next_due, postpone, undecided};

pub use crate::ids::InboxId;
