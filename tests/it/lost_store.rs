//! A store whose files disappear while the service uses them: deliveries are refused instead of lost.

use std::path::PathBuf;

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::PortalSettings;
use serde_json::Value;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process};

/// A running service with one stored delivery, and a client that delivers to it.
struct Running {
    deployment: Deployment,
    service: Process,
    client: reqwest::Client,
}

impl Running {
    async fn start() -> Self {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let service = deployment.start();
        deployment.ready().await;
        let running = Self {
            deployment,
            service,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        assert_eq!(running.deliver(1).await, 200);
        running
    }

    /// Delivers an event of a room without rules; returns the status of the response.
    async fn deliver(&self, number: i64) -> u16 {
        let event = include_bytes!("../data/webhook/file.uploaded.other-room.json");
        let mut event: Value = serde_json::from_slice(event).unwrap();
        event["event"]["id"] = number.into();
        let body = event.to_string();
        let signature = WebhookSecret::new(self.deployment.portal.secret()).sign(body.as_bytes());
        let address = format!("http://{}/webhook", self.deployment.address);
        let request = self.client.post(address).body(body);
        let request = request.header("x-docspace-signature-256", signature);
        request.send().await.unwrap().status().as_u16()
    }

    fn file(&self, ending: &str) -> PathBuf {
        let path = self.deployment.store.path().display();
        PathBuf::from(format!("{path}{ending}"))
    }

    async fn is_refusing(&self) {
        assert_eq!(self.deliver(2).await, 503);
        let (status, reason) = self.deployment.operator_page("/readyz").await.unwrap();
        assert_eq!(status, 503);
        assert!(reason.contains("deleted or replaced"), "{reason}");
        let log = self.deployment.log();
        assert!(log.contains("was deleted or replaced while"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_refused_after_the_store_was_deleted_or_replaced() {
    bounded(async {
        let running = Running::start().await;
        let (store, aside) = (running.file(""), running.file(".aside"));
        std::fs::rename(&store, &aside).unwrap();
        running.is_refusing().await;
        assert!(!store.exists(), "nothing creates a store in its place");

        // Another store in its place is not the one that is open.
        std::fs::copy(&aside, &store).unwrap();
        running.is_refusing().await;

        // The original returns, and with it the service.
        std::fs::rename(&aside, &store).unwrap();
        assert_eq!(running.deliver(2).await, 200);
        running.deployment.ready().await;
        running.service.kill();
        let events = running.deployment.ask_store("SELECT count(*) FROM events");
        assert_eq!(events, Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_refused_after_the_latest_commits_were_deleted() {
    bounded(async {
        let mut running = Running::start().await;
        std::fs::remove_file(running.file("-wal")).unwrap();
        running.is_refusing().await;

        // What was accepted before is in the store even if the service is killed.
        running.service.kill();
        running.service = running.deployment.start();
        running.deployment.ready().await;
        assert_eq!(running.deliver(2).await, 200);
        let events = running.deployment.ask_store("SELECT count(*) FROM events");
        assert_eq!(events, Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_why_a_page_cannot_be_shown() {
    bounded(async {
        let running = Running::start().await;
        let decided = "SELECT count(*) FROM events WHERE state = 'decided'";
        until(STATE_BOUND, "the event is decided", async || {
            running.deployment.ask_store(decided) == Some(1)
        })
        .await;
        let store = rusqlite::Connection::open(running.file("")).unwrap();
        let rename = "ALTER TABLE decisions RENAME TO gone";
        store.execute_batch(rename).unwrap();
        for (number, page) in ["/events/1", "/api/events/1"].iter().enumerate() {
            let (status, _) = running.deployment.operator_page(page).await.unwrap();
            assert_eq!(status, 503, "{page}");
            // A thread of its own writes the log.
            until(STATE_BOUND, "the cause is logged", async || {
                let log = running.deployment.log();
                let lines = log.lines().filter(|line| {
                    line.contains("the admin listener cannot use the store")
                        && line.contains("no such table: decisions")
                });
                lines.count() == number + 1
            })
            .await;
        }
    })
    .await;
}
