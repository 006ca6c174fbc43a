//! The most common mistake, repaired as the documents say: a mistyped folder makes dead letters; it is corrected,
//! `check` passes, and one replay copies every file once, even if the service is killed meanwhile.

use std::process::Output;
use std::time::Duration;

use docspace_sandbox::{PortalSettings, UploadEvents};

use crate::bounds::{STATE_BOUND, bounded_by, until};
use crate::process::{Deployment, PortalClock, Process, binary};

/// More than one call takes.
const UPLOADS: usize = 120;

const FOLDER: &str = "INTERNAL_PROCESSING_FOLDER_ID";

/// The longest that the test may take.
const BOUND: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_folder_is_repaired_by_one_replay() {
    bounded_by(BOUND, repaired(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_folder_is_repaired_by_one_replay_in_spite_of_a_kill() {
    bounded_by(BOUND, repaired(true)).await;
}

async fn repaired(is_killed: bool) {
    let clock = PortalClock::default();
    let mut deployment = Deployment::new(PortalSettings {
        time: clock.source(),
        operation_time: Duration::from_millis(200),
        ..PortalSettings::default()
    })
    .await;
    let right = deployment.portal.seed().internal_folder.to_string();
    set_folder(&mut deployment, "424242");
    let service = deployment.start();
    deployment.ready().await;
    let checked = deployment.check().output().unwrap();
    assert!(!checked.status.success(), "{checked:?}");
    assert!(text(&checked).contains("424242"), "{checked:?}");
    let portal = deployment.portal.clone();
    for number in 0..UPLOADS {
        let title = format!("plan {number}.docx");
        let room = &portal.seed().client_room;
        portal.upload(room, &title, title.as_bytes(), UploadEvents::Uploaded);
    }
    until(STATE_BOUND, "all are dead letters", async || {
        let dead = "SELECT count(*) FROM actions WHERE state = 'dead'";
        deployment.ask_store(dead) == i64::try_from(UPLOADS).ok()
    })
    .await;
    service.kill();

    set_folder(&mut deployment, &right);
    let mut service = deployment.start();
    deployment.ready().await;
    let checked = deployment.check().output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let arguments = ["events", "replay", "--dead", "--all"];
    let replay = run(&deployment, &arguments);
    assert!(replay.status.success(), "{replay:?}");
    if is_killed {
        until(STATE_BOUND, "a copy was asked for", async || {
            let copies = portal.calls();
            copies.iter().any(|call| call.method == "PUT")
        })
        .await;
        service = kill_and_restart(&deployment, &clock, service).await;
    }
    deployment.all_done(BOUND).await;
    service.kill();
    let mut copied: Vec<String> = portal
        .files_in(&portal.seed().internal_folder)
        .into_iter()
        .map(|file| String::from_utf8(file.content).unwrap())
        .collect();
    copied.sort();
    let mut uploaded: Vec<String> = (0..UPLOADS).map(|n| format!("plan {n}.docx")).collect();
    uploaded.sort();
    assert_eq!(copied, uploaded, "every file is copied once");
}

async fn kill_and_restart(
    deployment: &Deployment,
    clock: &PortalClock,
    service: Process,
) -> Process {
    service.kill();
    clock.outlast_calls(&deployment.portal).await;
    deployment.start()
}

fn set_folder(deployment: &mut Deployment, folder: &str) {
    let variable = deployment.variables.iter_mut();
    let mut variable = variable.filter(|(name, _)| *name == FOLDER);
    folder.clone_into(&mut variable.next().unwrap().1);
}

fn run(deployment: &Deployment, arguments: &[&str]) -> Output {
    let mut command = binary();
    command
        .args(arguments)
        .envs(deployment.variables.iter().cloned());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
