//! The log of the real binary: both formats, and a log that nobody reads.

use std::io::{BufRead as _, BufReader, PipeReader, Read as _};

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::{PortalSettings, UploadEvents};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process, free_address};

/// A trigger that matches no rule.
const TRIGGER: &str = "user.created";

/// How many deliveries are made at the same time to fill the log: they share commits to the store.
const LANES: u64 = 64;

/// Everything the service logs about one upload.
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
    deployment.all_done(STATE_BOUND).await;
    service.terminate();
    assert!(service.ended().await.success());
    deployment.log()
}

/// What the service logs when it cannot reach the portal.
async fn log_of_a_failed_catch_up(format: &str) -> String {
    let mut deployment = Deployment::new(PortalSettings::default()).await;
    let closed_port = format!("http://{}", free_address());
    deployment.variables.extend([
        ("LOG_FORMAT", format.to_owned()),
        ("DOCSPACE_API_HOST", closed_port),
    ]);
    let mut service = deployment.start();
    until(STATE_BOUND, "the failure is logged", async || {
        deployment.log().contains("catching up failed")
    })
    .await;
    service.terminate();
    assert!(service.ended().await.success());
    deployment.log()
}

#[tokio::test]
async fn json_has_one_object_per_line() {
    bounded(async {
        let log = log_of_an_upload("json").await;
        let lines: Vec<Value> = log
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
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
    })
    .await;
}

#[tokio::test]
async fn text_has_the_same_field_names() {
    bounded(async {
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
    })
    .await;
}

#[tokio::test]
async fn json_includes_every_cause_of_an_error() {
    bounded(async {
        let log = log_of_a_failed_catch_up("json").await;
        let failed = log.lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let message = line["message"].as_str().unwrap();
            message.contains("catching up failed").then_some(line)
        });
        let error = failed.unwrap()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("the portal did not answer"), "{error}");
        assert!(error.contains("Connection refused"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn text_includes_every_cause_of_an_error() {
    bounded(async {
        let log = log_of_a_failed_catch_up("text").await;
        let failed = log.lines().find(|line| line.contains("catching up failed"));
        let line = failed.unwrap();
        assert!(line.contains("the portal did not answer"), "{line}");
        assert!(line.contains("Connection refused"), "{line}");
    })
    .await;
}

/// A service whose standard output and error are one pipe, as with `serve 2>&1 | less`.
async fn start_with_pipe(deployment: &Deployment) -> (Process, PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = deployment.command();
    // At this level, each rule logs why it ignores an event: more lines fill the pipe sooner.
    command.env("RUST_LOG", "docspace_courier=debug");
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let service = Process::spawn(&mut command);
    drop(command);
    deployment.ready().await;
    (service, reader)
}

/// Posts deliveries that match no rule; each must be acknowledged, in a bounded time. The service logs the
/// trigger of each.
async fn deliver(deployment: &Deployment, ids: std::ops::Range<u64>, trigger: &str) {
    // On a busy machine, the service may close a kept connection as idle just when it is used again.
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0);
    let client = client.timeout(STATE_BOUND).build().unwrap();
    let secret = WebhookSecret::new(deployment.portal.secret());
    for id in ids {
        let body = json!({ "event": { "id": id, "trigger": trigger } }).to_string();
        let response = client
            .post(format!("http://{}/webhook", deployment.address))
            .header("x-docspace-signature-256", secret.sign(body.as_bytes()))
            .body(body)
            .send();
        assert_eq!(response.await.unwrap().status(), 200, "delivery {id}");
    }
}

/// How many lines the service says it dropped.
async fn dropped_lines(deployment: &Deployment) -> u64 {
    let (_, metrics) = deployment.operator_page("/metrics").await.unwrap();
    let name = "courier_log_lines_dropped_total ";
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.expect(&metrics).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_log_stops_neither_deliveries_nor_signals() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let (mut service, reader) = start_with_pipe(&deployment).await;
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains("receiving deliveries")));
        drop(lines);
        deliver(&deployment, 1..20, TRIGGER).await;
        deployment.all_done(STATE_BOUND).await;
        assert!(dropped_lines(&deployment).await > 0);
        service.terminate();
        assert!(service.ended().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_on_a_full_disk_stops_neither_deliveries_nor_signals() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = deployment.command();
        let mut service = Process::spawn(command.stderr(full.unwrap()));
        deployment.ready().await;
        deliver(&deployment, 1..20, TRIGGER).await;
        deployment.all_done(STATE_BOUND).await;
        service.terminate();
        assert!(service.ended().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_read_stops_neither_deliveries_nor_signals() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let (mut service, _unread) = start_with_pipe(&deployment).await;
        let delivered = deliver_until_lines_are_dropped(&deployment).await;
        deliver(&deployment, delivered..delivered + 100, TRIGGER).await;
        deployment.all_done(STATE_BOUND).await;
        service.terminate();
        assert!(service.ended().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_read_again_says_how_much_is_missing() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let (mut service, mut reader) = start_with_pipe(&deployment).await;
        let delivered = deliver_until_lines_are_dropped(&deployment).await;
        let reading = std::thread::spawn(move || {
            let mut log = String::new();
            reader.read_to_string(&mut log).unwrap();
            log
        });
        // The service logs more while the pipe is drained.
        deliver(&deployment, delivered..delivered + 100, TRIGGER).await;
        service.terminate();
        assert!(service.ended().await.success());
        let log = reading.join().unwrap();
        let dropped: u64 = log
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line)
                    .unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .filter(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("log lines were dropped"))
            })
            .map(|line| line["lines"].as_u64().unwrap())
            .sum();
        assert!(dropped > 0);
        assert!(log.contains("\"stopped\""), "the last lines are written");
    })
    .await;
}

/// Fills the pipe and the service's queue of lines. Returns the first id not yet delivered.
async fn deliver_until_lines_are_dropped(deployment: &Deployment) -> u64 {
    // As long as what the log shows of a trigger.
    let trigger = "x".repeat(500);
    let mut next = 1;
    until(STATE_BOUND, "lines are dropped", async || {
        let deliveries = (0..LANES).map(|lane| {
            let first = next + lane * 10;
            deliver(deployment, first..first + 10, &trigger)
        });
        join_all(deliveries).await;
        next += LANES * 10;
        dropped_lines(deployment).await > 0
    })
    .await;
    next
}
