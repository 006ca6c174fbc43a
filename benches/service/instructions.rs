//! Instructions of the whole process for a delivery that no rule wants, counted by callgrind.

use std::path::Path;
use std::time::Duration;

use crate::Served;
use crate::children::Process;
use crate::deliveries::{Deliveries, SECRET};
use crate::load::send_all;
use crate::rows::store;
use crate::table::Table;

/// Deliveries of the two runs whose difference counts, so that neither the start nor the end does.
const DELIVERIES: [u64; 2] = [500, 2_500];

/// The most instructions for each delivery.
const BUDGET: u64 = 220_000;

/// Two runs of this build of the service under Valgrind.
pub async fn measure(table: &mut Table, binary: &Path) {
    let portal = Served::start(Duration::ZERO).await;
    let deliveries = Deliveries::new(SECRET, &portal.portal.seed().other_room);
    let mut counts = Vec::new();
    for count in DELIVERIES {
        let (folder, store) = store();
        let report = folder.path().join("callgrind");
        let service = Process::under_callgrind(binary, &portal, &store, &report).await;
        send_all(&service.webhook, &deliveries, count).await;
        service.terminate();
        let text = std::fs::read_to_string(&report).unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("summary: "));
        counts.push(total.unwrap().parse::<u64>().unwrap());
    }
    let each = (counts[1] - counts[0]) / (DELIVERIES[1] - DELIVERIES[0]);
    table.judge(
        "instructions per delivery that no rule wants",
        each.to_string(),
        format!("under {BUDGET}"),
        each < BUDGET,
    );
}
