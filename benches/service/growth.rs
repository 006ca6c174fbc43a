//! What a full store costs.

use std::time::{Duration, Instant};

use crate::accept::describe;
use crate::children::{Process, get};
use crate::deliveries::{Deliveries, SECRET};
use crate::load::{Numbers, closed_loop};
use crate::rows::{ms, store};
use crate::table::Table;
use crate::{Options, Served, stock};

/// Memory and accept rate with a full store.
pub async fn measure(table: &mut Table, options: &Options) {
    let portal = Served::start(Duration::ZERO).await;
    portal.portal.set_down(true);
    let (_full_folder, full) = store();
    let seed = portal.portal.seed();
    let begun = Instant::now();
    stock::fill(
        &full,
        options.stored,
        options.waiting,
        &seed.client_room,
        &seed.internal_folder,
    );
    eprintln!("  filled in {:.0} s", begun.elapsed().as_secs_f64());
    let service = Process::service(&portal, &full).await;
    table.judge(
        "start to ready, full store",
        format!("{:.0} ms", ms(service.start)),
        "under 100 ms",
        ms(service.start) < 100.0,
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    let asked = Instant::now();
    let console = get(service.admin, "/").await.unwrap();
    assert!(console.starts_with("HTTP/1.1 200"), "{console}");
    let first_view = ms(asked.elapsed());
    table.judge(
        "first view of the console, full store",
        format!("{first_view:.0} ms"),
        "under 50 ms",
        first_view < 50.0,
    );
    let memory = service.memory_mib();
    table.judge(
        "memory, full store",
        format!(
            "{memory:.1} MiB with {} events, {} waiting",
            options.stored, options.waiting
        ),
        "under 40 MiB",
        memory < 40.0,
    );
    drop(service);

    // The portal stays down for both, so that what waits in the full store stays.
    let deliveries = Deliveries::new(SECRET, &seed.other_room);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut first = 10 * options.stored;
    for _ in 0..options.rounds {
        let numbers = Numbers::From(first);
        let (_folder, empty) = store();
        let service = Process::service(&portal, &empty).await;
        without.push(closed_loop(&service.webhook, &deliveries, options.round, numbers).await);
        drop(service);
        let service = Process::service(&portal, &full).await;
        with.push(closed_loop(&service.webhook, &deliveries, options.round, numbers).await);
        drop(service);
        first += options.stored;
    }
    let with = describe(table, "accepting with a full store", &with);
    let without = describe(table, "accepting with none stored", &without);
    table.at_least(
        "accepting with a full store beside none",
        with / without,
        0.9,
    );
}
