//! The API key and its scopes.

use super::*;

const ANONYMOUS: [&str; 4] = [
    "files/file/1",
    "files/539564",
    "files/folder/539564",
    "files/fileops",
];
const NOT_ANONYMOUS: [&str; 5] = [
    "people/@self",
    "keys/@self",
    "files/rooms",
    "files/folder/539564/path",
    "settings/webhook",
];

#[tokio::test]
async fn a_bad_key_gets_an_empty_response() {
    let served = Served::new().await;
    served.portal.set_key_valid(false);
    for path in NOT_ANONYMOUS {
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
async fn a_missing_key_gets_a_body_where_anonymous_visitors_are_allowed() {
    let served = Served::new().await;
    let status = async |path: &str| {
        let url = format!("{}/api/2.0/{path}", served.base);
        let response = served.client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(status("people/@self").await, (401, String::new()));
    let (denied, body) = status("files/folder/539564").await;
    assert_eq!(denied, 401);
    assert!(body.contains("SecurityException"));
}

#[tokio::test]
async fn a_missing_scope_is_denied() {
    let served = Served::new().await;
    let check = async |scopes: &[&str], method: &str, path: &str, allowed: bool| {
        served.portal.set_scopes(scopes);
        let (status, body) = served.call(method, path, Some(json!({}))).await;
        let denied = (status, &body) == (403, &Value::Null);
        assert_eq!(
            denied, !allowed,
            "{scopes:?} {method} {path}: {status} {body}"
        );
    };
    let usual = ["files:write", "rooms:read", "accounts.self:read"];
    for path in [
        "people/@self",
        "files/rooms",
        "files/file/1",
        "files/539564",
        "keys/@self",
    ] {
        check(&usual, "GET", path, true).await;
    }
    check(&usual, "PUT", "files/fileops/copy", true).await;
    check(&usual, "GET", "settings/webhooks/log", false).await;
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

#[tokio::test]
async fn a_login_token_is_accepted_with_and_without_bearer() {
    let served = Served::new().await;
    let url = format!("{}/api/2.0/authentication", served.base);
    let sign_in = async |password: &str| {
        let body = json!({ "userName": "docflow.bot@sandbox.example.test", "password": password });
        let response = served.client.post(&url).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    assert_eq!(sign_in("wrong").await.0, 401);
    let (status, body) = sign_in(served.portal.api_key()).await;
    let token = body["response"]["token"].as_str().unwrap_or_default();
    assert_eq!((status, token.is_empty()), (200, false));
    served.portal.set_scopes(&["files:read"]);
    let status = async |path: &str, header: &str| {
        let url = format!("{}/api/2.0/{path}", served.base);
        let request = served.client.get(url).header("authorization", header);
        request.send().await.unwrap().status().as_u16()
    };
    for header in [token, &format!("Bearer {token}")] {
        assert_eq!(status("files/rooms", header).await, 200);
    }
    assert_eq!(status("files/rooms", "Bearer another").await, 401);
    assert_eq!(status("files/rooms", served.portal.api_key()).await, 401);
    assert_eq!(served.get("authentication").await, json!(true));
    let anonymous = served.client.get(&url).send().await.unwrap();
    let anonymous: Value = anonymous.json().await.unwrap();
    assert_eq!(anonymous["response"], false);
}

#[tokio::test]
async fn the_settings_show_the_time_zone_only_to_keys_with_the_scope() {
    let served = Served::new().await;
    let url = format!("{}/api/2.0/settings", served.base);
    let anonymous = served.client.get(&url).send().await.unwrap();
    let anonymous: Value = anonymous.json().await.unwrap();
    let anonymous = &anonymous["response"];
    assert_eq!(
        (anonymous.get("timezone"), &anonymous["utcOffset"]),
        (None, &json!("00:00:00"))
    );
    assert_eq!(served.get("settings").await["timezone"], "Europe/Riga");
    served.portal.set_scopes(&["files:read"]);
    for path in ["settings", "settings/version/build", "files/rooms/539564"] {
        let (status, problem) = served.call("GET", path, None).await;
        assert_eq!(
            (status, &problem["title"]),
            (403, &json!("Forbidden")),
            "{path}"
        );
    }
}
