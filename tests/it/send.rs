//! `send`: sends a delivery as DocSpace does.

use std::io::Write as _;
use std::process::{Output, Stdio};

use axum::Router;
use axum::http::StatusCode;
use docspace_courier::db::Sql;
use docspace_courier::server;
use docspace_sandbox::UploadEvents;
use tokio_util::sync::CancellationToken;

use crate::check::Variables;
use crate::process::binary;
use crate::scene::{Leftover, Scene, scenario};

pub const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/webhook/file.uploaded.json"
);

impl Scene {
    fn send(&self, file: &str, arguments: &[&str]) -> Output {
        let mut command = binary();
        command
            .args(["send", file, "--to", &self.address])
            .args(arguments)
            .env("DOCSPACE_WEBHOOK_SECRET", self.portal.secret())
            .output()
            .unwrap()
    }

    async fn count_events(&self) -> i64 {
        let count = |sql: &Sql| sql.query_one("SELECT count(*) FROM events", &[], |row| row.get(0));
        self.db.read(count).await.unwrap()
    }
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sent_delivery_is_stored() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 3);
        let output = scene.send(FIXTURE, &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = printed(&output);
        assert!(text.starts_with("200 OK after "), "{text}");
        assert!(text.contains(r#"{"status":"accepted"}"#), "{text}");
        assert_eq!(scene.count_events().await, 1);

        let again = scene.send(FIXTURE, &["--json"]);
        let answered: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(answered["status"], 200);
        assert_eq!(answered["answer"], r#"{"status":"duplicate"}"#);
        assert_eq!(scene.count_events().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_is_never_reached_through_a_proxy() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 3);
        let proxy = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = proxy.local_addr().unwrap();
        let forbidden = Router::new().fallback(async || StatusCode::FORBIDDEN);
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(proxy, forbidden, stop.clone()));
        let run = |arguments: &[&str]| {
            let mut command = binary();
            let proxy = format!("http://me:hunter2@{address}");
            let command = command.args(arguments).envs(Variables::of(scene).0);
            command.env("http_proxy", proxy).output().unwrap()
        };

        let output = run(&["send", FIXTURE, "--to", &scene.address]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let output = run(&["rooms"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let output = run(&["send", FIXTURE, "--to", "http://receiver.example/webhook"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = printed(&output);
        assert!(text.starts_with("403 Forbidden"), "{text}");
        assert!(
            text.contains(&format!("through the proxy {address}\n")),
            "{text}"
        );

        // All addresses of this machine, which are no loopback addresses.
        let everywhere = scene.address.replace("127.0.0.1", "0.0.0.0");
        let mut command = binary();
        let command = command.args(["send", FIXTURE, "--to", &everywhere]);
        let command = command.envs(Variables::of(scene).0).env("NO_PROXY", "*");
        let output = command
            .env("http_proxy", format!("http://{address}"))
            .output();
        assert_eq!(output.unwrap().status.code(), Some(0));
        stop.cancel();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_of_the_portal_can_be_sent_again_from_standard_input() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        let room = &scene.client_room;
        scene
            .portal
            .upload(room, "plan.docx", b"plan", UploadEvents::Uploaded);
        scene.portal.wait_for_deliveries().await;
        let mut command = binary();
        let mut child = command
            .args([
                "send",
                "-",
                "--to",
                &scene.address,
                "--secret",
                scene.portal.secret(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let body = scene.portal.log()[0].body.clone();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(body.as_bytes())
            .unwrap();
        let text = printed(&child.wait_with_output().unwrap());
        assert!(text.contains("duplicate"), "{text}");
        assert_eq!(scene.count_events().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_or_missing_secret_is_refused() {
    scenario(async |scene| {
        for arguments in [&["--secret", "Another-Secret-2"][..], &["--unsigned"]] {
            let output = scene.send(FIXTURE, arguments);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let text = printed(&output);
            assert!(text.starts_with("401 Unauthorized after "), "{text}");
        }
        assert_eq!(scene.count_events().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_and_an_unreachable_receiver_have_different_exit_codes() {
    scenario(async |scene| {
        let folder = tempfile::tempdir().unwrap();
        let no_json = folder.path().join("letter.txt");
        std::fs::write(&no_json, "Dear all").unwrap();
        let output = scene.send(no_json.to_str().unwrap(), &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert_eq!(scene.send("/no/such/file", &[]).status.code(), Some(2));

        let mut command = binary();
        let no_secret = command.args(["send", FIXTURE, "--to", &scene.address]);
        assert_eq!(no_secret.output().unwrap().status.code(), Some(2));

        scene.stop_receiving().await;
        let output = scene.send(FIXTURE, &[]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("does not respond"), "{text}");
    })
    .await;
}
