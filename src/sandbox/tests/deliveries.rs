//! Webhooks: bytes, signatures, retries, and what switches a webhook off.

use bytes::Bytes;
use jiff::SignedDuration;

use super::*;
use crate::sandbox::body::Retry;
use crate::signature::{SIGNATURE_HEADER, verify};

const FOUR: [&str; 4] = ["file.created", "file.uploaded", "file.copied", "file.moved"];

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The happening of an upload of file number `id`, with the webhook it is for.
fn upload(id: i64, title: &str, on: &str) -> (Happening, Webhook) {
    let portal = Portal::new(Settings {
        clock: Clock::manual(time(on)),
        ..Settings::default()
    });
    let webhook = portal.add_webhook("https://hooks.example.test/docspace", &FOUR);
    let room = portal.seed().client_room.clone();
    let mut state = portal.state();
    let file = loop {
        let new = NewFile {
            folder: room.clone(),
            title: title.to_owned(),
            content: Bytes::new(),
            by: Person::Client,
        };
        let file = state.world.add_file(new, portal.now());
        if file == FileId::from(id) {
            break file;
        }
    };
    state.publish_file("file.uploaded", &file, Person::Client, portal.now());
    let happening = state.webhooks.rows().next().unwrap().happening.clone();
    (happening, state.webhooks.get(webhook).unwrap().clone())
}

#[test]
fn a_body_has_the_portals_bytes() {
    let (happening, webhook) = upload(1_482_901, "Invoice-2026-0311.pdf", "2026-03-02T09:14:31Z");
    assert_eq!(
        body::write(Some(EventId(902_341)), &happening, &webhook, None),
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
        body::write(Some(EventId(902_341)), &happening, &succeeded, Some(&retry)),
        include_str!("../../../tests/data/webhook/file.uploaded.retry1.json")
    );
}

#[test]
fn a_body_is_escaped_as_the_portal_does() {
    let title = "Рахунок №42 — Müller & Söhne's März.pdf";
    let (happening, webhook) = upload(1_482_911, title, "2026-03-02T09:20:05Z");
    let webhook = Webhook {
        name: r#"receiver "A" + B"#.to_owned(),
        url: "https://hooks.example.test/docspace?src=a+b&x=1".to_owned(),
        ..webhook
    };
    assert_eq!(
        body::write(Some(EventId(902_344)), &happening, &webhook, None),
        include_str!("../../../tests/data/webhook/file.uploaded.escaped.json")
    );
}

#[tokio::test]
async fn a_delivery_is_signed_and_has_the_portals_headers() {
    let (receiver, url) = Receiver::answering(&[]).await;
    let portal = Portal::new(Settings::default());
    portal.add_webhook(&url, &["file.uploaded"]);
    portal.upload(
        &portal.seed().client_room,
        "Größe.pdf",
        b"1",
        Announced::CreatedAndUploaded,
    );
    portal.deliveries_settled().await;

    let got = receiver.got.lock().unwrap().clone();
    let [(headers, body)] = &got[..] else {
        panic!("{got:?}")
    };
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(headers["accept"], "*/*");
    assert_eq!(headers["content-length"], body.len().to_string().as_str());
    assert!(!headers.contains_key("user-agent"));
    let secrets = [WebhookSecret::new(portal.secret())];
    let signature = headers[SIGNATURE_HEADER].as_bytes();
    assert_eq!(verify(&secrets, Some(signature), body.as_bytes()), Ok(()));
    let digits = signature.strip_prefix(b"sha256=").unwrap();
    assert!(!digits.iter().any(u8::is_ascii_lowercase));
    assert!(body.is_ascii(), "{body}");

    let [row] = &portal.log()[..] else { panic!() };
    assert_eq!((row.status, row.attempts, row.delivered), (200, 1, true));
    assert_eq!(row.body, *body);
}

#[tokio::test]
async fn a_plain_upload_is_announced_twice() {
    let (receiver, url) = Receiver::answering(&[]).await;
    let portal = Portal::new(Settings::default());
    portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::CreatedAndUploaded,
    );
    portal.upload(
        &portal.seed().client_room,
        "b.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.upload(
        &portal.seed().client_room,
        "c.pdf",
        b"1",
        Announced::Silently,
    );
    portal.deliveries_settled().await;
    let mut heard: Vec<_> = receiver
        .bodies()
        .iter()
        .map(|body| {
            let trigger = body["event"]["trigger"].as_str().unwrap().to_owned();
            (body["event"]["id"].as_i64().unwrap(), trigger)
        })
        .collect();
    heard.sort();
    let expected = [
        (902_341, "file.created".to_owned()),
        (902_342, "file.uploaded".to_owned()),
        (902_343, "file.uploaded".to_owned()),
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn retries_keep_the_event_and_change_the_body() {
    let (receiver, url) = Receiver::answering(&[503, 302]).await;
    let portal = Portal::new(hasty());
    portal.add_webhook(&url, &["file.uploaded"]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;

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
    let got = receiver.got.lock().unwrap().clone();
    let secrets = [WebhookSecret::new(portal.secret())];
    for (headers, body) in &got {
        let header = headers[SIGNATURE_HEADER].as_bytes();
        assert_eq!(verify(&secrets, Some(header), body.as_bytes()), Ok(()));
    }
    assert_ne!(got[0].0[SIGNATURE_HEADER], got[1].0[SIGNATURE_HEADER]);
    assert_eq!(portal.log()[0].attempts, 3);
}

#[tokio::test]
async fn a_delivery_is_given_up_after_six_attempts() {
    let (receiver, url) = Receiver::answering(&[500; 10]).await;
    let portal = Portal::new(hasty());
    let webhook = portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    assert_eq!(receiver.bodies().len(), 6);
    let row = portal.log()[0].clone();
    assert_eq!((row.status, row.attempts, row.delivered), (500, 6, false));
    assert!(portal.state().webhooks.get(webhook).unwrap().enabled);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_leaves_status_zero() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let portal = Portal::new(hasty());
    portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    let row = portal.log()[0].clone();
    assert_eq!((row.status, row.attempts, row.delivered), (0, 6, false));
}

#[tokio::test]
async fn gone_deletes_the_webhook_only_on_the_last_attempt() {
    let (_, saved) = Receiver::answering(&[410; 5]).await;
    let (_, lost) = Receiver::answering(&[410; 6]).await;
    let portal = Portal::new(hasty());
    let saved = portal.add_webhook(&saved, &[]);
    let lost = portal.add_webhook(&lost, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    let rows: Vec<_> = portal.log().iter().map(|row| row.webhook).collect();
    assert_eq!(rows, [saved]);
    assert!(portal.state().webhooks.get(lost).is_none());
}

#[tokio::test]
async fn a_webhook_quiet_for_three_days_is_switched_off_by_one_failure() {
    let (_, url) = Receiver::answering(&[503; 6]).await;
    let clock = Clock::manual(time("2026-03-02T09:00:00Z"));
    let portal = Portal::new(Settings {
        clock: clock.clone(),
        ..hasty()
    });
    let webhook = portal.add_webhook(&url, &[]);
    let three_days = SignedDuration::from_hours(72).unsigned_abs();
    clock.advance(three_days + Duration::from_secs(1));
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    assert!(!portal.state().webhooks.get(webhook).unwrap().enabled);

    portal.upload(
        &portal.seed().client_room,
        "unheard.pdf",
        b"1",
        Announced::Uploaded,
    );
    assert_eq!(portal.log().len(), 1);
    portal.set_webhook_enabled(webhook, true);
    portal.upload(
        &portal.seed().client_room,
        "heard.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    assert_eq!(portal.log().len(), 2);
}

#[tokio::test]
async fn a_manual_retry_arrives_as_another_event() {
    let (receiver, url) = Receiver::answering(&[503, 200]).await;
    let portal = Portal::new(hasty());
    let webhook = portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    portal.set_webhook_enabled(webhook, false);
    portal.retry_delivery(portal.log()[0].event);
    portal.deliveries_settled().await;

    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[2]["event"]["id"], 902_342);
    let mut repeated = bodies[2].clone();
    repeated["event"]["id"] = json!(902_341);
    assert_eq!(repeated, bodies[0]);
}

#[tokio::test]
async fn a_receiver_that_hangs_is_recorded_as_500() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let portal = Portal::new(Settings {
        delivery_timeout: Duration::from_millis(20),
        ..hasty()
    });
    portal.add_webhook(&url, &[]);
    portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    let row = portal.log()[0].clone();
    assert_eq!((row.status, row.attempts), (500, 6));
}

#[tokio::test]
async fn our_own_operations_come_back_as_echoes() {
    let (receiver, url) = Receiver::answering(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &FOUR);
    let file = served.file("a.pdf");
    served.operate("copy", &file, 0).await;
    served.operate("move", &file, 2).await;
    served.portal.deliveries_settled().await;
    let mut echoes: Vec<_> = receiver
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
    echoes.sort_by_key(|(trigger, ..)| trigger.to_string());
    let account = json!(served.portal.seed().service_account);
    assert_eq!(
        echoes,
        [
            (json!("file.copied"), account.clone(), json!(1_482_902)),
            (json!("file.moved"), account, json!(1_482_901)),
        ]
    );
}

#[tokio::test]
async fn overwriting_moves_the_time_by_a_second_at_least() {
    let (receiver, url) = Receiver::answering(&[]).await;
    let portal = Portal::new(Settings {
        clock: Clock::manual(time("2026-03-02T09:00:00.75Z")),
        ..Settings::default()
    });
    portal.add_webhook(&url, &[]);
    let file = portal.upload(
        &portal.seed().client_room,
        "a.pdf",
        b"1",
        Announced::Uploaded,
    );
    portal.deliveries_settled().await;
    portal.overwrite(&file, b"2", Announced::Uploaded);
    portal.deliveries_settled().await;
    let modified: Vec<_> = receiver
        .bodies()
        .iter()
        .map(|body| body["payload"]["modifiedOn"].clone())
        .collect();
    assert_eq!(modified, ["2026-03-02T09:00:00Z", "2026-03-02T09:00:01Z"]);
    let view = portal.file(&file).unwrap();
    assert_eq!((view.version, view.content), (2, b"2".to_vec()));
}
