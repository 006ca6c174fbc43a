//! Metrics: what happened, counted, in the text that Prometheus reads.
//!
//! One struct, made once and handed to whoever counts; no globals. What the store knows better, such as
//! how much waits, is not counted here but read from it when somebody looks. Names, labels and units are
//! a promise: `deploy/` holds a dashboard and alert rules that use them. A label's value is one of a few
//! words, never an id, a title or an address.

use std::time::Duration;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::signature::SignatureError;

mod text;

/// What every name begins with.
pub(crate) const PREFIX: &str = "courier";

/// Upper bounds of the time from a delivery to what it asked for, in seconds: a quarter of a second is
/// what an idle service promises, a day is a portal that was down.
const DELAYS: [f64; 12] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0,
];

/// Upper bounds of the time of one attempt, in seconds.
const DURATIONS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// What a delivery was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResponse {
    /// Stored.
    Accepted,
    /// Stored before.
    Duplicate,
    /// Not believed, and why.
    Unauthorized(SignatureError),
    /// Signed, but no JSON object.
    Unreadable,
    /// It did not come over HTTPS.
    NotHttps,
    /// Its body was compressed.
    Encoded,
    /// Over the size limit.
    TooLarge,
    /// Its body came too slowly.
    Slow,
    /// Its sender hung up within the body.
    Broken,
    /// It could not be stored; its sender is told to send again.
    Unavailable,
}

impl DeliveryResponse {
    const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Unauthorized(SignatureError::Missing),
        Self::Unauthorized(SignatureError::Malformed),
        Self::Unauthorized(SignatureError::Mismatch),
        Self::Unreadable,
        Self::NotHttps,
        Self::Encoded,
        Self::TooLarge,
        Self::Slow,
        Self::Broken,
        Self::Unavailable,
    ];

    fn labels(self) -> Labels<2> {
        let (answer, reason) = match self {
            Self::Accepted => ("accepted", ""),
            Self::Duplicate => ("duplicate", ""),
            Self::Unauthorized(error) => ("unauthorized", error.code()),
            Self::Unreadable => ("unreadable", ""),
            Self::NotHttps => ("not_https", ""),
            Self::Encoded => ("encoded", ""),
            Self::TooLarge => ("too_large", ""),
            Self::Slow => ("slow", ""),
            Self::Broken => ("broken", ""),
            Self::Unavailable => ("unavailable", ""),
        };
        [("answer", answer), ("reason", reason)]
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deliveries: Family<Labels<2>, Counter>,
    events: Family<Labels<1>, Counter>,
    attempts: Family<Labels<2>, Counter>,
    action_delay: Histograms,
    attempt_duration: Histograms,
    portal_calls: Family<[(&'static str, String); 3], Counter>,
    reloads: Family<Labels<1>, Counter>,
    task_restarts: Family<Labels<1>, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            deliveries: Family::default(),
            events: Family::default(),
            attempts: Family::default(),
            action_delay: Family::new_with_constructor(|| Histogram::new(DELAYS)),
            attempt_duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            portal_calls: Family::default(),
            reloads: Family::default(),
            task_restarts: Family::default(),
        };
        metrics.register();
        metrics.begin_at_zero();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "deliveries",
            "Deliveries by what they were answered and, when unauthorized, why",
            self.deliveries.clone(),
        );
        registry.register(
            "events",
            "Events by what was decided: planned, ignored, duplicate, or dead when no decision could be made",
            self.events.clone(),
        );
        registry.register(
            "attempts",
            "Attempts that ended, by kind of action: done and dead end the action, failed and waits do not",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "action_delay",
            "Time from an event's arrival until an action of it was done",
            Unit::Seconds,
            self.action_delay.clone(),
        );
        registry.register_with_unit(
            "attempt_duration",
            "Time an attempt took",
            Unit::Seconds,
            self.attempt_duration.clone(),
        );
        registry.register(
            "portal_calls",
            "Calls to the portal by route and status; the status is none without an answer",
            self.portal_calls.clone(),
        );
        registry.register(
            "rules_reloads",
            "Times the rules were read again: done, or refused because something was wrong with them",
            self.reloads.clone(),
        );
        registry.register(
            "task_restarts",
            "Restarts of background tasks that panicked or ended on their own",
            self.task_restarts.clone(),
        );
    }

    /// A counter that appears with its first 1 has no rate yet, so known ones are there from the start.
    fn begin_at_zero(&self) {
        for answer in DeliveryResponse::ALL {
            drop(self.deliveries.get_or_create(&answer.labels()));
        }
        for outcome in ["planned", "ignored", "duplicate", "dead"] {
            drop(self.events.get_or_create(&[("outcome", outcome)]));
        }
        for outcome in ["done", "refused"] {
            drop(self.reloads.get_or_create(&[("outcome", outcome)]));
        }
    }

    /// A delivery was answered.
    pub fn count_delivery(&self, answer: DeliveryResponse) {
        self.deliveries.get_or_create(&answer.labels()).inc();
    }

    /// The rules were read again, and put in force or not.
    pub fn count_reload(&self, outcome: &'static str) {
        self.reloads.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Shows a background task with no restarts.
    pub fn register_task(&self, task: &'static str) {
        drop(self.task_restarts.get_or_create(&[("task", task)]));
    }

    /// A background task was restarted.
    pub fn count_task_restart(&self, task: &'static str) {
        self.task_restarts.get_or_create(&[("task", task)]).inc();
    }

    /// An event was decided, or given up.
    pub fn count_event(&self, outcome: &'static str) {
        self.events.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// An attempt at this kind of action ended so, after this time.
    pub fn count_attempt(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        self.attempts
            .get_or_create(&[("kind", kind), ("outcome", outcome)])
            .inc();
        self.attempt_duration
            .get_or_create(&[("kind", kind)])
            .observe(took.as_secs_f64());
    }

    /// An action was done so long after its event came.
    pub fn observe_delay(&self, kind: &'static str, delay: Duration) {
        self.action_delay
            .get_or_create(&[("kind", kind)])
            .observe(delay.as_secs_f64());
    }

    /// The portal was called, and answered with this status or not at all.
    pub fn count_portal_call(&self, method: &str, route: &str, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status),
        ];
        self.portal_calls.get_or_create(&labels).inc();
    }

    /// All of it, and what else was read when somebody looked, in Prometheus' text format.
    #[expect(clippy::missing_panics_doc, reason = "writing to a string cannot fail")]
    pub fn render(&self, moment: &Registry) -> String {
        let mut open_metrics = String::new();
        encode_registry(&mut open_metrics, &self.registry)
            .and_then(|()| encode_registry(&mut open_metrics, moment))
            .expect("writing to a string cannot fail");
        text::for_prometheus(&open_metrics)
    }
}
