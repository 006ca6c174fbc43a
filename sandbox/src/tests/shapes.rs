//! Responses have the keys of recorded ones, and lists have pages.

use std::collections::BTreeSet;

use super::*;

fn recorded(name: &str) -> Value {
    let path = format!(
        "{}/../tests/data/api/api.{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every path to a member, with `[]` for the elements of a list.
fn keys(value: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let path = format!("{path}.{key}");
                    into.insert(path.clone());
                    collect(member, &path, into);
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    collect(element, &format!("{path}[]"), into);
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(value, "", &mut found);
    found
}

fn assert_same_keys(found: &Value, name: &str) {
    assert_eq!(keys(found), keys(&recorded(name)), "{name}");
}

impl Served {
    async fn envelope(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, body) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

#[tokio::test]
async fn files_folders_and_people() {
    let served = Served::new().await;
    let file = served.file("Invoice-2026-0311.pdf");
    for (path, name) in [
        ("people/@self", "people.self"),
        ("files/folder/539702", "folder.info"),
        ("files/folder/539702/path", "folder.path"),
        ("files/rooms?count=100&startIndex=0", "rooms.page"),
        (&format!("files/file/{file}"), "file.info"),
    ] {
        assert_same_keys(&served.envelope("GET", path, None).await, name);
    }
    let mut key = served.envelope("GET", "keys/@self", None).await;
    key["response"]["permissions"] = json!([]);
    assert_same_keys(&key, "keys.self");
}

#[tokio::test]
async fn the_values_of_a_file_are_the_recorded_ones() {
    let served = Served::with(PortalSettings {
        time: TestClock::new("2026-03-02T09:14:31Z").source(),
        ..PortalSettings::default()
    })
    .await;
    let room = &served.portal.seed().client_room;
    let content = vec![b'x'; 48_211];
    served
        .portal
        .upload(room, "Invoice-2026-0311.pdf", &content, UploadEvents::None);
    let found = served.envelope("GET", "files/file/1482901", None).await;
    let text = recorded("file.info").to_string();
    let expected = text.replace("https://sandbox.example.test", &served.base);
    assert_eq!(found, serde_json::from_str::<Value>(&expected).unwrap());
}

#[tokio::test]
async fn operations() {
    let served = Served::new().await;
    served.portal.set_operation_time(Duration::from_millis(400));
    let file = served.file("a.pdf");
    let request = served.to_inbox(&file, 0);
    let queued = served
        .envelope("PUT", "files/fileops/copy", Some(request.clone()))
        .await;
    assert_same_keys(&queued, "fileops.copy.queued");
    let id = queued["response"][0]["id"].as_str().unwrap();
    served.portal.wait_for_operations().await;
    let path = format!("files/fileops?id={id}");
    let finished = served.envelope("GET", &path, None).await;
    assert_same_keys(&finished, "fileops.status.finished");
    assert_same_keys(
        &served.envelope("GET", &path, None).await,
        "fileops.status.gone",
    );

    served.portal.set_operation_time(Duration::ZERO);
    let skipped = served
        .envelope("PUT", "files/fileops/copy", Some(request))
        .await;
    assert_same_keys(&skipped, "fileops.status.finished.skipped");
    served.portal.inject_fault(Fault {
        method: None,
        path_contains: "",
        times: 1,
        effect: FaultEffect::OperationError("You don't have enough permission to copy the file"),
    });
    let request = served.to_inbox(&file, 2);
    let failed = served
        .envelope("PUT", "files/fileops/copy", Some(request))
        .await;
    assert_same_keys(&failed, "fileops.status.finished.error");
}

#[tokio::test]
async fn errors() {
    let served = Served::new().await;
    let recorded = recorded("errors");
    let named = |name: &str| {
        let errors = recorded.as_array().unwrap();
        errors.iter().find(|error| error["name"] == name).unwrap()
    };
    let check = async |method: &str, path: &str, body: Option<Value>, name: &str| {
        let expected = named(name);
        let (status, found) = served.call(method, path, body).await;
        assert_eq!(
            (json!(status), &found),
            (expected["http"].clone(), &expected["body"])
        );
    };
    let missing = |files: Value| Some(json!({ "fileIds": files, "destFolderId": 341_029 }));
    let nowhere = Some(json!({ "fileIds": [1], "destFolderId": 1 }));
    let file = served.file("a.pdf");
    check(
        "PUT",
        "files/fileops/copy",
        missing(json!([1])),
        "security-exception",
    )
    .await;
    check(
        "PUT",
        "files/fileops/copy",
        missing(json!([file, 1])),
        "later-file-missing",
    )
    .await;
    check("PUT", "files/fileops/copy", nowhere, "destination-missing").await;
    check("GET", "files/folder/1", None, "destination-missing").await;
    check("GET", "files/file/1", None, "file-missing").await;
    served.portal.inject_fault(Fault {
        method: None,
        path_contains: "",
        times: 1,
        effect: FaultEffect::Status(500),
    });
    check("GET", "files/file/1", None, "server-error").await;

    let (status, invalid) = served
        .call("POST", "settings/webhook", Some(json!({})))
        .await;
    assert_eq!(status, 400);
    assert_eq!(keys(&invalid), keys(&named("model-validation")["body"]));
}

#[tokio::test]
async fn webhook_settings() {
    let (receiver, url) = Receiver::responding(&[200, 200, 503, 200]).await;
    let served = Served::with(immediate_retries()).await;
    let configuration = json!({
        "name": "receiver-sandbox", "uri": url, "secretKey": "Sandbox-Secret-1",
        "enabled": true, "ssl": false, "triggers": 256,
    });
    let create = async |change: Value| {
        let mut configuration = configuration.clone();
        for (key, value) in change.as_object().unwrap() {
            configuration[key] = value.clone();
        }
        served
            .call("POST", "settings/webhook", Some(configuration))
            .await
    };
    let (status, created) = create(json!({})).await;
    assert_eq!(status, 200);
    assert_same_keys(&created, "webhook.create.response");
    for invalid in [
        json!({}),
        json!({ "name": "x".repeat(51) }),
        json!({ "name": "b", "secretKey": "short" }),
        json!({ "name": "b", "secretKey": "with a space" }),
        json!({ "name": "b", "uri": "no url" }),
        json!({ "name": "b", "ssl": true }),
    ] {
        assert_eq!(create(invalid.clone()).await.0, 400, "{invalid}");
    }

    let room = &served.portal.seed().client_room;
    served
        .portal
        .upload(room, "a.pdf", b"1", UploadEvents::Uploaded);
    served.portal.wait_for_deliveries().await;
    served
        .portal
        .upload(room, "b.pdf", b"1", UploadEvents::Uploaded);
    served.portal.wait_for_deliveries().await;
    assert_eq!(receiver.bodies().len(), 3);

    let triggers = served
        .envelope("GET", "settings/webhook/triggers", None)
        .await;
    assert_eq!(
        triggers["response"],
        recorded("webhook.triggers")["response"]
    );
    let list = served.envelope("GET", "settings/webhook", None).await;
    assert_eq!(list["response"][0]["status"], 200);
    let known = keys(&recorded("webhook.list"));
    assert!(keys(&list).is_subset(&known), "{list}");
    let log = served
        .envelope(
            "GET",
            "settings/webhooks/log?configId=417&groupStatus=29",
            None,
        )
        .await;
    assert_eq!((&log["total"], &log["response"]), (&json!(0), &json!([])));
    let log = served
        .envelope("GET", "settings/webhooks/log?count=1&startIndex=1", None)
        .await;
    assert_eq!(
        (&log["total"], &log["response"][0]["id"]),
        (&json!(2), &json!(902_341))
    );
    let known = keys(&recorded("webhook.log.page"));
    assert!(keys(&log).is_subset(&known), "{log}");

    let retried = served
        .envelope(
            "PUT",
            "settings/webhook/retry",
            Some(json!({ "ids": [902_341, 5] })),
        )
        .await;
    assert_eq!(retried["response"][0]["id"], 902_343);
    served.portal.wait_for_deliveries().await;
    let disabled = json!({ "id": 417, "enabled": false, "name": "n", "uri": url });
    let disabled = served
        .envelope("PUT", "settings/webhook/enable", Some(disabled))
        .await;
    assert_eq!(disabled["response"]["enabled"], false);
    served
        .envelope("DELETE", "settings/webhook/417", None)
        .await;
    assert!(served.portal.log().is_empty());
}

#[tokio::test]
async fn a_receiver_that_fails_the_probe_is_not_registered() {
    let (_, url) = Receiver::responding(&[404]).await;
    let served = Served::new().await;
    let configuration = json!({ "name": "a", "uri": url, "secretKey": "Sandbox-Secret-1" });
    let (status, body) = served
        .call("POST", "settings/webhook", Some(configuration))
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        body["error"]["message"],
        "Webhook URL is not available. HEAD request is not response 200 http status."
    );
}

#[tokio::test]
async fn a_folder_has_pages() {
    let served = Served::new().await;
    for title in ["c.pdf", "B.pdf", "a.pdf"] {
        served.file(title);
    }
    let page = async |query: &str| {
        let page = served.get(&format!("files/539564?{query}")).await;
        let titles = |kind: &str| -> Vec<_> {
            let entries = page[kind].as_array().unwrap().iter();
            entries
                .map(|entry| entry["title"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(page["total"], 4);
        [titles("folders"), titles("files")].concat()
    };
    let all = ["2026 uploads", "a.pdf", "B.pdf", "c.pdf"];
    assert_eq!(page("").await, all);
    assert_eq!(page("count=2").await, all[..2]);
    assert_eq!(page("count=2&startIndex=2").await, all[2..]);
    assert_eq!(page("startIndex=1&count=1&sortBy=AZ").await, all[1..2]);
    assert_eq!(page("startIndex=9").await, [""; 0]);
    assert_eq!(
        page("sortBy=AZ&sortOrder=descending").await,
        ["2026 uploads", "c.pdf", "B.pdf", "a.pdf"]
    );
    assert_eq!(
        served.call("GET", "files/rooms?count=101", None).await.0,
        400
    );
}

#[tokio::test]
async fn an_upload_through_the_api() {
    let served = Served::new().await;
    let (receiver, url) = Receiver::responding(&[]).await;
    served.portal.add_webhook(&url, &[]);
    let form = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a?b.pdf\"\r\n\r\nbytes\r\n--b--\r\n";
    let response = served
        .request("POST", "files/539564/upload")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let response: Value = response.json().await.unwrap();
    assert_eq!(response["response"][0]["title"], "a_b.pdf");
    served.portal.wait_for_deliveries().await;
    assert_eq!(receiver.bodies().len(), 2);
    let [file] = &served.portal.files_in(&served.portal.seed().client_room)[..] else {
        panic!()
    };
    assert_eq!(file.content, b"bytes");
}

#[tokio::test]
async fn the_page_shows_the_state_and_accepts_uploads() {
    let served = Served::new().await;
    let seed = served.portal.seed();
    served.portal.add_webhook(&format!("{}/", served.base), &[]);
    let form = "--b\r\nContent-Disposition: form-data; name=\"folder\"\r\n\r\n748239\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<b>&amp.pdf\"\r\n\r\nbytes\r\n--b--\r\n";
    let response = served
        .client
        .post(format!("{}/sandbox/upload", served.base))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(served.portal.files_in(&seed.incoming_folder).len(), 1);
    let page = served.client.get(&served.base).send().await.unwrap();
    let page = page.text().await.unwrap();
    for shown in [
        "Internal Processing",
        "Incoming",
        "_b_&#38;amp.pdf",
        served.portal.api_key(),
        served.portal.secret(),
        "docflow.bot@sandbox.example.test",
        "file.uploaded",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}
