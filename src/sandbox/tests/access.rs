//! The key and its scopes.

use super::*;

const ANONYMOUS: [&str; 4] = [
    "files/file/1",
    "files/539564",
    "files/folder/539564",
    "files/fileops",
];
const GUARDED: [&str; 5] = [
    "people/@self",
    "keys/@self",
    "files/rooms",
    "files/folder/539564/path",
    "settings/webhook",
];

#[tokio::test]
async fn a_bad_key_is_refused_without_a_word() {
    let served = Served::new().await;
    served.portal.set_key_valid(false);
    for path in GUARDED {
        assert_eq!(
            served.call("GET", path, None).await,
            (401, Value::Null),
            "{path}"
        );
    }
    for path in ANONYMOUS {
        assert_eq!(
            served.call("GET", path, None).await,
            (403, Value::Null),
            "{path}"
        );
    }
    let copy = served.put("files/fileops/copy", json!({})).await;
    assert_eq!(copy, (401, Value::Null));
}

#[tokio::test]
async fn no_key_is_told_apart_from_a_bad_one_where_visitors_are_served() {
    let served = Served::new().await;
    let status = async |path: &str| {
        let url = format!("{}/api/2.0/{path}", served.base);
        let answer = served.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(status("people/@self").await, (401, String::new()));
    let (refused, body) = status("files/folder/539564").await;
    assert_eq!(refused, 401);
    assert!(body.contains("SecurityException"));
}

#[tokio::test]
async fn a_scope_that_is_missing_is_refused() {
    let served = Served::new().await;
    let check = async |scopes: &[&str], method: &str, path: &str, allowed: bool| {
        served.portal.set_scopes(scopes);
        let (status, body) = served.call(method, path, Some(json!({}))).await;
        let refused = (status, &body) == (403, &Value::Null);
        assert_eq!(
            refused, !allowed,
            "{scopes:?} {method} {path}: {status} {body}"
        );
    };
    let ours = ["files:write", "rooms:read", "accounts.self:read"];
    for path in [
        "people/@self",
        "files/rooms",
        "files/file/1",
        "files/539564",
        "keys/@self",
    ] {
        check(&ours, "GET", path, true).await;
    }
    check(&ours, "PUT", "files/fileops/copy", true).await;
    check(&ours, "GET", "settings/webhooks/log", false).await;
    check(&["files:read"], "GET", "files/fileops", true).await;
    check(&["files:read"], "PUT", "files/fileops/move", false).await;
    check(&["files:read"], "GET", "files/rooms", false).await;
    check(&["rooms:read"], "GET", "files/folder/539564/path", false).await;
    check(&["*:read"], "GET", "settings/webhook", true).await;
    check(&["*:read"], "PUT", "settings/webhook/retry", false).await;
    check(&["other"], "GET", "keys/@self", true).await;
    check(&[], "PUT", "settings/webhook/retry", true).await;
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let served = Served::new().await;
    assert_eq!(served.call("GET", "nothing/here", None).await.0, 404);
}
