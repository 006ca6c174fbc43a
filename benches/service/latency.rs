//! The response time at an even load.

use std::time::Duration;

use crate::children::Process;
use crate::deliveries::{Deliveries, SECRET};
use crate::load::{Report, open_loop};
use crate::rows::{median, ms, store};
use crate::table::Table;
use crate::{Options, Served};

/// Longest that a single response may take.
const MAX_STALL: f64 = 50.0;

/// A thousand deliveries a second that all want a copy from a portal that is slow, or down.
pub async fn measure(table: &mut Table, options: &Options) {
    for (portals_state, is_down) in [("slow", false), ("down", true)] {
        let mut reports: Vec<Report> = Vec::new();
        for _ in 0..options.rounds {
            let portal = Served::start(Duration::from_secs(5)).await;
            portal.portal.set_down(is_down);
            let deliveries = Deliveries::new(SECRET, &portal.portal.seed().client_room);
            let (_folder, store) = store();
            let service = Process::service(&portal, &store).await;
            let round = options.round * 2;
            reports.push(open_loop(&service.webhook, &deliveries, 1_000, round).await);
        }
        let middle = |part| median(reports.iter().map(|r| ms(r.quantile(part))).collect());
        let (p50, p99) = (middle(0.5), middle(0.99));
        let refused: u64 = reports.iter().map(|report| report.refused).sum();
        table.judge(
            &format!("1,000 deliveries/s, portal {portals_state}"),
            format!("p50 {p50:.1} ms, p99 {p99:.1} ms, {refused} refused"),
            "p99 under 10 ms",
            p99 < 10.0 && refused == 0,
        );
        let stalls: Vec<f64> = reports
            .iter()
            .map(|report| ms(report.quantile(1.0)))
            .collect();
        let listed: Vec<String> = stalls.iter().map(|stall| format!("{stall:.0}")).collect();
        table.judge(
            &format!("the slowest of each round, portal {portals_state}"),
            format!("{} ms", listed.join(", ")),
            format!("under {MAX_STALL} ms"),
            stalls.iter().all(|stall| *stall < MAX_STALL),
        );
    }
}
