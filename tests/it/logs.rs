//! The log of the real binary: one line per thing that happened, for people and for machines, with the
//! same names for the same things.

use std::time::Duration;

use docspace_sandbox::{PortalSettings, UploadEvents};
use serde_json::Value;

use crate::process::Deployment;

const BOUND: Duration = Duration::from_mins(1);

/// What the service logs about one upload, from its start to its end.
async fn log_of_an_upload(format: &str) -> String {
    let mut deployment = Deployment::new(PortalSettings::default()).await;
    deployment.variables.push(("LOG_FORMAT", format.to_owned()));
    let mut service = deployment.start();
    deployment.ready().await;
    let portal = &deployment.portal;
    let room = portal.seed().client_room.clone();
    portal.upload(
        &room,
        "a private title.docx",
        b"text",
        UploadEvents::Uploaded,
    );
    deployment.all_done(BOUND).await;
    service.terminate();
    assert!(service.ended().await.success());
    deployment.log()
}

#[tokio::test]
async fn machines_read_one_object_a_line() {
    let log = log_of_an_upload("json").await;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let find = |message: &str| {
        let found = lines.iter().find(|line| line["message"] == message);
        found.unwrap_or_else(|| panic!("{message}: {log}"))
    };
    let accepted = find("accepted a delivery");
    assert_eq!(accepted["level"], "INFO");
    assert_eq!(accepted["event.trigger"], "file.uploaded");
    let attempt = &find("done")["span"];
    assert_eq!(attempt["event.id"], accepted["event.id"]);
    assert_eq!(attempt["rule.name"], "copy");
    assert_eq!(attempt["action.kind"], "copy");
    assert_eq!(attempt["action.id"], 1);
    assert_eq!(attempt["attempt"], 1);
    assert!(!log.contains("private title"), "{log}");
}

#[tokio::test]
async fn people_read_the_same_names() {
    let log = log_of_an_upload("text").await;
    for (message, fields) in [
        (
            "accepted a delivery",
            &["event.id=1", r#"event.trigger="file.uploaded""#][..],
        ),
        ("planned: ", &["event.id=1", "rule.name="]),
        (
            "done",
            &[
                "event.id=1",
                "rule.name=",
                "action.id=1",
                "action.kind=",
                "attempt=1",
            ],
        ),
    ] {
        let line = log.lines().find(|line| line.contains(message));
        let line = line.unwrap_or_else(|| panic!("{message}: {log}"));
        for field in fields {
            assert!(line.contains(field), "{field}: {line}");
        }
    }
    assert!(!log.contains("private title"), "{log}");
}
