//! A store on a full file system: deliveries are refused instead of lost, and accepted once there is space.
//!
//! The file system is a small one in memory; the test needs the right to mount it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::{FolderId, Portal, PortalSettings, UploadEvents};
use serde_json::Value;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::Deployment;
use crate::store::Store;

/// Space for the store and some hundred deliveries.
const SIZE: &str = "size=2m";

/// The most deliveries that fit into the space that the store has already allocated.
const STILL_TAKEN: i64 = 500;

/// A small file system in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "courier-test"])
            .arg(folder.path())
            .output()
            .expect("this test needs the program mount");
        assert!(
            mounted.status.success(),
            "this test needs the right to mount a file system (run it as root): {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Fills the space that is left.
    fn fill(&self) {
        let mut filler = File::options()
            .create(true)
            .append(true)
            .open(self.filler())
            .unwrap();
        while filler.write_all(&[0; 1024]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The unmount is lazy, because the service may still have its files open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Delivers events of a room without rules, each with its own id.
struct Sender {
    client: reqwest::Client,
    address: String,
    secret: WebhookSecret,
    event: Value,
}

impl Sender {
    fn new(deployment: &Deployment) -> Self {
        let event = include_bytes!("../data/webhook/file.uploaded.other-room.json");
        Self {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            address: format!("http://{}/webhook", deployment.address),
            secret: WebhookSecret::new(deployment.portal.secret()),
            event: serde_json::from_slice(event).unwrap(),
        }
    }

    async fn deliver(&self, number: i64) -> reqwest::Response {
        let mut event = self.event.clone();
        event["event"]["id"] = number.into();
        let body = event.to_string();
        self.client
            .post(&self.address)
            .header(
                "x-docspace-signature-256",
                self.secret.sign(body.as_bytes()),
            )
            .body(body)
            .send()
            .await
            .unwrap()
    }
}

async fn readiness(deployment: &Deployment) -> u16 {
    let (status, _) = deployment.operator_page("/readyz").await.unwrap();
    status
}

fn titles_in(portal: &Portal, folder: &FolderId) -> Vec<String> {
    let files = portal.files_in(folder);
    files.into_iter().map(|file| file.title).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_refused_while_the_disk_is_full_and_accepted_afterwards() {
    bounded(async {
        let disk = Disk::mount();
        let deployment = Deployment::with_store(
            PortalSettings {
                operation_time: Duration::from_millis(500),
                retry_waits: vec![Duration::from_millis(200); 300],
                ..PortalSettings::default()
            },
            Store::at(disk.path().join("courier.db")),
        )
        .await;
        let (portal, seed) = (&deployment.portal, deployment.portal.seed());
        let sender = Sender::new(&deployment);
        let service = deployment.start();
        deployment.ready().await;

        // The disk fills up while the portal runs a copy.
        portal.upload(
            &seed.client_room,
            "before.docx",
            b"before",
            UploadEvents::Uploaded,
        );
        until(STATE_BOUND, "the copy is under way", async || {
            let calls = portal.calls();
            calls
                .iter()
                .any(|call| call.method == "GET" && call.path.contains("fileops?id="))
        })
        .await;
        disk.fill();

        // The space that the store has already allocated may take some more deliveries.
        let mut taken = Vec::new();
        let mut refused = None;
        for number in 1..=STILL_TAKEN {
            let answer = sender.deliver(number).await;
            if answer.status() == 200 {
                taken.push(number);
            } else {
                refused = Some((number, answer));
                break;
            }
            disk.fill();
        }
        let (refused_number, refusal) = refused.expect("a delivery is refused");
        assert_eq!(refusal.status(), 503);
        assert!(refusal.headers().contains_key("retry-after"));
        until(STATE_BOUND, "the service is not ready", async || {
            disk.fill();
            readiness(&deployment).await == 503
        })
        .await;
        assert_eq!(sender.deliver(refused_number).await.status(), 503);

        portal.upload(
            &seed.client_room,
            "while-full.docx",
            b"while full",
            UploadEvents::Uploaded,
        );
        until(
            STATE_BOUND,
            "the portal's delivery is refused",
            async || portal.log().iter().any(|row| row.attempts > 1),
        )
        .await;
        portal.wait_for_operations().await;

        disk.free();
        assert_eq!(sender.deliver(refused_number).await.status(), 200);
        assert_eq!(readiness(&deployment).await, 200);
        taken.push(refused_number);
        deployment.all_done(STATE_BOUND).await;
        service.kill();

        for number in taken {
            let stored = format!("SELECT count(*) FROM events WHERE event_id = {number}");
            assert_eq!(deployment.ask_store(&stored), Some(1), "event {number}");
        }
        let mut titles = titles_in(portal, &seed.internal_folder);
        titles.sort();
        assert_eq!(titles, ["before.docx", "while-full.docx"]);
    })
    .await;
}
