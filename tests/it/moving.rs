//! `store copy`: copies a store from a file into a database, with all work that waits.

use std::process::{Command, Output};

use docspace_sandbox::{PortalSettings, UploadEvents};
use rusqlite::types::Value as Cell;
use serde_json::json;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, PortalClock, binary};

const UPLOADS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_work_is_copied_to_the_database_and_done_there() {
    bounded(async {
        let clock = PortalClock::default();
        let settings = PortalSettings {
            time: clock.source(),
            ..PortalSettings::default()
        };
        let deployment = Deployment::new(settings).await;
        let file = deployment.store.folder().join("courier.db");
        let in_file = [("DATABASE_URL", format!("sqlite://{}", file.display()))];
        let copy = |more: &[&str]| -> Output {
            let mut copy: Command = binary();
            copy.args(["store", "copy", "--to", &deployment.store.url()]);
            copy.args(more).envs(in_file.clone()).output().unwrap()
        };
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said(&copy(&[])).contains("there is no store"));

        // One upload is done, the others wait for a portal that is down; one of them is in a subfolder.
        let (portal, seed) = (&deployment.portal, deployment.portal.seed());
        let upload = |number: usize| {
            let folder = if number == 1 {
                &seed.client_subfolder
            } else {
                &seed.client_room
            };
            let (title, content) = (format!("plan {number}.docx"), number.to_string());
            portal.upload(folder, &title, content.as_bytes(), UploadEvents::Uploaded);
        };
        let mut service = deployment.start_with(&in_file);
        deployment.ready().await;
        upload(0);
        until(STATE_BOUND, "the first is copied", async || {
            portal.files_in(&seed.internal_folder).len() == 1
        })
        .await;
        portal.wait_for_deliveries().await;
        portal.set_down(true);
        (1..UPLOADS).for_each(upload);
        portal.wait_for_deliveries().await;
        assert!(said(&copy(&[])).contains("another docspace-courier is working"));
        service.terminate();
        assert!(service.ended().await.success());

        let copied = copy(&["--json"]);
        assert!(copied.status.success(), "{}", said(&copied));
        let counts: serde_json::Value = serde_json::from_slice(&copied.stdout).unwrap();
        let of = |table: &str| {
            let mut counts = counts.as_array().unwrap().iter();
            counts
                .find(|count| count["table"] == table)
                .unwrap()
                .clone()
        };
        let events = UPLOADS + 1;
        assert_eq!(
            of("events"),
            json!({ "table": "events", "from": events, "to": events })
        );
        assert_eq!(of("actions")["from"], of("actions")["to"]);
        assert!(of("actions")["to"].as_i64().unwrap() > 1);
        assert!(said(&copy(&[])).contains("not empty"));

        portal.set_down(false);
        // Calls that the portal dropped when it went down may be under way for a while.
        clock.outlast_calls(portal).await;
        let service = deployment.start();
        deployment.ready().await;
        upload(UPLOADS);
        deployment.all_done(STATE_BOUND).await;
        let ids = deployment.store.ask("SELECT max(id) FROM events").unwrap();
        assert!(matches!(ids[..], [Cell::Integer(id)] if id > i64::try_from(events).unwrap()));
        let mut contents: Vec<usize> = portal
            .files_in(&seed.internal_folder)
            .iter()
            .map(|file| String::from_utf8_lossy(&file.content).parse().unwrap())
            .collect();
        contents.sort_unstable();
        assert_eq!(contents, (0..=UPLOADS).collect::<Vec<_>>());
        service.kill();
    })
    .await;
}
