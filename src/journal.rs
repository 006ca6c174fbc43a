//! Journal: events with their decisions and actions, as people and programs read them.
//!
//! Reads only, and across the tables of the inbox and the outbox. The state of an event here combines its
//! own state with those of its actions, so that everything that shows events agrees.

mod view;
mod wording;

mod replay;

mod day;
mod details;
mod filter;
mod list;
mod rules;

pub mod overview;

pub use day::{NoDay, end_of, start_of};
pub use details::find;
pub use filter::{EventFilter, StateFilter, select};
pub use list::{list, list_with_actions};
pub use replay::change_text;
pub use rules::{RuleActivity, rule_activity};

pub use view::{ActionView, DecisionView, EventDetails, EventState, EventView};
pub use wording::actions_text;
