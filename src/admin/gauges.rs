//! Gauges: the state of the store and the portal, read at each scrape.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::docspace::{Client, OpenReason};
use crate::journal::overview::Overview;
use crate::metrics::PREFIX;
use crate::telemetry;

use super::console::Console;

/// The gauges as of now.
pub(super) fn snapshot(
    overview: &Overview,
    oldest: Duration,
    console: &Console,
    certificate_ends_at: Option<Timestamp>,
) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    add_work(&mut registry, overview, oldest);
    add_portal(&mut registry, &console.portal);
    add_times(&mut registry, overview.last_delivery, certificate_ends_at);
    add_log(&mut registry);
    add_channel_breakers(&mut registry, console);
    add_portal_breaker(&mut registry, console.portal.open_reason());
    registry
}

fn add(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn add_work(registry: &mut Registry, overview: &Overview, oldest: Duration) {
    add(
        registry,
        "events_waiting",
        "Events waiting for a decision",
        overview.events_waiting,
    );
    add(
        registry,
        "actions_waiting",
        "Actions waiting or running",
        overview.actions_open,
    );
    add(
        registry,
        "rules_paused",
        "Rules that a person paused",
        overview.paused_rules.len() as u64,
    );
    add(
        registry,
        "actions_held",
        "Actions held because their rule is paused",
        overview.paused_rules.iter().map(|paused| paused.held).sum(),
    );
    add(
        registry,
        "dead_letters",
        "Decisions and actions that failed permanently and were neither replayed nor discarded",
        overview.dead,
    );
    add(
        registry,
        "oldest_waiting_seconds",
        "Age of the oldest waiting event or action; 0 when nothing waits",
        oldest.as_secs(),
    );
}

fn add_portal(registry: &mut Registry, portal: &Client) {
    add(
        registry,
        "portal_daily_writes_remaining",
        "Writes left of the portal's 10000 a day, of those known since midnight UTC",
        portal.writes_left_today(),
    );
    add(
        registry,
        "portal_calls_remaining",
        "Calls to the portal that can be made at once; further ones are spread within its 1500 a minute",
        u64::from(portal.calls_left()),
    );
}

fn add_times(
    registry: &mut Registry,
    last_delivery: Option<Timestamp>,
    certificate_ends_at: Option<Timestamp>,
) {
    let seconds = |at: Timestamp| u64::try_from(at.as_second()).unwrap_or(0);
    if let Some(at) = last_delivery {
        add(
            registry,
            "last_delivery_timestamp_seconds",
            "When the newest event was received that DocSpace itself delivered, in seconds since 1970",
            seconds(at),
        );
    }
    if let Some(at) = certificate_ends_at {
        add(
            registry,
            "certificate_expiry_timestamp_seconds",
            "When the certificate of the public listener expires, in seconds since 1970",
            seconds(at),
        );
    }
}

fn add_log(registry: &mut Registry) {
    let dropped_lines: Counter = Counter::default();
    dropped_lines.inc_by(telemetry::dropped_lines());
    registry.register(
        "log_lines_dropped",
        "Log lines dropped because standard error was closed, full, or not read",
        dropped_lines,
    );
}

fn add_channel_breakers(registry: &mut Registry, console: &Console) {
    let channels = Family::<[(&str, String); 1], Gauge>::default();
    for status in console.channels.statuses() {
        let is_open = i64::from(status.outage.is_some());
        // Several pipelines of one rule share its name.
        let gauge = channels.get_or_create(&[("channel", status.name)]);
        gauge.set(gauge.get().max(is_open));
    }
    registry.register(
        "channel_breaker_open",
        "1 while the circuit breaker of this channel is open: email, chat, or a pipeline",
        channels,
    );
}

fn add_portal_breaker(registry: &mut Registry, open_reason: Option<OpenReason>) {
    let breaker = Family::<[(&str, &str); 1], Gauge>::default();
    for reason in [OpenReason::Down, OpenReason::KeyRefused, OpenReason::Limit] {
        let is_open = i64::from(open_reason == Some(reason));
        breaker
            .get_or_create(&[("reason", reason.code())])
            .set(is_open);
    }
    registry.register(
        "portal_breaker_open",
        "1 while the circuit breaker is open for this reason",
        breaker,
    );
}
