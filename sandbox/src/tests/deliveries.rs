//! Deliveries: bytes, signatures, retries, and what disables a webhook.

use bytes::Bytes;

use super::*;
use crate::body::{self, Retry};
use crate::event::Event;
use crate::storage::NewFile;
use crate::user::User;
use crate::webhook::{Webhook, WebhookConfig};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The event of an upload of file number `id`, and the webhook that subscribes to it.
fn upload(id: i64, title: &str, on: &str) -> (Event, Webhook) {
    let portal = Portal::new(PortalSettings {
        time: TestClock::new(on).source(),
        ..PortalSettings::default()
    });
    let webhook = portal.add_webhook("https://hooks.example.test/docspace", &DEFAULT_TRIGGERS);
    let room = portal.seed().client_room.clone();
    let mut state = portal.state();
    let file = loop {
        let new = NewFile {
            folder: room.clone(),
            title: title.to_owned(),
            content: Bytes::new(),
            by: User::Client,
        };
        let file = state.storage.add_file(new, portal.now());
        if file == FileId::from(id) {
            break file;
        }
    };
    state.publish_file("file.uploaded", &file, User::Client, portal.now());
    let event = state.webhooks.rows().next().unwrap().event.clone();
    (event, state.webhooks.get(webhook).unwrap().clone())
}

#[test]
fn a_body_has_the_recorded_bytes() {
    let (event, webhook) = upload(1_482_901, "Invoice-2026-0311.pdf", "2026-03-02T09:14:31Z");
    assert_eq!(
        body::write(Some(EventId(902_341)), &event, &webhook, None),
        include_str!("../../../tests/data/webhook/file.uploaded.json")
    );
    let succeeded = Webhook {
        last_success: Some(time("2026-03-02T08:59:07Z")),
        ..webhook
    };
    let retry = Retry {
        count: 1,
        on: time("2026-03-02T09:14:34Z"),
        last_failure_on: time("2026-03-02T09:14:33Z"),
        last_failure: "Response status code does not indicate success: 503 (Service Unavailable)."
            .to_owned(),
    };
    assert_eq!(
        body::write(Some(EventId(902_341)), &event, &succeeded, Some(&retry)),
        include_str!("../../../tests/data/webhook/file.uploaded.retry1.json")
    );
}

#[test]
fn a_body_is_escaped_like_the_recorded_one() {
    let title = "Рахунок №42 — Müller & Söhne's März.pdf";
    let (event, webhook) = upload(1_482_911, title, "2026-03-02T09:20:05Z");
    let config = WebhookConfig {
        name: r#"receiver "A" + B"#.to_owned(),
        url: "https://hooks.example.test/docspace?src=a+b&x=1".to_owned(),
        ..webhook.config
    };
    let webhook = Webhook { config, ..webhook };
    assert_eq!(
        body::write(Some(EventId(902_344)), &event, &webhook, None),
        include_str!("../../../tests/data/webhook/file.uploaded.escaped.json")
    );
}

#[tokio::test]
async fn a_delivery_has_docspaces_headers_and_a_signature() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let portal = Portal::new(PortalSettings::default());
    portal.add_webhook(&url, &["file.uploaded"]);
    portal.upload(
        &portal.seed().client_room,
        "Größe.pdf",
        b"1",
        UploadEvents::CreatedAndUploaded,
    );
    portal.wait_for_deliveries().await;

    let deliveries = receiver.deliveries.lock().unwrap().clone();
    let [(headers, body)] = &deliveries[..] else {
        panic!("{deliveries:?}")
    };
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(headers["accept"], "*/*");
    assert_eq!(headers["content-length"], body.len().to_string().as_str());
    assert!(!headers.contains_key("user-agent"));
    assert_eq!(
        headers[SIGNATURE_HEADER],
        sign(portal.secret(), body.as_bytes())
    );
    assert!(body.is_ascii(), "{body}");

    let [row] = &portal.log()[..] else { panic!() };
    assert_eq!((row.status, row.attempts, row.delivered), (200, 1, true));
    assert_eq!(row.body, *body);
}

#[tokio::test]
async fn a_simple_upload_raises_two_events() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let portal = Portal::new(PortalSettings::default());
    portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::CreatedAndUploaded,
    );
    portal.upload(
        &portal.seed().client_room,
        "b.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.upload(
        &portal.seed().client_room,
        "c.pdf",
        b"1",
        UploadEvents::None,
    );
    portal.wait_for_deliveries().await;
    let mut delivered: Vec<_> = receiver
        .bodies()
        .iter()
        .map(|body| {
            let trigger = body["event"]["trigger"].as_str().unwrap().to_owned();
            (body["event"]["id"].as_i64().unwrap(), trigger)
        })
        .collect();
    delivered.sort();
    let expected = [
        (902_341, "file.created".to_owned()),
        (902_342, "file.uploaded".to_owned()),
        (902_343, "file.uploaded".to_owned()),
    ];
    assert_eq!(delivered, expected);
}

#[tokio::test]
async fn retries_keep_the_event_and_change_the_body() {
    let (receiver, url) = Receiver::responding(&[503, 302]).await;
    let portal = Portal::new(immediate_retries());
    portal.add_webhook(&url, &["file.uploaded"]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;

    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 3);
    for body in &bodies {
        assert_eq!(body["event"], bodies[0]["event"]);
        assert_eq!(body["payload"], bodies[0]["payload"]);
    }
    let counts: Vec<_> = bodies
        .iter()
        .map(|body| body["webhook"]["retryCount"].clone())
        .collect();
    assert_eq!(counts, [Value::Null, json!(1), json!(2)]);
    assert_eq!(
        bodies[2]["webhook"]["lastFailureContent"],
        "Response status code does not indicate success: 302 (Found)."
    );
    let deliveries = receiver.deliveries.lock().unwrap().clone();
    for (headers, body) in &deliveries {
        assert_eq!(
            headers[SIGNATURE_HEADER],
            sign(portal.secret(), body.as_bytes())
        );
    }
    assert_ne!(
        deliveries[0].0[SIGNATURE_HEADER],
        deliveries[1].0[SIGNATURE_HEADER]
    );
    assert_eq!(portal.log()[0].attempts, 3);
}

#[tokio::test]
async fn a_delivery_has_six_attempts() {
    let (receiver, url) = Receiver::responding(&[500; 10]).await;
    let portal = Portal::new(immediate_retries());
    let webhook = portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    assert_eq!(receiver.bodies().len(), 6);
    let row = portal.log()[0].clone();
    assert_eq!((row.status, row.attempts, row.delivered), (500, 6, false));
    assert!(portal.state().webhooks.get(webhook).unwrap().config.enabled);
}

#[tokio::test]
async fn without_a_receiver_the_status_is_zero() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let portal = Portal::new(immediate_retries());
    portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    let row = portal.log()[0].clone();
    assert_eq!((row.status, row.attempts, row.delivered), (0, 6, false));
}

#[tokio::test]
async fn status_410_deletes_the_webhook_only_in_the_last_attempt() {
    let (_, kept) = Receiver::responding(&[410; 5]).await;
    let (_, deleted) = Receiver::responding(&[410; 6]).await;
    let portal = Portal::new(immediate_retries());
    let kept = portal.add_webhook(&kept, &[]);
    let deleted = portal.add_webhook(&deleted, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    let rows: Vec<_> = portal.log().iter().map(|row| row.webhook).collect();
    assert_eq!(rows, [kept]);
    assert!(portal.state().webhooks.get(deleted).is_none());
}

#[tokio::test]
async fn a_failure_disables_a_webhook_without_success_for_three_days() {
    let (_, url) = Receiver::responding(&[503; 6]).await;
    let clock = TestClock::new("2026-03-02T09:00:00Z");
    let portal = Portal::new(PortalSettings {
        time: clock.source(),
        ..immediate_retries()
    });
    let webhook = portal.add_webhook(&url, &[]);
    clock.advance(Duration::from_hours(72) + Duration::from_secs(1));
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    assert!(!portal.state().webhooks.get(webhook).unwrap().config.enabled);

    portal.upload(
        &portal.seed().client_room,
        "while disabled.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    assert_eq!(portal.log().len(), 1);
    portal.set_webhook_enabled(webhook, true);
    portal.upload(
        &portal.seed().client_room,
        "while enabled.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    assert_eq!(portal.log().len(), 2);
}

#[tokio::test]
async fn a_manual_retry_has_another_event_id() {
    let (receiver, url) = Receiver::responding(&[503, 200]).await;
    let portal = Portal::new(immediate_retries());
    let webhook = portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    portal.set_webhook_enabled(webhook, false);
    portal.retry_delivery(portal.log()[0].event);
    portal.wait_for_deliveries().await;

    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[2]["event"]["id"], 902_342);
    let mut retried = bodies[2].clone();
    retried["event"]["id"] = json!(902_341);
    assert_eq!(retried, bodies[0]);
}

#[tokio::test]
async fn a_timeout_is_logged_as_500() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let portal = Portal::new(PortalSettings {
        delivery_timeout: Duration::from_millis(20),
        ..immediate_retries()
    });
    portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    let row = portal.log()[0].clone();
    assert_eq!((row.status, row.attempts), (500, 6));
}

#[tokio::test]
async fn operations_of_the_service_account_raise_events() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &DEFAULT_TRIGGERS);
    let file = served.file("a.pdf");
    served.operate("copy", &file, 0).await;
    served.operate("move", &file, 2).await;
    served.portal.wait_for_deliveries().await;
    let mut events: Vec<_> = receiver
        .bodies()
        .into_iter()
        .map(|body| {
            (
                body["event"]["trigger"].clone(),
                body["event"]["createBy"].clone(),
                body["payload"]["id"].clone(),
            )
        })
        .collect();
    events.sort_by_key(|(trigger, ..)| trigger.to_string());
    let account = json!(served.portal.seed().service_account);
    assert_eq!(
        events,
        [
            (json!("file.copied"), account.clone(), json!(1_482_902)),
            (json!("file.moved"), account, json!(1_482_901)),
        ]
    );
}

#[tokio::test]
async fn a_new_version_is_at_least_a_second_newer() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let portal = Portal::new(PortalSettings {
        time: TestClock::new("2026-03-02T09:00:00.75Z").source(),
        ..PortalSettings::default()
    });
    portal.add_webhook(&url, &[]);
    let file = portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        UploadEvents::Uploaded,
    );
    portal.wait_for_deliveries().await;
    portal.overwrite(&file, b"2", UploadEvents::Uploaded);
    portal.wait_for_deliveries().await;
    let modified: Vec<_> = receiver
        .bodies()
        .iter()
        .map(|body| body["payload"]["modifiedOn"].clone())
        .collect();
    assert_eq!(modified, ["2026-03-02T09:00:00Z", "2026-03-02T09:00:01Z"]);
    let view = portal.file(&file).unwrap();
    assert_eq!((view.version, view.content), (2, b"2".to_vec()));
}
