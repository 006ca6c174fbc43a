//! How the store and the portal stand at this moment, as metrics: read when somebody looks, not counted.

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

/// The metrics of this moment.
pub(super) fn moment(
    overview: &Overview,
    oldest: Duration,
    portal: &Client,
    certificate_ends_at: Option<Timestamp>,
) -> Registry {
    let trouble = portal.open_reason();
    let mut registry = Registry::with_prefix(PREFIX);
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge(
        "events_waiting",
        "Events that wait for their decision",
        overview.events_waiting,
    );
    gauge(
        "actions_waiting",
        "Actions that wait or run",
        overview.actions_owed,
    );
    gauge(
        "dead_letters",
        "Decisions and actions that were given up and neither replayed nor discarded",
        overview.dead,
    );
    gauge(
        "oldest_waiting_seconds",
        "How long ago the oldest event or action came that waits; 0 when nothing does",
        oldest.as_secs(),
    );
    gauge(
        "portal_daily_writes_remaining",
        "Writes left of the portal's 10000 a day, counting those we know of since midnight UTC",
        portal.writes_left_today(),
    );
    gauge(
        "portal_calls_remaining",
        "Calls to the portal that may be made at once; beyond them they flow evenly within its 1500 a minute",
        u64::from(portal.calls_left()),
    );
    if let Some(at) = overview.last_delivery {
        gauge(
            "last_delivery_timestamp_seconds",
            "When the newest event came that DocSpace delivered itself, in seconds since 1970",
            u64::try_from(at.as_second()).unwrap_or(0),
        );
    }
    if let Some(at) = certificate_ends_at {
        gauge(
            "certificate_expiry_timestamp_seconds",
            "When the certificate of the public listener ends, in seconds since 1970",
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
    for why in [OpenReason::Down, OpenReason::KeyRefused, OpenReason::Limit] {
        let open = i64::from(trouble == Some(why));
        breaker.get_or_create(&[("reason", why.code())]).set(open);
    }
    registry.register(
        "portal_breaker_open",
        "1 while the portal is left alone for this reason",
        breaker,
    );
    registry
}
