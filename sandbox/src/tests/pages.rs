//! The page and its forms: who may use them.

use super::*;

const FORM: &str =
    "--b\r\nContent-Disposition: form-data; name=\"url\"\r\n\r\nhttp://evil.example/\r\n--b--\r\n";

fn register(served: &Served) -> reqwest::RequestBuilder {
    served
        .client
        .post(format!("{}/sandbox/webhooks", served.base))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(FORM)
}

async fn status(request: reqwest::RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn forms_of_other_pages_are_refused() {
    let served = Served::new().await;
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(
            status(register(&served).header(name, value)).await,
            403,
            "{name}: {value}"
        );
        let upload = format!("{}/sandbox/upload", served.base);
        let upload = served.client.post(upload).header(name, value);
        assert_eq!(status(upload).await, 403, "{name}: {value}");
    }
    assert!(served.portal.webhooks().is_empty());
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json",
    ] {
        let url = format!("{}/sandbox/webhooks", served.base);
        let request = served.client.post(url).body("url=http://evil.example/");
        let refused = status(request.header("content-type", content_type)).await;
        assert!([400, 415].contains(&refused), "{content_type}: {refused}");
    }
    assert!(served.portal.webhooks().is_empty());

    let own = register(&served)
        .header("origin", &served.base)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(status(own).await, 303);
    assert_eq!(status(register(&served)).await, 303, "curl sends neither");
    assert_eq!(served.portal.webhooks().len(), 2);
}

#[tokio::test]
async fn the_page_with_the_key_answers_its_own_address_only() {
    let served = Served::new().await;
    let port = served.base.rsplit(':').next().unwrap();
    let check = async |host: String, expected: u16| {
        let page = served.client.get(&served.base).header("host", &host);
        let response = page.send().await.unwrap();
        assert_eq!(response.status(), expected, "{host}");
        let has_key = response
            .text()
            .await
            .unwrap()
            .contains(served.portal.api_key());
        assert_eq!(has_key, expected == 200, "{host}");
        let form = register(&served).header("host", &host);
        let expected = if expected == 200 { 303 } else { expected };
        assert_eq!(status(form).await, expected, "{host}");
    };
    check(format!("127.0.0.1:{port}"), 200).await;
    check(format!("localhost:{port}"), 200).await;
    check("[::1]".to_owned(), 200).await;
    // Such names can be made to resolve to this machine (DNS rebinding).
    check("evil.example".to_owned(), 421).await;
    check(format!("localhost.evil.example:{port}"), 421).await;
    check("127.0.0.1.evil.example".to_owned(), 421).await;
    check("192.0.2.1".to_owned(), 421).await;
    // The API needs the key, and containers reach it by other names.
    let call = served
        .request("GET", "people/@self")
        .header("host", "sandbox:8092");
    assert_eq!(status(call).await, 200);
}

#[tokio::test]
async fn on_all_addresses_the_page_answers_every_address_but_no_name() {
    let served = Served::on("0.0.0.0:0", PortalSettings::default()).await;
    let port = served.base.rsplit(':').next().unwrap().to_owned();
    let get = async |host: &str| {
        let url = format!("http://127.0.0.1:{port}/");
        status(served.client.get(url).header("host", host)).await
    };
    assert_eq!(get("192.0.2.1:8092").await, 200);
    assert_eq!(get("localhost").await, 200);
    assert_eq!(get("evil.example").await, 421);
}

#[tokio::test]
async fn the_page_cannot_be_framed() {
    let served = Served::new().await;
    let response = served.client.get(&served.base).send().await.unwrap();
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(response.headers()["cache-control"], "no-store");
}
