//! The run of a test in a scene: bounded in time, with a check at the end that nothing is left.

use std::collections::BTreeMap;

use docspace_courier::worker::Progress;

use super::Scene;
use crate::bounds::{STATE_BOUND, TEST_BOUND, Watchdog};

/// Runs a test in a scene of its own. It fails when the test takes longer than [`TEST_BOUND`], or when the
/// test leaves anything behind that it did not announce with [`Scene::leaving`].
pub async fn scenario(test: impl AsyncFnOnce(&mut Scene)) {
    let _watchdog = Watchdog::start(TEST_BOUND);
    let mut scene = Scene::start().await;
    let ended = tokio::time::timeout(TEST_BOUND, Box::pin(test(&mut scene))).await;
    if ended.is_err() {
        let pending = scene.pending().await;
        panic!("the test did not end within {TEST_BOUND:?}; pending:\n{pending}");
    }
    scene.finish().await;
}

/// What a test can leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leftover {
    /// Events and actions that failed permanently.
    DeadLetters,
    /// Events and actions that a person discarded.
    Discarded,
    /// Actions that are due now or later, or that wait for a dead letter.
    WaitingActions,
    /// Actions whose attempt has not ended.
    RunningActions,
    /// Events that the rules have not decided yet.
    UndecidedEvents,
    /// Bodies that are not deliveries.
    UnreadableEvents,
    /// Deliveries that the receiver did not accept, however often the portal sent them.
    FailedDeliveries,
}

/// How many of each are left; those that are absent are not left at all.
type Leftovers = BTreeMap<Leftover, usize>;

impl Scene {
    /// Announces what the test leaves behind, exactly.
    pub fn leaving(&mut self, what: Leftover, count: usize) {
        self.expected.insert(what, count);
    }

    /// Checks that the worker still works, and that exactly what the test announced is left.
    async fn finish(self) {
        let settled = tokio::time::timeout(STATE_BOUND, self.portal.wait_for_deliveries()).await;
        let left = self.left().await;
        assert!(
            settled.is_ok() && left == self.expected,
            "the test leaves {left:?}, it said {:?}; pending:\n{}",
            self.expected,
            self.pending().await
        );
        let steps = async {
            let decided = self.worker.decide_next().await.unwrap();
            (decided, self.worker.process_next().await.unwrap())
        };
        let steps = tokio::time::timeout(STATE_BOUND, steps).await;
        let steps = steps.expect("the worker still works");
        if !self.leaves_work() {
            assert_eq!(
                steps,
                (Progress::Idle, Progress::Idle),
                "nothing is left to do"
            );
        }
    }

    /// Whether the test said that it leaves something that can be due.
    fn leaves_work(&self) -> bool {
        [Leftover::WaitingActions, Leftover::UndecidedEvents]
            .iter()
            .any(|work| self.expected.contains_key(work))
    }

    async fn left(&self) -> Leftovers {
        let states = self
            .db
            .read(|sql| {
                sql.query(
                    "SELECT state, count(*) FROM actions WHERE state <> 'done' GROUP BY state
                     UNION ALL
                     SELECT CASE state WHEN 'waiting' THEN 'undecided' ELSE state END, count(*)
                     FROM events WHERE state <> 'decided' GROUP BY state",
                    &[],
                    |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)),
                )
            })
            .await
            .unwrap();
        let mut left = Leftovers::new();
        for (state, count) in states {
            let what = match state.as_str() {
                "dead" => Leftover::DeadLetters,
                "discarded" => Leftover::Discarded,
                "waiting" => Leftover::WaitingActions,
                "running" => Leftover::RunningActions,
                "undecided" => Leftover::UndecidedEvents,
                "unreadable" => Leftover::UnreadableEvents,
                other => panic!("unknown state {other}"),
            };
            *left.entry(what).or_default() += usize::try_from(count).unwrap();
        }
        let failed = self.failed_deliveries();
        if failed > 0 {
            left.insert(Leftover::FailedDeliveries, failed);
        }
        left
    }

    /// How many deliveries the receiver has not accepted.
    pub fn failed_deliveries(&self) -> usize {
        let log = self.portal.log();
        log.iter().filter(|row| !row.delivered).count()
    }

    /// Everything that has not ended, for the message of a test that fails.
    async fn pending(&self) -> String {
        let rows = self.db.read(|sql| {
            sql.query(
                "SELECT 'event', id, state, reason FROM events WHERE state <> 'decided'
                 UNION ALL
                 SELECT kind, id, state, reason FROM actions WHERE state <> 'done'",
                &[],
                |row| {
                    let (kind, id): (String, i64) = (row.get(0)?, row.get(1)?);
                    let (state, reason): (String, Option<String>) = (row.get(2)?, row.get(3)?);
                    Ok(format!(
                        "{kind} {id} {state} {}",
                        reason.unwrap_or_default()
                    ))
                },
            )
        });
        let mut pending = match tokio::time::timeout(STATE_BOUND / 6, rows).await {
            Ok(rows) => rows.unwrap_or_else(|error| vec![format!("{error:?}")]),
            Err(_) => vec!["the store does not answer".to_owned()],
        };
        for row in self.portal.log().iter().filter(|row| !row.delivered) {
            pending.push(format!("delivery {row:?}"));
        }
        if let Some(call) = self.portal.calls().last() {
            pending.push(format!("the last call to the portal: {call:?}"));
        }
        pending.join("\n")
    }
}

#[tokio::test]
#[should_panic(
    expected = "the test leaves {WaitingActions: 1}, it said {}; pending:\ncopy 1 waiting"
)]
async fn a_test_that_leaves_work_without_saying_so_fails() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "the test leaves {}, it said {DeadLetters: 1}")]
async fn a_test_that_leaves_less_than_it_says_fails() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
    })
    .await;
}
