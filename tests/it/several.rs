//! Several real services on one database behind a load balancer: when one of them or the database crashes,
//! nothing is lost or repeated.
//!
//! `COURIER_INSTANCES_SEED`, `COURIER_INSTANCES_UPLOADS` and `COURIER_INSTANCES_KILLS` change the seed and
//! the numbers, for longer runs by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docspace_sandbox::{PortalSettings, UploadEvents};
use fastrand::Rng;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bounds::{bounded, bounded_by, until};
use crate::cluster::Cluster;
use crate::pgbouncer::PgBouncer;
use crate::process::{Deployment, PortalClock, Process, free_address};
use crate::store::Store;
use crate::variable;

/// The longest that the remaining work may take in the end.
const END_BOUND: Duration = Duration::from_mins(2);

/// The longest that one kill and the next start may take.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// How often one of the services is killed.
const KILL_EVERY: Duration = Duration::from_secs(1);

/// Several services with addresses that stay over restarts, and the load balancer in front of them.
struct Services {
    deployment: Deployment,
    clock: PortalClock,
    addresses: Vec<(SocketAddr, SocketAddr)>,
    _balancer: DropGuard,
}

impl Services {
    async fn new(count: usize, store: Store) -> Self {
        let clock = PortalClock::default();
        let deployment = Deployment::with_store(
            PortalSettings {
                time: clock.source(),
                operation_time: Duration::from_millis(100),
                retry_waits: vec![Duration::from_millis(300); 100],
                ..PortalSettings::default()
            },
            store,
        )
        .await;
        let addresses: Vec<_> = (0..count)
            .map(|_| (free_address(), free_address()))
            .collect();
        let stop = CancellationToken::new();
        let listener = TcpListener::bind(deployment.address).await.unwrap();
        let receivers = addresses.iter().map(|(public, _)| *public).collect();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(balance(listener, receivers)),
        );
        Self {
            deployment,
            clock,
            addresses,
            _balancer: stop.drop_guard(),
        }
    }

    fn start(&self, place: usize) -> Process {
        let (public, operator) = self.addresses[place];
        self.deployment.start_with(&[
            ("LISTEN_ADDR", public.to_string()),
            ("ADMIN_ADDR", operator.to_string()),
        ])
    }

    async fn status(&self, place: usize, path: &str) -> Option<u16> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://{}{path}", self.addresses[place].1);
        Some(client.get(address).send().await.ok()?.status().as_u16())
    }

    async fn ready(&self, place: usize) {
        until(END_BOUND, "the service is ready", async || {
            self.status(place, "/readyz").await == Some(200)
        })
        .await;
    }

    fn upload(&self, numbers: std::ops::Range<u64>) {
        let portal = &self.deployment.portal;
        for number in numbers {
            let title = if number % 5 == 0 { "Invoice" } else { "plan" };
            portal.upload(
                &portal.seed().client_room,
                &format!("{title} {number}.docx"),
                number.to_string().as_bytes(),
                UploadEvents::CreatedAndUploaded,
            );
        }
    }

    /// Waits until all work is done, and checks that it was done once.
    async fn check(&self, uploads: u64) {
        self.clock.outlast_calls(&self.deployment.portal).await;
        self.deployment.all_done(END_BOUND).await;
        let (portal, seed) = (&self.deployment.portal, self.deployment.portal.seed());
        let mut copied: Vec<u64> = portal
            .files_in(&seed.internal_folder)
            .iter()
            .map(|file| String::from_utf8_lossy(&file.content).parse().unwrap())
            .collect();
        copied.sort_unstable();
        assert_eq!(copied, (0..uploads).collect::<Vec<_>>(), "copied once");
        let mut moved: Vec<u64> = portal
            .files_in(&seed.incoming_folder)
            .iter()
            .map(|file| String::from_utf8_lossy(&file.content).parse().unwrap())
            .collect();
        moved.sort_unstable();
        let invoices: Vec<u64> = (0..uploads).filter(|number| number % 5 == 0).collect();
        assert_eq!(moved, invoices, "moved once");
    }
}

/// Forwards each connection to the next service that accepts it.
async fn balance(listener: TcpListener, receivers: Vec<SocketAddr>) {
    let (receivers, turn) = (Arc::new(receivers), Arc::new(AtomicUsize::new(0)));
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        let (receivers, turn) = (Arc::clone(&receivers), Arc::clone(&turn));
        tokio::spawn(async move {
            for _ in 0..receivers.len() {
                let next = turn.fetch_add(1, Ordering::Relaxed) % receivers.len();
                if let Ok(mut to) = TcpStream::connect(receivers[next]).await {
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    return;
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_killed_at_random_do_everything_once() {
    let mut random = Rng::with_seed(variable("COURIER_INSTANCES_SEED", 20_261_122));
    let (uploads, kills) = (
        variable("COURIER_INSTANCES_UPLOADS", 500),
        variable("COURIER_INSTANCES_KILLS", 8),
    );
    let bound = END_BOUND * 2 + KILL_BOUND * u32::try_from(kills).unwrap();
    bounded_by(bound, async {
        let services = Services::new(3, Store::new()).await;
        let mut running: Vec<_> = (0..3).map(|place| services.start(place)).collect();
        for place in 0..3 {
            services.ready(place).await;
        }
        let mut each_second = interval(KILL_EVERY);
        each_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for kill in 0..kills {
            services.upload(uploads * kill / kills..uploads * (kill + 1) / kills);
            each_second.tick().await;
            let place = random.usize(..3);
            running.remove(place).kill();
            running.insert(place, services.start(place));
        }
        services.check(uploads).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_refused_while_the_database_is_down_and_done_once_afterwards() {
    bounded(async {
        const UPLOADS: u64 = 120;

        let cluster = Cluster::own("");
        let services = Services::new(2, Store::in_cluster(cluster)).await;
        let _running: Vec<_> = (0..2).map(|place| services.start(place)).collect();
        services.ready(0).await;
        services.ready(1).await;
        services.upload(0..UPLOADS / 2);
        let copies = services.deployment.portal.seed().internal_folder.clone();
        until(END_BOUND, "something is copied", async || {
            !services.deployment.portal.files_in(&copies).is_empty()
        })
        .await;

        tokio::task::spawn_blocking(|| cluster.crash())
            .await
            .unwrap();
        services.upload(UPLOADS / 2..UPLOADS);
        for place in 0..2 {
            until(END_BOUND, "the service is not ready", async || {
                services.status(place, "/readyz").await == Some(503)
            })
            .await;
            assert_eq!(services.status(place, "/healthz").await, Some(200));
        }
        until(END_BOUND, "a delivery is refused", async || {
            let log = services.deployment.log();
            log.contains("cannot store a delivery")
        })
        .await;
        tokio::task::spawn_blocking(|| cluster.start_server())
            .await
            .unwrap();
        services.check(UPLOADS).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_starts_before_its_database_waits_for_it() {
    bounded(async {
        let cluster = Cluster::own("");
        let services = Services::new(1, Store::in_cluster(cluster)).await;
        tokio::task::spawn_blocking(|| cluster.crash())
            .await
            .unwrap();
        let _running = services.start(0);
        until(END_BOUND, "the service has noticed", async || {
            services
                .deployment
                .log()
                .contains("the database cannot be reached")
        })
        .await;
        tokio::task::spawn_blocking(|| cluster.start_server())
            .await
            .unwrap();
        services.ready(0).await;
        services.upload(0..5);
        services.check(5).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_behind_a_pooler_do_everything_once() {
    for ignores_settings in [false, true] {
        bounded(async {
            const UPLOADS: u64 = 60;

            let mut services = Services::new(2, Store::new()).await;
            let pooler = PgBouncer::start(Cluster::shared(), ignores_settings);
            let url = pooler.url(services.deployment.store.name());
            services.deployment.variables.push(("DATABASE_URL", url));
            let _running: Vec<_> = (0..2).map(|place| services.start(place)).collect();
            services.ready(0).await;
            services.ready(1).await;
            services.upload(0..UPLOADS);
            services.check(UPLOADS).await;
            assert_eq!(services.status(0, "/api/status").await, Some(200));
            let log = services.deployment.log();
            assert!(log.contains("a connection pooler is between"), "{log}");
        })
        .await;
    }
}
