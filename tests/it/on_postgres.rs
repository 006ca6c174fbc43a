//! The same behaviour on PostgreSQL: every test that uses a store, and tests of several instances.
//!
//! Tests that do not concern the store are left out, and those about a store in a file: a full disk, a lock
//! on the file.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
#![allow(unreachable_pub, reason = "nothing outside can reach a test")]
#![allow(dead_code, reason = "some of it is for the tests that are left out")]

mod bounds;
mod certificates;
mod cluster;
mod mail_server;
mod process;
mod programs;
mod scene;
mod services;
#[path = "store_on_server.rs"]
mod store;

mod decided_at_once;
mod floods;
mod main_job;
mod refusals;
mod unsigned;

mod api_calls;
mod arrivals;
mod backfill;
mod backfill_killed;
mod batches;
mod busy_files;
mod catch_up;
mod changes;
mod clock_steps;
mod conflicts;
mod convert;
mod crashes;
mod create_folder;
mod create_room;
mod failures;
mod folder_paths;
mod frozen;
mod groups;
mod large_portal;
mod leases;
mod links;
mod listing;
mod old_events;
mod people;
mod recipes;
mod recipients;
mod reconcile;
mod results;
mod room_actions;
mod rules;
mod schedules;
mod shares;
mod smuggling;
mod spent_calls;
mod trash;
mod write;

mod alerts;
mod channels;
mod night;
mod notify;
mod pipeline;

mod admin_access;
mod bulk_changes;
mod check;
mod events;
mod metrics;
mod mistyped_folder;
mod page;
mod paused_rules;
mod personal_data;
mod replay;
mod rules_command;
mod search;
mod send;
mod untrusted_text;

mod downtime;
mod kill;

// Tests for PostgreSQL only.
mod database;
mod moving;
mod pgbouncer;
mod several;
mod silent_database;
mod stopped;

/// A number from a variable, for longer runs by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is configured, not the service"
)]
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}
