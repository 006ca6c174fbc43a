//! Outbox: the actions to run. Their table is changed here only, except that `alerts` marks the dead letters that it
//! has reported.
//!
//! One statement claims an action: it sets a lease and raises the attempt number. Every later write of
//! that attempt names the number, and changes nothing once there is a newer claim. The effect key (rule,
//! file, content state, position) makes planning an action twice harmless. No HTTP and no decisions about
//! what to do here.

mod action;

// In the order of an action's life.
mod plan;
mod priority;
mod replan;

mod pause;

mod batch;
mod collect;

mod claim;

mod attempt;

mod lease;

mod effect;

mod dead_letter;
mod retry;

mod forget;

mod title;

pub use action::{Action, ActionId, ActionResult, ActionState, Claim, Intent};
pub use attempt::{
    ClaimStatus, IntentUpdate, Reschedule, are_current, finish, mark_dead, release, renew,
    reschedule, store_destination, store_intent, store_progress,
};
pub use batch::{Batch, BatchPolicy, find_batch};
pub use claim::{claim, claim_all, find_message, make_busy_due, next_due, open_channels};
pub use collect::{release_all_calls, release_full_calls};
pub use dead_letter::{DEAD_ACTION_EVENTS, discard_dead, discard_dependents, retry_as_planned};
pub use effect::{
    Effect, EffectKind, Outcome, create_files, file_before, has_change_in_flight, has_file_state,
    has_handled, has_new_file_in_flight, is_own_file, keeps_event, last_effect, may_have_created,
    outcome_before, owns_operation, results_before,
};
pub use forget::{events_with_progress_about, forget, has_open_actions};
pub use lease::{release_all_leases, release_orphaned_leases, reset_due_times};
pub use pause::{Held, IS_HELD, PausedRule, pause_rule, paused_rules, resume_step};
pub use plan::{PlanOutcome, plan, plan_in_background, retry_dead};
pub use priority::{Priority, WRITES_LEFT_TO_LIVE_WORK, background_actions};
pub use replan::{PlanChange, Replan, ReplanChange, ReplanSteps, make_due, suspend_for_replay};
pub use title::unnumbered;
