//! `rehearse`: what a portal does otherwise than expected is found, and nothing is left on it.

use std::process::{Output, Stdio};
use std::time::Duration;

use docspace_sandbox::{
    Deviation, Fault, FaultEffect, FolderId, Portal, PortalSettings, UploadEvents,
};
use serde_json::Value;
use tokio_util::sync::DropGuard;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Process, binary, free_address};
use crate::scene::serve_portal;

/// What the claims about deliveries begin with, in the order of all claims.
const ABOUT_DELIVERIES: usize = 17;

/// A portal on which nothing else happens.
struct Stage {
    portal: Portal,
    host: String,
    rooms: Vec<FolderId>,
    _stop: DropGuard,
}

impl Stage {
    async fn new() -> Self {
        let settings = PortalSettings {
            operation_time: Duration::from_millis(1),
            retry_waits: vec![Duration::ZERO; 5],
            ..PortalSettings::default()
        };
        let (portal, host, stop) = serve_portal(settings).await;
        let rooms = portal.rooms();
        Self {
            portal,
            host,
            rooms,
            _stop: stop,
        }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = binary();
        command.args(["rehearse", "--json"]).args(arguments);
        command.env("DOCSPACE_API_HOST", &self.host);
        command.env("DOCSPACE_API_KEY", self.portal.api_key());
        command
    }

    /// Runs the command to its end.
    async fn rehearse(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        let ended = tokio::task::spawn_blocking(move || command.output());
        ended.await.unwrap().unwrap()
    }

    /// Rehearses with deliveries.
    async fn rehearse_all(&self, arguments: &[&str]) -> Output {
        let address = free_address().to_string();
        let url = format!("http://{address}/rehearsal");
        let mut all = vec!["--yes", "--url", &url, "--listen", &address];
        all.extend(arguments);
        self.rehearse(&all).await
    }

    /// Checks that the portal is as it was.
    fn is_as_before(&self) {
        assert_eq!(self.portal.rooms(), self.rooms);
        assert_eq!(self.portal.webhooks(), []);
        for room in &self.rooms {
            assert_eq!(self.portal.files_in(room), []);
        }
    }
}

fn result(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{errors}"))
}

/// The claims with this result.
fn claims(outcome: &Value, result: &str) -> Vec<String> {
    let verdicts = outcome["verdicts"].as_array().unwrap().iter();
    verdicts
        .filter(|verdict| verdict[1]["result"] == result)
        .map(|verdict| verdict[0].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_portal_as_expected_agrees_with_every_claim() {
    bounded(async {
        let stage = Stage::new().await;
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.md");
        let output = stage
            .rehearse_all(&["--report", report.to_str().unwrap()])
            .await;
        let outcome = result(&output);
        assert_eq!(claims(&outcome, "differs"), [""; 0], "{outcome:#}");
        assert_eq!(claims(&outcome, "not_tried"), [""; 0], "{outcome:#}");
        assert!(output.status.success());
        assert_eq!(outcome["version"], "3.7.2");
        stage.is_as_before();

        let report = std::fs::read_to_string(report).unwrap();
        assert!(
            report.contains("DocSpace 3.7.2: 28 claims agreed"),
            "{report}"
        );
        let seed = stage.portal.seed();
        for secret in [
            &stage.host,
            stage.portal.api_key(),
            &seed.service_account,
            seed.rooms_section.as_str(),
            "Docflow",
            "sandbox.example.test",
        ] {
            assert!(!report.contains(secret), "{secret}: {report}");
        }
    })
    .await;
}

#[tokio::test]
async fn exactly_what_is_broken_differs() {
    bounded(async {
        let stage = Stage::new().await;
        stage.portal.set_deviations(&[
            Deviation::LowerCaseSignatures,
            Deviation::LastingResults,
            Deviation::CopiesKeepTitles,
        ]);
        let output = stage.rehearse_all(&[]).await;
        let outcome = result(&output);
        assert_eq!(
            claims(&outcome, "differs"),
            [
                "The result of an operation can be read once.",
                "A duplicate copy gets a number in its title.",
                "Deliveries are signed over their raw bytes, in upper-case digits.",
            ],
            "{outcome:#}"
        );
        assert_eq!(claims(&outcome, "agreed").len(), 25, "{outcome:#}");
        assert_eq!(output.status.code(), Some(1));
        stage.is_as_before();

        stage.portal.set_deviations(&[Deviation::UncountedRetries]);
        let outcome = result(&stage.rehearse_all(&[]).await);
        let differing = claims(&outcome, "differs");
        assert_eq!(differing.len(), 1, "{outcome:#}");
        assert!(differing[0].contains("retryCount"), "{differing:?}");
        stage.is_as_before();
    })
    .await;
}

#[tokio::test]
async fn nothing_is_changed_without_consent() {
    bounded(async {
        let stage = Stage::new().await;
        let output = stage.rehearse(&[]).await;
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for words in ["Create the room", "Remove all of it", "--yes", &stage.host] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let calls = stage.portal.calls();
        assert!(calls.iter().all(|call| call.method == "GET"), "{calls:?}");
    })
    .await;
}

#[tokio::test]
async fn without_an_address_the_claims_about_deliveries_are_not_tried() {
    bounded(async {
        let stage = Stage::new().await;
        let outcome = result(&stage.rehearse(&["--yes"]).await);
        assert_eq!(
            claims(&outcome, "agreed").len(),
            ABOUT_DELIVERIES,
            "{outcome:#}"
        );
        assert_eq!(claims(&outcome, "differs"), [""; 0]);
        stage.is_as_before();
    })
    .await;
}

#[tokio::test]
async fn in_a_given_room_only_a_folder_is_used() {
    bounded(async {
        let stage = Stage::new().await;
        let room = stage.portal.seed().client_room.clone();
        let file = stage
            .portal
            .upload(&room, "plan.docx", b"plan", UploadEvents::None);
        let output = stage.rehearse(&["--yes", "--room", room.as_str()]).await;
        assert!(output.status.success(), "{:#}", result(&output));
        assert_eq!(stage.portal.rooms(), stage.rooms);
        let titles: Vec<_> = stage.portal.files_in(&room).into_iter().collect();
        assert_eq!(titles.len(), 1);
        assert_eq!(titles[0].id, file);
        let created = stage
            .portal
            .calls()
            .into_iter()
            .find(|it| it.method == "POST");
        assert_eq!(
            created.unwrap().path,
            format!("/api/2.0/files/folder/{room}")
        );
        assert_eq!(stage.portal.folders_in(&room).len(), 1, "the seed's folder");
    })
    .await;
}

/// Starts a rehearsal and kills it while it waits for its first move.
async fn kill_in_the_middle(stage: &Stage) {
    stage.portal.inject_fault(Fault {
        method: Some("PUT"),
        path_contains: "fileops/move",
        times: 1,
        effect: FaultEffect::Hang,
    });
    let address = free_address().to_string();
    let url = format!("http://{address}/rehearsal");
    let arguments = ["--yes", "--url", &url, "--listen", &address];
    let mut command = stage.command(&arguments);
    let process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    until(STATE_BOUND, "the rehearsal moves a file", async || {
        let calls = stage.portal.calls();
        calls.iter().any(|call| call.path.contains("fileops/move"))
    })
    .await;
    process.kill();
    assert_eq!(stage.portal.rooms().len(), stage.rooms.len() + 1);
    assert_eq!(stage.portal.webhooks().len(), 1);
}

#[tokio::test]
async fn what_a_killed_rehearsal_leaves_the_next_one_removes() {
    bounded(async {
        let stage = Stage::new().await;
        kill_in_the_middle(&stage).await;
        let output = stage.rehearse_all(&[]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            said.matches("which an earlier rehearsal left").count(),
            2,
            "{said}"
        );
        assert!(output.status.success(), "{:#}", result(&output));
        stage.is_as_before();
    })
    .await;
}

#[tokio::test]
async fn an_interrupted_rehearsal_cleans_up() {
    bounded(async {
        let stage = Stage::new().await;
        stage.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "fileops/move",
            times: 1,
            effect: FaultEffect::Hang,
        });
        let mut command = stage.command(&["--yes"]);
        let mut process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        until(STATE_BOUND, "the rehearsal moves a file", async || {
            let calls = stage.portal.calls();
            calls.iter().any(|call| call.path.contains("fileops/move"))
        })
        .await;
        process.terminate();
        assert_eq!(process.ended().await.code(), Some(1));
        stage.is_as_before();
    })
    .await;
}

#[tokio::test]
async fn a_room_with_a_file_of_somebody_else_is_not_removed() {
    bounded(async {
        let stage = Stage::new().await;
        kill_in_the_middle(&stage).await;
        let left = stage.portal.rooms();
        let room = left
            .iter()
            .find(|room| !stage.rooms.contains(room))
            .unwrap();
        let title = "rehearsal-of-the-choir.docx";
        stage.portal.upload(room, title, b"", UploadEvents::None);
        let before = stage.portal.calls_made();

        let output = stage.rehearse_all(&[]).await;
        assert_eq!(output.status.code(), Some(1));
        let outcome = result(&output);
        let reason = "something in it was not created by a rehearsal";
        assert_eq!(outcome["stopped"], reason, "{outcome:#}");
        assert_eq!(outcome["left"].as_array().unwrap().len(), 1, "{outcome:#}");
        assert_eq!(claims(&outcome, "not_tried").len(), 28);
        assert_eq!(stage.portal.rooms(), left);
        assert_eq!(stage.portal.files_in(room).len(), 1);
        let calls = stage.portal.calls().split_off(before);
        let writes = calls.iter().filter(|call| call.method != "GET");
        let changed: Vec<_> = writes.map(|call| call.path.as_str()).collect();
        assert!(
            changed
                .iter()
                .all(|path| path.contains("settings/webhook/")),
            "{changed:?}"
        );
    })
    .await;
}
