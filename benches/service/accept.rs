//! The rate at which deliveries are accepted, beside receivers that do less.

use std::time::Duration;

use crate::children::{Process, Rival};
use crate::deliveries::{Deliveries, SECRET};
use crate::load::{Numbers, Report, closed_loop};
use crate::rows::{median, ms, store};
use crate::table::Table;
use crate::{Options, Served};

/// More events than a round has.
const MAX_ROUND: usize = 10_000_000;

/// Events that no rule wants, from 64 connections. The service and the others take turns.
pub async fn measure(table: &mut Table, options: &Options) {
    let portal = Served::start(Duration::ZERO).await;
    let deliveries = Deliveries::new(SECRET, &portal.portal.seed().other_room);
    let (mut new, mut repeated) = (Vec::new(), Vec::new());
    let mut beside: Vec<(&Rival, Vec<Report>)> = Vec::new();
    beside.extend(options.rivals.iter().map(|rival| (rival, Vec::new())));
    for first in (1..).step_by(MAX_ROUND).take(options.rounds) {
        let numbers = Numbers::From(first);
        for (rival, reports) in &mut beside {
            reports.push(rival_round(rival, &portal, &deliveries, options, numbers).await);
        }
        let (_folder, store) = store();
        let service = Process::service(&portal, &store).await;
        let first = Numbers::From(1);
        let report = closed_loop(&service.webhook, &deliveries, options.round, first).await;
        let again = Numbers::Repeated(report.accepted());
        new.push(report);
        repeated.push(closed_loop(&service.webhook, &deliveries, options.round, again).await);
    }
    let rate = describe(table, "accepting, every body new", &new);
    let rate_of_repeated = describe(table, "accepting, every body seen before", &repeated);
    table.at_least(
        "bodies seen before, beside new ones",
        rate_of_repeated / rate,
        0.9,
    );
    for (rival, reports) in &beside {
        let theirs = describe(table, rival.what(), reports);
        let beside = format!("accepting, beside {}", rival.what());
        match rival.budget() {
            Some(budget) => table.at_least(&beside, rate / theirs, budget),
            None => table.note(&beside, format!("{:.2}", rate / theirs)),
        }
    }
}

async fn rival_round(
    rival: &Rival,
    portal: &Served,
    deliveries: &Deliveries,
    options: &Options,
    numbers: Numbers,
) -> Report {
    if let Rival::Running { address, secret } = rival {
        let deliveries = Deliveries::new(secret, &portal.portal.seed().other_room);
        return closed_loop(address, &deliveries, options.round, numbers).await;
    }
    let process = Process::rival(rival, portal).await;
    let deliveries = match rival {
        Rival::Webhook => &deliveries.clone().with_lower_case_signature(),
        _ => deliveries,
    };
    closed_loop(&process.webhook, deliveries, options.round, numbers).await
}

/// Adds a row for these rounds, and returns their rate.
pub fn describe(table: &mut Table, what: &str, reports: &[Report]) -> f64 {
    let middle = |value: fn(&Report) -> f64| median(reports.iter().map(value).collect());
    let rate = middle(|report| report.rate);
    let p50 = middle(|report| ms(report.quantile(0.5)));
    let p99 = middle(|report| ms(report.quantile(0.99)));
    let rates = || reports.iter().map(|report| report.rate);
    let slowest = rates().fold(f64::INFINITY, f64::min);
    let fastest = rates().fold(0.0, f64::max);
    let refused: u64 = reports.iter().map(|report| report.refused).sum();
    let refused = match refused {
        0 => String::new(),
        refused => format!(", {refused} refused"),
    };
    table.note(
        what,
        format!(
            "{rate:.0}/s ({slowest:.0} to {fastest:.0}), p50 {p50:.1} ms, p99 {p99:.1} ms{refused}"
        ),
    );
    rate
}
