//! Behaviour, tested from outside: real router, real client, a real store of its own for each test, and
//! the sandbox portal as DocSpace.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
#![allow(unreachable_pub, reason = "nothing outside can reach a test")]

mod browser;
mod certificates;
mod mail_server;
mod process;
mod scene;
#[path = "store_in_file.rs"]
mod store;

// The order of the path: what arrives, what is done, what fails, what crashes.
mod main_job;
mod refusals;
mod slow_clients;
mod smuggling;

mod batches;
mod catch_up;
mod conflicts;
mod crashes;
mod failures;
mod schedules;

// Rules that people write.
mod rules;
mod rules_command;
mod search;

// Who hears of it: people, programs, the operator.
mod alerts;
mod mail;
mod notify;
mod pipeline;

// What a person asks and orders afterwards.
mod events;
mod metrics;
mod page;
mod page_in_browser;

// Setting a deployment up, and finding out what is wrong with it.
mod check;
mod check_channels;
mod register;
mod rooms;
mod send;

// The real binary, as a process of its own.
mod backup;
mod command;
mod downtime;
mod full_disk;
mod health;
mod kill;
mod locked_file;
mod logs;
mod tls;

// Where it is deployed.
mod deploy;
mod proxies;

/// A number that a person may set, for longer runs by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is configured, not the service"
)]
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}
