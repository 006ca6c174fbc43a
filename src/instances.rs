//! Instances: which of them share the store, and what only one of them does at a time. All SQL of their
//! tables.
//!
//! Each gives a sign of life every few seconds. Whoever finds that another has given none for a while
//! forgets it, and so ends its leases and its duties: the next attempt settles what it left open. All of
//! them go by the database's clock. A store in a file has one instance, which does none of this.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::{Clock, SECONDS_A_DAY};
use crate::db::{Db, Sql, SqlError, StoreError, ZeroAsNone};
use crate::docspace::Client;
use crate::ids::InstanceId;
use crate::outbox;
use crate::telemetry::ErrorChain;
use crate::wake::Wake;

/// How often an instance gives a sign of life.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// After this long without a sign an instance is gone.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a duty stays with an instance beyond its last sign of life, in milliseconds.
const DUTY_MS: i64 = 30_000;

/// How long to wait before a database that is away is tried again at the start.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How many instances there are, as last counted.
#[derive(Clone, Debug)]
pub struct Instances {
    db: Db,
    clock: Clock,
    count: Arc<AtomicU32>,
    /// Whether others were at work when this one came.
    joined_others: bool,
}

/// What one instance does for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderRole {
    /// Fetching what never reached us.
    CatchUp,
    /// Removing what is old.
    Prune,
    /// Telling the operator.
    Alerts,
}

impl LeaderRole {
    fn name(self) -> &'static str {
        match self {
            Self::CatchUp => "catch_up",
            Self::Prune => "prune",
            Self::Alerts => "alerts",
        }
    }
}

/// The work that an instance begins with; what waits too long is for whoever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// How many instances there are.
    pub of: u32,
    /// Which of them this is, from 0.
    pub place: u32,
}

impl Partition {
    /// Everything, for one that works alone.
    pub const ALL: Self = Self { of: 1, place: 0 };
}

impl Instances {
    /// Waits for the store to be there, makes this instance known, and begins to follow the database's
    /// clock.
    pub async fn join(db: &Db, clock: &Clock) -> Result<Self, StoreError> {
        let mut instances = Self {
            db: db.clone(),
            clock: clock.clone(),
            count: Arc::new(AtomicU32::new(1)),
            joined_others: false,
        };
        if !db.is_shared() {
            return Ok(instances);
        }
        loop {
            match instances.heartbeat(Writes::default()).await {
                Err(error) if error.is_unreachable() => tokio::time::sleep(TRY_AGAIN).await,
                Err(error) => return Err(error),
                Ok(census) => {
                    instances.joined_others = census.instances > 1;
                    return Ok(instances);
                }
            }
        }
    }

    /// Waits until those at work already know of this one, and leave it its part of what the portal takes.
    pub async fn wait_for_rebalance(&self, stop: &CancellationToken) {
        if self.joined_others {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT_INTERVAL + TRY_AGAIN) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Gives signs of life until told to stop, and wakes the worker when another instance is gone.
    pub async fn run(self, portal: Arc<Client>, wake: Arc<Wake>, stop: CancellationToken) {
        if !self.db.is_shared() {
            return;
        }
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let writes = Writes {
                day: now.as_second().div_euclid(SECONDS_A_DAY),
                own: i64::try_from(portal.budget().own_writes_today(now)).unwrap_or_default(),
            };
            match self.heartbeat(writes).await {
                Ok(census) => {
                    portal.budget().share_among(census.instances);
                    let others = census.writes_of_others.unsigned_abs();
                    portal.budget().set_others_writes_today(others, now);
                    if census.released > 0 {
                        warn!(
                            actions = census.released,
                            "another instance is gone; its actions are settled first"
                        );
                        wake.outbox.notify_one();
                    }
                }
                Err(error) => {
                    warn!(error = %ErrorChain(&error), "no sign of life could be given");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Says that this instance is gone, so that nobody waits for it.
    pub async fn leave(db: &Db) {
        if db.is_shared()
            && let Err(error) = db.write(forget).await
        {
            warn!(
                error = %ErrorChain(&error),
                "the others will notice by themselves that this instance is gone"
            );
        }
    }

    async fn heartbeat(&self, writes: Writes) -> Result<Membership, StoreError> {
        let census = self.db.write(move |sql| heartbeat(sql, writes)).await?;
        if let Some(time) = census
            .clock_ms
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        {
            self.clock.follow(time);
        }
        let before = self.count.swap(census.instances, Ordering::Relaxed);
        if before != census.instances {
            info!(instances = census.instances, "instances share the store");
        }
        Ok(census)
    }
}

/// The writes to the portal that this instance made on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Writes {
    day: i64,
    own: i64,
}

/// What a sign of life came back with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Membership {
    instances: u32,
    clock_ms: Option<i64>,
    /// Writes to the portal that the others made on the same day.
    writes_of_others: i64,
    /// Actions that were left running by instances that are gone.
    released: usize,
}

fn heartbeat(sql: &Sql, writes: Writes) -> Result<Membership, SqlError> {
    let clock_ms = sql.clock_ms()?;
    let (now, me) = (clock_ms.unwrap_or_default(), instance_column(sql));
    let gone_before = now - i64::try_from(HEARTBEAT_TIMEOUT.as_millis()).unwrap_or(i64::MAX);
    sql.execute(
        "INSERT INTO instances (id, started_at, seen_at) VALUES (:id, :now, :now)
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        &[(":id", me.into()), (":now", now.into())],
    )?;
    sql.execute(
        "DELETE FROM instances WHERE seen_at < :gone_before",
        &[(":gone_before", gone_before.into())],
    )?;
    let released = outbox::release_orphaned_leases(sql)?;
    sql.execute(
        "UPDATE duties SET until = :until WHERE holder = :id AND until > :now",
        &[
            (":id", me.into()),
            (":now", now.into()),
            (":until", duty_until(now).into()),
        ],
    )?;
    sql.execute(
        "UPDATE duties SET until = 0
         WHERE until > 0 AND holder NOT IN (SELECT id FROM instances)",
        &[],
    )?;
    let instances = sql.query_one("SELECT count(*) FROM instances", &[], |row| row.get(0))?;
    let writes_of_others = count_writes(sql, me, writes)?;
    Ok(Membership {
        instances,
        clock_ms,
        writes_of_others,
        released,
    })
}

/// Adds the writes of this instance to those of the day, and returns how many there are beside them.
fn count_writes(sql: &Sql, me: ZeroAsNone, Writes { day, own }: Writes) -> Result<i64, SqlError> {
    if own > 0 {
        sql.execute(
            "INSERT INTO portal_writes (day, instance, writes) VALUES (:day, :id, :own)
             ON CONFLICT (day, instance) DO UPDATE SET writes = excluded.writes",
            &[
                (":day", day.into()),
                (":id", me.into()),
                (":own", own.into()),
            ],
        )?;
    }
    sql.execute(
        "DELETE FROM portal_writes WHERE day < :day",
        &[(":day", day.into())],
    )?;
    sql.query_one(
        "SELECT CAST(coalesce(sum(writes), 0) AS BIGINT) FROM portal_writes
         WHERE day = :day AND instance <> :id",
        &[(":day", day.into()), (":id", me.into())],
        |row| row.get(0),
    )
}

fn instance_column(sql: &Sql) -> ZeroAsNone {
    ZeroAsNone(sql.instance().map(|InstanceId(id)| id))
}

fn forget(sql: &Sql) -> Result<(), SqlError> {
    sql.execute(
        "DELETE FROM instances WHERE id = :id",
        &[(":id", instance_column(sql).into())],
    )?;
    sql.execute(
        "UPDATE duties SET until = 0 WHERE holder = :id",
        &[(":id", instance_column(sql).into())],
    )?;
    outbox::release_orphaned_leases(sql).map(drop)
}

/// Whether the duty is this instance's, now and for a while; takes it where nobody has it.
pub async fn holds_role(db: &Db, duty: LeaderRole) -> Result<bool, StoreError> {
    if !db.is_shared() {
        return Ok(true);
    }
    db.write(move |sql| take_duty(sql, duty)).await
}

fn duty_until(now: i64) -> i64 {
    now + DUTY_MS
}

fn take_duty(sql: &Sql, duty: LeaderRole) -> Result<bool, SqlError> {
    let now = sql.clock_ms()?.unwrap_or_default();
    let taken = sql.execute(
        "UPDATE duties SET holder = :id, until = :until
         WHERE name = :name AND (holder = :id OR until <= :now)",
        &[
            (":id", instance_column(sql).into()),
            (":name", duty.name().into()),
            (":until", duty_until(now).into()),
            (":now", now.into()),
        ],
    )?;
    Ok(taken > 0)
}

/// The part of the work that is this instance's to begin with.
pub fn share(sql: &Sql) -> Result<Partition, SqlError> {
    let Some(InstanceId(me)) = sql.instance() else {
        return Ok(Partition::ALL);
    };
    sql.query_one(
        "SELECT count(*), coalesce(sum(CASE WHEN id < :id THEN 1 END), 0),
                coalesce(sum(CASE WHEN id = :id THEN 1 END), 0)
         FROM instances",
        &[(":id", me.into())],
        |row| {
            let (of, place, known): (u32, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(if known == 0 {
                Partition::ALL
            } else {
                Partition { of, place }
            })
        },
    )
}
