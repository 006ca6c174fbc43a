//! The heartbeat: which instances run.

use std::collections::BTreeMap;

use crate::db::{Sql, SqlError};
use crate::outbox;

use super::call_ledger;
use super::id::own_id;
use super::leader;

/// An instance is gone if it writes no heartbeat during so many heartbeats of another one, which are two seconds
/// apart. They are counted, because times would mislead: the database's clock may step, and while the database is
/// down nobody can write.
const MISSED_HEARTBEATS: u32 = 5;

/// The instances that this one has seen, by their number.
#[derive(Debug, Default)]
pub(super) struct Observed(BTreeMap<i64, LastHeartbeat>);

/// The last heartbeat of an instance.
#[derive(Clone, Copy, Debug)]
struct LastHeartbeat {
    at: i64,
    /// How many heartbeats of this instance have found it unchanged.
    missed: u32,
}

impl Observed {
    /// The instances that are gone, each with its last heartbeat.
    pub(super) fn gone(&self) -> Vec<(i64, i64)> {
        let gone = self
            .0
            .iter()
            .filter(|(_, seen)| seen.missed >= MISSED_HEARTBEATS);
        gone.map(|(id, seen)| (*id, seen.at)).collect()
    }

    /// Takes in the last heartbeats that one of this instance found.
    pub(super) fn update(&mut self, heartbeats: &[(i64, i64)]) {
        let seen = heartbeats.iter().map(|&(id, at)| {
            let before = self.0.get(&id).filter(|seen| seen.at == at);
            let missed = before.map_or(0, |seen| seen.missed + 1);
            (id, LastHeartbeat { at, missed })
        });
        self.0 = seen.collect();
    }
}

/// What a heartbeat found.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    /// The instances that run, this one included, each with its last heartbeat.
    pub(super) heartbeats: Vec<(i64, i64)>,
    /// The database's time.
    pub(super) clock_ms: Option<i64>,
    /// The writes to the portal that all instances have recorded for the day.
    pub(super) portal_writes: u64,
    /// Running actions of instances that are gone, whose leases this heartbeat ended.
    pub(super) released: usize,
}

impl Membership {
    /// How many instances run.
    pub(super) fn instances(&self) -> u32 {
        u32::try_from(self.heartbeats.len()).unwrap_or(u32::MAX)
    }
}

/// Writes a heartbeat, and removes the instances that are gone unless they have written one since. The day is in
/// days since 1970, UTC.
pub(super) fn heartbeat(sql: &Sql, day: i64, gone: &[(i64, i64)]) -> Result<Membership, SqlError> {
    let clock_ms = sql.clock_ms()?;
    let (now, id) = (clock_ms.unwrap_or_default(), own_id(sql));
    sql.execute(
        "INSERT INTO instances (id, started_at, seen_at) VALUES (:id, :now, :now)
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        &[(":id", id.into()), (":now", now.into())],
    )?;
    for (id, seen_at) in gone {
        sql.execute(
            "DELETE FROM instances WHERE id = :id AND seen_at = :seen_at",
            &[(":id", (*id).into()), (":seen_at", (*seen_at).into())],
        )?;
    }
    let released = outbox::release_orphaned_leases(sql)?;
    let heartbeats = sql.query("SELECT id, seen_at FROM instances", &[], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let portal_writes = call_ledger::writes_on(sql, day)?;
    Ok(Membership {
        heartbeats,
        clock_ms,
        portal_writes,
        released,
    })
}

/// Removes this instance with its roles and leases.
pub(super) fn remove(sql: &Sql) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM instances WHERE id = :id",
        &[(":id", own_id(sql).into())],
    )?;
    leader::release_roles(sql)?;
    outbox::release_orphaned_leases(sql).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_gone_after_it_missed_several_heartbeats_in_a_row() {
        let (own, other) = (1, 2);
        let mut observed = Observed::default();
        let mut beat = |round: i64, others: i64| {
            observed.update(&[(own, round), (other, others)]);
            observed.gone()
        };
        for round in 0..5 {
            assert_eq!(beat(round, 7), []);
        }
        // Any change counts, also one to an earlier time.
        for round in 5..10 {
            assert_eq!(beat(round, 3), []);
        }
        assert_eq!(beat(10, 3), [(other, 3)]);
        assert_eq!(beat(11, 4), []);
    }
}
