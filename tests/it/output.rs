//! What commands print: to a pipe that is closed, and with or without colours.

use std::process::{Command, Stdio};

use docspace_sandbox::{PortalSettings, UploadEvents};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process, binary, free_address};

/// Replaces a stream by a pipe that nothing reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Runs a command with its output to `/dev/null`, then with closed pipes; both must end in the same way.
async fn check(mut command: Command, arguments: &[&str]) {
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let expected = Process::spawn(&mut command).ended().await;
    assert!(
        matches!(expected.code(), Some(0..=2)),
        "{arguments:?}: {expected}"
    );
    for (stdout, stderr) in [(closed(), Stdio::null()), (closed(), closed())] {
        let mut process = Process::spawn(command.stdout(stdout).stderr(stderr));
        let ended = process.ended().await;
        assert_eq!(ended.code(), expected.code(), "{arguments:?}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_pipe_changes_nothing() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let service = deployment.start();
        deployment.ready().await;
        let seed = deployment.portal.seed().clone();
        deployment.portal.upload(
            &seed.client_room,
            "plan.docx",
            b"plan",
            UploadEvents::Uploaded,
        );
        deployment.all_done(STATE_BOUND).await;
        let fixture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/webhook/user.created.json"
        );
        let url = format!("http://{}/webhook", deployment.address);
        let store_copy = ["store", "copy", "--to", "sqlite://other.db"];
        let commands: [&[&str]; 21] = [
            &["--help"],
            &["--version"],
            &["no-such-command"],
            &["catch-up"],
            &["catch-up", "--json"],
            &["check"],
            &["check", "--json"],
            &["check", "--url", "nonsense"],
            &["events", "list"],
            &["events", "show", "1"],
            &["events", "show", "99"],
            &["events", "replay", "1"],
            &["events", "discard", "--dead", "--all"],
            &["health"],
            &["register", "--url", &url],
            &["rooms", "--folders"],
            &["rules"],
            &["rules", "explain", "1"],
            &["rules", "try"],
            &["send", fixture, "--to", &url],
            &store_copy,
        ];
        for arguments in commands {
            let mut command = binary();
            command.envs(deployment.variables.iter().cloned());
            check(command, arguments).await;
        }
        service.kill();
        // A configuration that is not valid, and a service that is not running.
        check(binary(), &["rooms"]).await;
        check(binary(), &["health"]).await;
        check(binary(), &["demo"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_with_a_closed_pipe_serves() {
    bounded(async {
        let address = free_address();
        let mut command = binary();
        command.args(["sandbox", "--listen", &address.to_string()]);
        let mut sandbox = Process::spawn(command.stdout(closed()).stderr(closed()));
        until(STATE_BOUND, "the sandbox responds", async || {
            let response = reqwest::get(format!("http://{address}/")).await;
            response.is_ok_and(|response| response.status().is_success())
        })
        .await;
        sandbox.terminate();
        assert_eq!(sandbox.ended().await.code(), Some(0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_can_be_requested_and_refused() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        for (variables, coloured) in [
            (&[][..], false),
            (&[("CLICOLOR_FORCE", "1")], true),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ] {
            let mut command = binary();
            command
                .arg("rooms")
                .envs(deployment.variables.iter().cloned())
                .envs(variables.iter().copied());
            let output = tokio::task::spawn_blocking(move || command.output().unwrap());
            let text = String::from_utf8(output.await.unwrap().stdout).unwrap();
            assert_eq!(text.contains('\u{1b}'), coloured, "{variables:?}: {text}");
        }
    })
    .await;
}
