//! What operators of the service do in a schedule: change rules, pause and resume them, replay, and backfill.

use std::time::Duration;

use docspace_courier::actions::CopyTo;
use docspace_courier::actions::failpoint::Failpoints;
use docspace_courier::backfill::BackfillStep;
use docspace_courier::docspace::Conflict;
use docspace_courier::ids;
use docspace_courier::outbox::Held;
use docspace_courier::rules::ActionPlan;
use docspace_sandbox::FolderId;

use super::run::Run;
use super::step::Destination;
use crate::scene::folder_id;

/// The names of the rules of a scene.
const RULES: [&str; 2] = ["copy", "invoice"];

/// The most steps of a backfill at the end of a schedule.
const MAX_STEPS: usize = 100;

/// What operators have changed.
#[derive(Debug)]
pub struct Operators {
    /// Another folder to which the rule copies.
    pub elsewhere: FolderId,
    destination: Destination,
    mistyped: bool,
}

impl Operators {
    pub fn new(elsewhere: FolderId) -> Self {
        Self {
            elsewhere,
            destination: Destination::Internal,
            mistyped: false,
        }
    }

    /// What the copy rule does, if that was changed.
    pub fn copy(&self) -> Option<ActionPlan> {
        let to = match self.destination {
            Destination::Internal => return None,
            Destination::Elsewhere => folder_id(&self.elsewhere),
            Destination::Mistyped => ids::FolderId::new("99999999").unwrap(),
        };
        let conflict = Conflict::Duplicate;
        Some(
            CopyTo {
                path: None,
                to: to.into(),
                conflict,
            }
            .into(),
        )
    }

    /// Whether the destination was mistyped, so that only a replay repairs what was planned meanwhile.
    pub fn mistyped(&self) -> bool {
        self.mistyped
    }
}

impl Run<'_> {
    pub async fn change_destination(&mut self, to: Destination) {
        self.operators.destination = to;
        self.operators.mistyped |= to == Destination::Mistyped;
        self.restart(Failpoints::default()).await;
    }

    pub async fn pause(&self, copy: bool) {
        self.scene.pause_rule(RULES[usize::from(!copy)]).await;
    }

    pub async fn resume_rules(&self) {
        for rule in RULES {
            self.scene.resume_rule(rule, Held::Do).await;
        }
    }

    /// Orders a backfill, unless one is under way, and lets it read a page.
    pub async fn backfill(&mut self, invoices: bool) {
        let rules = if invoices { &RULES[..] } else { &RULES[..1] };
        let request = self.scene.request(rules);
        self.scene.order_backfill(&request).await;
        self.model.backfilled();
        drop(self.scene.backfiller().step().await);
    }

    /// Lets the backfill that is under way read everything.
    pub async fn end_backfill(&self) {
        for _ in 0..MAX_STEPS {
            match self.scene.backfiller().step().await {
                Ok(BackfillStep::Idle) => return,
                Ok(BackfillStep::Page | BackfillStep::Ended) => {}
                Ok(BackfillStep::Busy) | Err(_) => {
                    self.scene.work_to_the_end().await;
                    self.scene.clock.advance(Duration::from_mins(1));
                }
            }
        }
        panic!("the backfill does not end");
    }
}
