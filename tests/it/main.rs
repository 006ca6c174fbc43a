//! Behaviour, tested from outside: the real router and client, a separate real store for each test, and the
//! sandbox portal as DocSpace.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
#![allow(unreachable_pub, reason = "nothing outside can reach a test")]

mod bounds;
mod browser;
mod certificates;
mod mail_server;
mod process;
mod programs;
mod scene;
mod services;
#[path = "store_in_file.rs"]
mod store;

// The path of a delivery: receiving it, acting on it, failures and crashes.
mod decided_at_once;
mod file_limit;
mod file_modes;
mod floods;
mod main_job;
mod refusals;
mod signatures;
mod slow_clients;
mod smuggling;
mod spent_calls;
mod surprises;
mod unsigned;

mod api_calls;
mod arrivals;
mod backfill;
mod backfill_in_console;
mod backfill_killed;
mod batches;
mod busy_files;
mod catch_up;
mod changes;
mod circuit_breaker;
mod clock_steps;
mod conflicts;
mod convert;
mod crashes;
mod create_folder;
mod create_room;
mod endless;
mod failures;
mod folder_paths;
mod frozen;
mod languages;
mod large_portal;
mod leases;
mod links;
mod listing;
mod old_events;
mod recipients;
mod reconcile;
mod room_actions;
mod schedules;
mod shares;
mod trash;
mod write;

// Rules from a file.
mod new_rule;
mod recipes;
mod results;
mod rules;
mod rules_command;
mod rules_in_console;

// Notifications of people, programs and the operator.
mod alerts;
mod channels;
mod chats;
mod mail;
mod night;
mod notify;
mod pipeline;

// What people look up and change afterwards.
mod admin_access;
mod bulk_changes;
mod events;
mod metrics;
mod mistyped_folder;
mod page;
mod page_in_browser;
mod paused_rules;
mod people;
mod personal_data;
mod replay;
mod search;
mod supervision;
mod untrusted_text;

// Setting up and checking a deployment.
mod check;
mod check_channels;
mod check_rooms;
mod private_certificates;
mod register;
mod rehearse;
mod rooms;
mod send;
mod setup;
mod setup_in_browser;

// The real binary in its own process.
mod backup;
mod command;
mod downtime;
mod full_disk;
mod groups;
mod health;
mod kill;
mod locked_file;
mod logs;
mod lost_store;
mod tls;

// Deployment files and proxies.
mod deploy;
mod proxies;

/// A number from a variable, for longer runs by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is configured, not the service"
)]
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}
