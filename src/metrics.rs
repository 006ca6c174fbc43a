//! Metrics in Prometheus' text format.
//!
//! One struct is created at start and passed to whatever counts; there are no globals. Figures that the store
//! knows, such as queue depth, are read from it on each scrape. Names, labels and units are promises: the
//! dashboard and alert rules in `deploy/` use them. A label takes one of a few values, never an id, a title or
//! an address.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

mod rejections;
mod response;
mod text;

pub use rejections::{RejectionReason, Rejections};
pub use response::DeliveryResponse;

use rejections::RejectionCounts;

/// The prefix of every name.
pub(crate) const PREFIX: &str = "courier";

/// Upper bounds of the time from a delivery to a completed action, in seconds: an idle service takes up to a
/// quarter of a second, a portal that was down may take a day.
const DELAY_BUCKETS: [f64; 12] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0,
];

/// Upper bounds of the duration of one attempt, in seconds.
const DURATION_BUCKETS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// All counters and histograms.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deliveries: Family<Labels<2>, Counter>,
    rejections: RejectionCounts,
    events: Family<Labels<1>, Counter>,
    attempts: Family<Labels<2>, Counter>,
    action_delay: Histograms,
    attempt_duration: Histograms,
    portal_calls: Family<[(&'static str, String); 3], Counter>,
    token_rejections: Family<Labels<1>, Counter>,
    reloads: Family<Labels<1>, Counter>,
    task_restarts: Family<Labels<1>, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            deliveries: Family::default(),
            rejections: RejectionCounts::default(),
            events: Family::default(),
            attempts: Family::default(),
            action_delay: Family::new_with_constructor(|| Histogram::new(DELAY_BUCKETS)),
            attempt_duration: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            portal_calls: Family::default(),
            token_rejections: Family::default(),
            reloads: Family::default(),
            task_restarts: Family::default(),
        };
        metrics.register();
        metrics.initialize_to_zero();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "deliveries",
            "Deliveries by response and, if unauthorized, by reason",
            self.deliveries.clone(),
        );
        registry.register(
            "events",
            "Events by decision: planned, ignored, duplicate, or dead if no decision could be made",
            self.events.clone(),
        );
        registry.register(
            "attempts",
            "Attempts by kind of action and outcome: done and dead end the action, failed and waits do not",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "action_delay",
            "Time from receiving an event until its action was done",
            Unit::Seconds,
            self.action_delay.clone(),
        );
        registry.register_with_unit(
            "attempt_duration",
            "Duration of an attempt",
            Unit::Seconds,
            self.attempt_duration.clone(),
        );
        registry.register(
            "portal_calls",
            "Calls to the portal by route and status; the status is none if there was no response",
            self.portal_calls.clone(),
        );
        registry.register(
            "admin_token_rejections",
            "Admin tokens not accepted: wrong, or too_many if it was not checked after many wrong ones",
            self.token_rejections.clone(),
        );
        registry.register(
            "rules_reloads",
            "Reloads of the rules: done, or refused because the rules were invalid",
            self.reloads.clone(),
        );
        registry.register(
            "task_restarts",
            "Restarts of background tasks that panicked or ended on their own",
            self.task_restarts.clone(),
        );
    }

    /// Creates the known series, because a counter that first appears with the value 1 has no rate.
    fn initialize_to_zero(&self) {
        for response in DeliveryResponse::ALL {
            drop(self.deliveries.get_or_create(&response.labels()));
        }
        for outcome in ["planned", "ignored", "duplicate", "dead"] {
            drop(self.events.get_or_create(&[("outcome", outcome)]));
        }
        for reason in ["wrong", "too_many"] {
            drop(self.token_rejections.get_or_create(&[("reason", reason)]));
        }
        for outcome in ["done", "refused"] {
            drop(self.reloads.get_or_create(&[("outcome", outcome)]));
        }
    }

    /// Counts a delivery.
    pub fn count_delivery(&self, response: DeliveryResponse) {
        self.deliveries.get_or_create(&response.labels()).inc();
        let is_accepted = matches!(
            response,
            DeliveryResponse::Accepted | DeliveryResponse::Duplicate
        );
        if is_accepted {
            self.rejections.clear();
        }
    }

    /// Counts a delivery that was rejected.
    pub fn count_rejection(&self, response: DeliveryResponse, now: Timestamp) {
        self.count_delivery(response);
        if let Some(reason) = RejectionReason::of(response) {
            self.rejections.count(reason, now);
        }
    }

    /// Deliveries rejected since the last one that was accepted, for reasons that a person must fix.
    pub fn rejections(&self) -> Vec<Rejections> {
        self.rejections.all()
    }

    /// Counts an admin token that was not accepted.
    pub fn count_token_rejection(&self, reason: &'static str) {
        self.token_rejections
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    /// Counts a reload of the rules.
    pub fn count_reload(&self, outcome: &'static str) {
        self.reloads.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Creates the series of a background task with no restarts.
    pub fn register_task(&self, task: &'static str) {
        drop(self.task_restarts.get_or_create(&[("task", task)]));
    }

    /// Counts a restart of a background task.
    pub fn count_task_restart(&self, task: &'static str) {
        self.task_restarts.get_or_create(&[("task", task)]).inc();
    }

    /// Counts a decided event.
    pub fn count_event(&self, outcome: &'static str) {
        self.events.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts an attempt at this kind of action with its outcome and duration.
    pub fn count_attempt(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        self.attempts
            .get_or_create(&[("kind", kind), ("outcome", outcome)])
            .inc();
        self.attempt_duration
            .get_or_create(&[("kind", kind)])
            .observe(took.as_secs_f64());
    }

    /// Records the time from receiving an event until its action was done.
    pub fn observe_delay(&self, kind: &'static str, delay: Duration) {
        self.action_delay
            .get_or_create(&[("kind", kind)])
            .observe(delay.as_secs_f64());
    }

    /// Counts a call to the portal with its status; `None` if there was no response.
    pub fn count_portal_call(&self, method: &str, route: &str, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status),
        ];
        self.portal_calls.get_or_create(&labels).inc();
    }

    /// All metrics, with the gauges of this scrape, in Prometheus' text format.
    #[expect(clippy::missing_panics_doc, reason = "writing to a string cannot fail")]
    pub fn render(&self, gauges: &Registry) -> String {
        let mut open_metrics = String::new();
        encode_registry(&mut open_metrics, &self.registry)
            .and_then(|()| encode_registry(&mut open_metrics, gauges))
            .expect("writing to a string cannot fail");
        text::for_prometheus(&open_metrics)
    }
}
