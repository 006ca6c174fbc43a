//! The sandbox's own API.

use super::*;

impl Served {
    /// The status and the body of a call of the sandbox's own API, which needs no key.
    async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/sandbox/{path}", self.base);
        let mut request = self.client.request(method.parse().unwrap(), url);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn set(&self, settings: Value) -> Value {
        let (status, body) = self.control("PATCH", "settings", settings).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn status_of(&self, path: &str) -> u16 {
        self.call("GET", path, None).await.0
    }
}

#[tokio::test]
async fn settings_are_changed_and_read() {
    let served = Served::new().await;
    let changed = json!({
        "latencyMs": 1,
        "operationMs": 0,
        "logTimeZone": "IST-5:30",
        "randomFaults": { "probability": 0.5, "seed": 7 },
        "scopes": ["files:read"],
        "accountType": "administrator",
        "deviations": ["lasting-results"],
        "deliveredPerLogPage": 2,
        "addedPerLogPage": 3,
    });
    served.set(changed.clone()).await;
    let (_, read) = served.control("GET", "settings", Value::Null).await;
    for (name, value) in changed.as_object().unwrap() {
        assert_eq!(read[name], *value, "{name}");
    }
    let read = served
        .set(json!({ "randomFaults": { "probability": 0.0 } }))
        .await;
    assert_eq!(read["randomFaults"], Value::Null);
    served.set(json!({ "keyValid": false })).await;
    assert_eq!(served.status_of("people/@self").await, 401);
}

#[tokio::test]
async fn a_wrong_setting_is_explained_and_changes_nothing() {
    let served = Served::new().await;
    for (settings, part) in [
        (json!({ "latency": 1 }), "unknown field `latency`"),
        (json!({ "latencyMs": "1" }), "expected u64"),
        (
            json!({ "latencyMs": 9, "deviations": ["x"] }),
            "`deviations`",
        ),
        (
            json!({ "latencyMs": 9, "logTimeZone": "x" }),
            "`logTimeZone`",
        ),
        (
            json!({ "randomFaults": { "probability": 2.0 } }),
            "`probability`",
        ),
        (
            json!({ "clockOffsetSeconds": i64::MAX }),
            "`clockOffsetSeconds`",
        ),
    ] {
        let (status, body) = served.control("PATCH", "settings", settings).await;
        assert_eq!(status, 400);
        let message = body["error"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
    let (_, read) = served.control("GET", "settings", Value::Null).await;
    assert_eq!(read["latencyMs"], 0);
}

#[tokio::test]
async fn faults_of_a_route() {
    let served = Served::new().await;
    let fault = json!({ "path": "/files/rooms", "times": 2, "effect": "status", "status": 503 });
    let (status, body) = served.control("POST", "faults", fault).await;
    assert_eq!((status, &body["faults"][0]["times"]), (200, &json!(2)));
    assert_eq!(served.status_of("people/@self").await, 200);
    for expected in [503, 503, 200] {
        assert_eq!(served.status_of("files/rooms").await, expected);
    }
    let fault = json!({ "method": "get", "probability": 1.0, "effect": "dropBefore" });
    served.control("POST", "faults", fault).await;
    assert!(served.request("GET", "files/rooms").send().await.is_err());
    let (_, body) = served.control("DELETE", "faults", Value::Null).await;
    assert_eq!(body["faults"], json!([]));
    assert_eq!(served.status_of("files/rooms").await, 200);
    for fault in [
        json!({ "effect": "status" }),
        json!({ "effect": "hang", "status": 500 }),
        json!({ "effect": "status", "status": 99 }),
        json!({ "effect": "status", "status": 500, "probability": -1.0 }),
        json!({ "effect": "explode" }),
        json!({ "effect": "hang", "route": "x" }),
    ] {
        assert_eq!(served.control("POST", "faults", fault).await.0, 400);
    }
}

#[tokio::test]
async fn a_limit_of_calls_per_minute_that_the_clock_ends() {
    let served = Served::new().await;
    served.set(json!({ "rateLimitPerMinute": 2 })).await;
    for expected in [200, 200, 429] {
        assert_eq!(served.status_of("people/@self").await, expected);
    }
    served.set(json!({ "clockOffsetSeconds": 61 })).await;
    assert_eq!(served.status_of("people/@self").await, 200);
}

#[tokio::test]
async fn a_webhook_is_disabled_once_the_clock_is_three_days_on() {
    let served = Served::with(immediate_retries()).await;
    let (_, url) = Receiver::responding(&[500; 100]).await;
    served.portal.add_webhook(&url, &["*"]);
    let room = &served.portal.seed().client_room;
    let is_enabled = async || {
        let event = json!({ "trigger": "room.updated", "folder": room });
        let (status, body) = served.control("POST", "events", event).await;
        assert_eq!((status, &body["webhooks"]), (200, &json!(1)));
        served.portal.wait_for_deliveries().await;
        served.portal.webhooks()[0].enabled
    };
    assert!(is_enabled().await);
    served
        .set(json!({ "clockOffsetSeconds": 3 * 24 * 60 * 60 + 60 }))
        .await;
    assert!(!is_enabled().await);
}

#[tokio::test]
async fn many_files_and_events_without_a_cause() {
    let served = Served::new().await;
    let (receiver, url) = Receiver::responding(&[]).await;
    served.portal.add_webhook(&url, &["*"]);
    let room = &served.portal.seed().client_room;
    let files = json!({ "folder": room, "count": 20_000 });
    let (status, body) = served.control("POST", "files", files).await;
    assert_eq!((status, &body["count"]), (200, &json!(20_000)));
    let page = served.get(&format!("files/{room}?count=1")).await;
    assert_eq!(page["total"], 20_001);
    let event = json!({ "trigger": "file.restored", "file": body["first"] });
    served.control("POST", "events", event).await;
    served.portal.wait_for_deliveries().await;
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0]["event"]["trigger"], "file.restored");
    for event in [
        json!({ "trigger": "file.exploded", "folder": room }),
        json!({ "trigger": "file.created" }),
        json!({ "trigger": "file.created", "file": 1 }),
    ] {
        assert_eq!(served.control("POST", "events", event).await.0, 400);
    }
}

#[tokio::test]
async fn operations_are_dropped_and_calls_listed() {
    let served = Served::with(PortalSettings {
        operation_time: Duration::from_mins(1),
        ..PortalSettings::default()
    })
    .await;
    let file = served.file("a.pdf");
    served
        .put("files/fileops/copy", served.to_inbox(&file, 2))
        .await;
    let (status, _) = served.control("POST", "operations/drop", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(served.get("files/fileops").await, json!([]));
    let (_, body) = served.control("GET", "calls", Value::Null).await;
    assert_eq!(body["calls"][0]["path"], "/api/2.0/files/fileops/copy");
    assert_eq!(body["calls"][0]["status"], 200);
}

#[tokio::test]
async fn only_addresses_of_the_sandbox_are_answered() {
    let served = Served::new().await;
    let url = format!("{}/sandbox/settings", served.base);
    let request = served.client.get(&url).header("host", "evil.example");
    assert_eq!(request.send().await.unwrap().status(), 421);
    let request = served.client.patch(&url).body("{}");
    let request = request.header("origin", "http://evil.example");
    assert_eq!(request.send().await.unwrap().status(), 403);
}
