//! A store as it is after a long time: a million events, of which many still wait for their copy.

use std::path::Path;

use docspace_courier::actions::CopyTo;
use docspace_courier::db::Db;
use docspace_courier::docspace::Conflict;
use docspace_courier::ids;
use docspace_courier::rules::ActionPlan;
use docspace_sandbox::FolderId;
use rusqlite::{Connection, named_params};

use crate::deliveries::{Deliveries, SECRET};

/// Fills a new store. The newest events are those that wait.
pub fn fill(store: &Path, events: u64, waiting: u64, room: &FolderId, to: &FolderId) {
    drop(Db::open(store).unwrap());
    let mut sql = Connection::open(store).unwrap();
    sql.pragma_update(None, "synchronous", "OFF").unwrap();
    let transaction = sql.transaction().unwrap();
    let deliveries = Deliveries::new(SECRET, room);
    {
        let mut event = transaction
            .prepare(
                "INSERT INTO events (id, webhook_id, event_id, source, trigger_name, file_id, title, body,
                                     received_at, happened_at, sequence, state, due_at)
                 VALUES (:n, 417, :n, 'delivery', 'file.uploaded', :file, :title, :body,
                         :at, :at, :n, 'decided', :at)",
            )
            .unwrap();
        let mut decision = transaction
            .prepare(
                "INSERT INTO decisions (event, position, rule, outcome, reason)
                 VALUES (:n, 0, 'copy', :outcome, 'it lies in the room')",
            )
            .unwrap();
        let mut action = transaction
            .prepare(
                "INSERT INTO actions (event, rule, file_id, file_version, position, kind, file_work, plan,
                                      title, target, state, happened_at, sequence, due_at, created_at)
                 VALUES (:n, 'copy', :file, '2026-03-02T09:14:31Z', 0, 'copy', 1, :plan,
                         :title, :target, 'waiting', :at, :n, :at, :at)",
            )
            .unwrap();
        let plan = ActionPlan::from(CopyTo {
            path: None,
            to: ids::FolderId::new(to.as_str()).unwrap().into(),
            conflict: Conflict::Duplicate,
        })
        .stored;
        let base = an_hour_ago_ms();
        for number in 1..=events {
            let n = i64::try_from(number).unwrap();
            let at = base + n;
            let file = (2_000_000 + number).to_string();
            let title = format!("Invoice-2026-{number}.pdf");
            let is_waiting = number + waiting > events;
            event
                .execute(named_params! {
                    ":n": n, ":file": file, ":title": title, ":at": at,
                    ":body": deliveries.body(number).as_bytes(),
                })
                .unwrap();
            let outcome = if is_waiting { "planned" } else { "ignored" };
            decision
                .execute(named_params! { ":n": n, ":outcome": outcome })
                .unwrap();
            if is_waiting {
                action
                    .execute(named_params! {
                        ":n": n, ":file": file, ":title": title, ":at": at, ":plan": plan,
                        ":target": format!("{to}/{}", title.to_lowercase()),
                    })
                    .unwrap();
            }
        }
    }
    transaction.commit().unwrap();
}

/// Some time ago, but not so long that what came then is removed.
fn an_hour_ago_ms() -> i64 {
    let now = docspace_courier::clock::Clock::system().now();
    now.as_millisecond() - 3_600_000
}
