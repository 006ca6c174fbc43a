//! Several real services on one database: when the database crashes or starts late, nothing is lost or repeated.

use std::time::Duration;

use docspace_sandbox::{Fault, FaultEffect, FolderId, UploadEvents};

use crate::bounds::{bounded, until};
use crate::cluster::Cluster;
use crate::pgbouncer::PgBouncer;
use crate::services::Services;
use crate::store::Store;

/// The longest that the remaining work may take in the end.
const END_BOUND: Duration = Duration::from_mins(2);

impl Services {
    /// The status of a response of its operator listener, if it responds.
    pub async fn status(&self, place: usize, path: &str) -> Option<u16> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://{}{path}", self.addresses[place].1);
        Some(client.get(address).send().await.ok()?.status().as_u16())
    }

    /// Waits until it is ready.
    pub async fn ready(&self, place: usize) {
        until(END_BOUND, "the service is ready", async || {
            self.status(place, "/readyz").await == Some(200)
        })
        .await;
    }

    pub fn upload(&self, numbers: std::ops::Range<u64>) {
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
    pub async fn check(&self, uploads: u64) {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_create_each_folder_of_a_path_once() {
    bounded(async {
        const UPLOADS: u64 = 20;

        let mut services = Services::new(2, Store::new()).await;
        let seed = services.deployment.portal.seed().clone();
        let (room, to) = (&seed.client_room, &seed.incoming_folder);
        let made_in = &seed.internal_folder;
        // One rule with a path of its own for each file, so that their actions run at the same time.
        let rules = (0..UPLOADS).map(|number| {
            format!(
                "[[rule]]\nname = \"sort {number}\"\ntriggers = [\"file.uploaded\"]\nroom = {room}\n\
                 title = {{ glob = \"* {number}.docx\" }}\n\
                 [[rule.action]]\ncopy = {{ to = {to}, path = \"sorted/{{person}}/{number}\" }}\n\
                 [[rule.action]]\ncreate_folder = {{ path = \"made/all/{number}\", below = {made_in} }}\n"
            )
        });
        let file = services.deployment.store.folder().join("rules.toml");
        std::fs::write(&file, rules.collect::<String>()).unwrap();
        let file = file.to_str().unwrap().to_owned();
        services.deployment.variables.push(("RULES_FILE", file));
        services.deployment.portal.inject_fault(Fault {
            method: Some("POST"),
            path_contains: "/files/folder/",
            times: 1,
            effect: FaultEffect::Hold,
        });
        let _running: Vec<_> = (0..2).map(|place| services.start(place)).collect();
        services.ready(0).await;
        services.ready(1).await;
        services.upload(0..UPLOADS);
        let waiting = "SELECT count(DISTINCT instance) FROM actions
                       WHERE state = 'waiting' AND reason LIKE 'another action is creating%'";
        until(END_BOUND, "actions of both wait for the folder", async || {
            services.deployment.ask_store(waiting) == Some(2)
        })
        .await;
        services.deployment.portal.release_held_calls().await;
        services.check(UPLOADS).await;
        let portal = &services.deployment.portal;
        let created = portal.calls().into_iter().filter(|call| {
            call.method == "POST" && call.path.contains("/files/folder/")
        });
        let created = u64::try_from(created.count()).unwrap();
        assert_eq!(created, 2 * (2 + UPLOADS));
        let only = |parent: &FolderId, title: &str| {
            let below = portal.folders_in(parent);
            let titles: Vec<_> = below.iter().map(|it| portal.folder_title(it)).collect();
            assert_eq!(titles, [Some(title.to_owned())]);
            below.into_iter().next().unwrap()
        };
        let made = only(&only(made_in, "made"), "all");
        let made = portal.folders_in(&made).len();
        assert_eq!(u64::try_from(made).unwrap(), UPLOADS);
        let folder = only(&only(to, "sorted"), "Chris Client");
        let sorted = portal.folders_in(&folder);
        assert_eq!(u64::try_from(sorted.len()).unwrap(), UPLOADS);
        for folder in &sorted {
            assert_eq!(portal.file_count(folder), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_append_lines_to_one_file() {
    bounded(async {
        const UPLOADS: u64 = 20;

        let mut services = Services::new(2, Store::new()).await;
        let seed = services.deployment.portal.seed().clone();
        let (room, to) = (&seed.client_room, &seed.incoming_folder);
        let rules = format!(
            "[[rule]]\nname = \"log\"\ntriggers = [\"file.uploaded\"]\nroom = {room}\n\
             title = {{ prefix = \"plan\" }}\n\
             [[rule.action]]\nwrite = {{ to = {to}, title = \"log.csv\", line = [\"{{title}}\"] }}\n"
        );
        let file = services.deployment.store.folder().join("rules.toml");
        std::fs::write(&file, rules).unwrap();
        let file = file.to_str().unwrap().to_owned();
        services.deployment.variables.push(("RULES_FILE", file));
        let _running: Vec<_> = (0..2).map(|place| services.start(place)).collect();
        services.ready(0).await;
        services.ready(1).await;
        let portal = &services.deployment.portal;
        for number in 0..UPLOADS {
            let events = UploadEvents::CreatedAndUploaded;
            let title = format!("plan {number}.docx");
            portal.upload(room, &title, title.as_bytes(), events);
        }
        services.clock.outlast_calls(portal).await;
        services.deployment.all_done(END_BOUND).await;
        let files = portal.files_in(to);
        assert_eq!(files.len(), 1, "{files:?}");
        let content = String::from_utf8(files[0].content.clone()).unwrap();
        let content = content.trim_start_matches('\u{feff}');
        let written = content.lines().map(|line| line.split(',').next().unwrap());
        let mut written: Vec<&str> = written.collect();
        written.sort_unstable();
        let mut expected: Vec<String> = (0..UPLOADS)
            .map(|number| format!("\"plan {number}.docx\""))
            .collect();
        expected.sort();
        assert_eq!(written, expected);
        let by_both = "SELECT count(DISTINCT instance) FROM actions WHERE kind = 'write'";
        assert_eq!(services.deployment.ask_store(by_both), Some(2));
    })
    .await;
}
