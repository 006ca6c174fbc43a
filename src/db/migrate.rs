//! The migrations, numbered by time and never edited after a release.

use rusqlite::{Connection, TransactionBehavior};

/// Each migration's number and text, oldest first.
const MIGRATIONS: &[(i64, &str)] = &[
    (
        2_026_112_100,
        include_str!("../../migrations/2026112100_inbox_and_outbox.sql"),
    ),
    (
        2_026_112_201,
        include_str!("../../migrations/2026112201_lanes.sql"),
    ),
];

/// Applies what the file does not have yet.
pub(super) fn run(connection: &mut Connection) -> rusqlite::Result<()> {
    // Two processes that open a new file at once take turns here.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| *number > applied) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number)?;
    }
    transaction.commit()
}
