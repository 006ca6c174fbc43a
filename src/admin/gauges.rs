//! Gauges: the state of the store and the portal, read at each scrape.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::docspace::OpenReason;
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
    let portal = &console.portal;
    let open_reason = portal.open_reason();
    let mut registry = Registry::with_prefix(PREFIX);
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge(
        "events_waiting",
        "Events waiting for a decision",
        overview.events_waiting,
    );
    gauge(
        "actions_waiting",
        "Actions waiting or running",
        overview.actions_open,
    );
    gauge(
        "rules_paused",
        "Rules that a person paused",
        overview.paused_rules.len() as u64,
    );
    gauge(
        "actions_held",
        "Actions held because their rule is paused",
        overview.paused_rules.iter().map(|paused| paused.held).sum(),
    );
    gauge(
        "dead_letters",
        "Decisions and actions that failed permanently and were neither replayed nor discarded",
        overview.dead,
    );
    gauge(
        "oldest_waiting_seconds",
        "Age of the oldest waiting event or action; 0 when nothing waits",
        oldest.as_secs(),
    );
    gauge(
        "portal_daily_writes_remaining",
        "Writes left of the portal's 10000 a day, of those known since midnight UTC",
        portal.writes_left_today(),
    );
    gauge(
        "portal_calls_remaining",
        "Calls to the portal that can be made at once; further ones are spread within its 1500 a minute",
        u64::from(portal.calls_left()),
    );
    if let Some(at) = overview.last_delivery {
        gauge(
            "last_delivery_timestamp_seconds",
            "When the newest event was received that DocSpace itself delivered, in seconds since 1970",
            u64::try_from(at.as_second()).unwrap_or(0),
        );
    }
    if let Some(at) = certificate_ends_at {
        gauge(
            "certificate_expiry_timestamp_seconds",
            "When the certificate of the public listener expires, in seconds since 1970",
            u64::try_from(at.as_second()).unwrap_or(0),
        );
    }
    let dropped_lines: Counter = Counter::default();
    dropped_lines.inc_by(telemetry::dropped_lines());
    registry.register(
        "log_lines_dropped",
        "Log lines dropped because standard error was closed, full, or not read",
        dropped_lines,
    );
    let breaker = Family::<[(&str, &str); 1], Gauge>::default();
    for reason in [OpenReason::Down, OpenReason::KeyRefused, OpenReason::Limit] {
        let is_open = i64::from(open_reason == Some(reason));
        breaker
            .get_or_create(&[("reason", reason.code())])
            .set(is_open);
    }
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
    registry.register(
        "portal_breaker_open",
        "1 while the circuit breaker is open for this reason",
        breaker,
    );
    registry
}
