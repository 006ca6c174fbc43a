//! Who gets access to the operator's listener: sessions, guessed tokens, and requests that are not local.

use std::time::Duration;

use axum::http::HeaderName;
use docspace_courier::admin::{Access, TrustedProxy};
use docspace_courier::inbox::InboxId;
use prometheus_client::registry::Registry;
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bounds::STATE_BOUND;
use crate::floods::exchange_with;
use crate::page::{EVERYWHERE, LOOPBACK, Log, Operator, TOKEN, code, header};
use crate::scene::{Leftover, Scene, scenario};

impl Operator {
    /// Whether a session's cookie gives access.
    async fn has_access(&self, cookie: &str) -> bool {
        let list = self.request(Method::GET, "/api/status");
        match code(list.header("cookie", cookie)).await {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }

    /// Signs in with a token; returns the status, and how long to wait before the next attempt.
    async fn sign_in(&self, token: &str) -> (u16, Option<Duration>) {
        let form = self.form("/login", format!("token={token}"));
        let answer = form.send().await.unwrap();
        let wait = answer.headers().get("retry-after");
        let wait = wait.map(|wait| Duration::from_secs(wait.to_str().unwrap().parse().unwrap()));
        (answer.status().as_u16(), wait)
    }
}

fn rejected(scene: &Scene, reason: &str) -> u64 {
    let metrics = scene.metrics.render(&Registry::default());
    let start = format!("courier_admin_token_rejections_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("{start} is not in {metrics}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_session_ends_when_the_operator_signs_out_or_after_its_time() {
    scenario(async |scene| {
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        let (first, second) = (operator.enter().await, operator.enter().await);
        assert_ne!(first, second);
        assert!(operator.has_access(&first).await && operator.has_access(&second).await);

        let sign_out = operator.form("/logout", String::new());
        assert_eq!(code(sign_out.header("cookie", &first)).await, 303);
        assert!(
            !operator.has_access(&first).await,
            "a copy of the cookie is worthless"
        );
        assert!(operator.has_access(&second).await);

        // Another instance, or this one after a restart, knows the session; with another token it does not.
        let other = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        assert!(other.has_access(&second).await);
        assert!(!other.has_access(&first).await);
        let changed = Some("another-token-of-the-operator");
        let changed = scene.operator_with(changed, EVERYWHERE.into()).await;
        assert!(!changed.has_access(&second).await);

        scene
            .clock
            .advance(Duration::from_hours(12) - Duration::from_secs(1));
        assert!(operator.has_access(&second).await);
        scene.clock.advance(Duration::from_secs(1));
        assert!(!operator.has_access(&second).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_cookie_says_nothing_about_the_token_and_is_not_stored() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let cookie = operator.enter().await;
        let value = cookie.strip_prefix("courier_session=").unwrap();
        assert!(value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let stored = scene.db.read(|sql| {
            let statement = "SELECT digest, ends_at FROM sessions";
            sql.query(statement, &[], |row| Ok((row.get(0)?, row.get(1)?)))
        });
        let stored: Vec<(String, i64)> = stored.await.unwrap();
        assert_eq!(stored.len(), 1);
        assert_ne!(stored[0].0, value);

        // Sessions that have ended are removed.
        scene.clock.advance(Duration::from_hours(13));
        operator.enter().await;
        let count = scene
            .db
            .read(|sql| sql.query_one("SELECT count(*) FROM sessions", &[], |row| row.get(0)));
        let count: i64 = count.await.unwrap();
        assert_eq!(count, 1);
    })
    .await;
}

#[tokio::test]
async fn behind_https_the_session_cookie_is_bound_to_the_host() {
    scenario(async |scene| {
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        let forms = [
            &[("origin", "https://courier.example")][..],
            &[
                ("sec-fetch-site", "same-origin"),
                ("x-forwarded-proto", "https"),
            ],
        ];
        for headers in forms {
            let mut form = operator
                .request(Method::POST, "/login")
                .header("host", "courier.example")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("token={TOKEN}"));
            for (name, value) in headers {
                form = form.header(*name, *value);
            }
            let answer = form.send().await.unwrap();
            let cookie = header(&answer, "set-cookie");
            assert!(cookie.starts_with("__Host-courier_session="), "{cookie}");
            for attribute in [
                "Path=/",
                "HttpOnly",
                "SameSite=Strict",
                "Secure",
                "Max-Age=43200",
            ] {
                assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
            }
            let pair = cookie.split(';').next().unwrap();
            assert!(operator.has_access(pair).await);

            let sign_out = operator
                .form("/logout", String::new())
                .header("cookie", pair);
            let answer = sign_out.send().await.unwrap();
            let cookie = header(&answer, "set-cookie");
            assert!(cookie.starts_with("__Host-courier_session=; "), "{cookie}");
            assert!(
                cookie.contains("; Secure"),
                "browsers ignore it otherwise: {cookie}"
            );
            assert!(!operator.has_access(pair).await);
        }
    })
    .await;
}

#[tokio::test]
async fn guesses_are_counted_and_slowed_for_the_address_they_come_from() {
    scenario(async |scene| {
        let log = Log::default();
        let _guard = log.capture();
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        let session = operator.enter().await;
        let mut guesses = 0;
        let wait = loop {
            match operator.sign_in("wrong").await {
                (401, _) => guesses += 1,
                (429, wait) => break wait.unwrap(),
                other => panic!("{other:?}"),
            }
            assert!(guesses < 20, "guesses are not slowed");
        };
        assert!(guesses >= 3, "a person may mistype");
        assert!(
            wait <= Duration::from_secs(30),
            "the operator is locked out for {wait:?}"
        );
        assert_eq!(
            (rejected(scene, "wrong"), rejected(scene, "too_many")),
            (guesses, 1)
        );
        assert_eq!(log.lines_with("rejected"), 1);

        // Not even the right token is checked, or guessing would go on; that it is a bearer changes nothing.
        assert_eq!(operator.sign_in(TOKEN).await.0, 429);
        let bearer = operator.request(Method::GET, "/metrics").bearer_auth(TOKEN);
        assert_eq!(code(bearer).await, 429);
        assert!(operator.has_access(&session).await, "sessions go on");
        assert_eq!(operator.get("/healthz").await.0, 200);
        let elsewhere = operator.at("127.0.0.2");
        assert_eq!(elsewhere.sign_in(TOKEN).await.0, 303);

        scene.clock.advance(wait);
        assert_eq!(operator.sign_in(TOKEN).await.0, 303);
        assert_eq!(operator.sign_in("wrong").await.0, 401);
        assert_eq!(
            operator.sign_in("wrong").await.0,
            429,
            "one guess at a time"
        );
    })
    .await;
}

#[tokio::test]
async fn guesses_from_many_addresses_are_slowed_together() {
    scenario(async |scene| {
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        let known = operator.at("127.0.0.2");
        assert_eq!(known.sign_in(TOKEN).await.0, 303);
        let mut guesses = 0;
        loop {
            guesses += 1;
            let client = operator.at(&format!("127.0.1.{guesses}"));
            match client.sign_in("wrong").await.0 {
                401 => assert!(guesses < 200, "guesses are not slowed"),
                429 => break,
                other => panic!("{other}"),
            }
        }
        assert_eq!(
            known.sign_in(TOKEN).await.0,
            303,
            "this address signed in before"
        );
        let new = operator.at("127.0.0.3");
        let (status, wait) = new.sign_in(TOKEN).await;
        assert_eq!(status, 429);
        scene.clock.advance(wait.unwrap());
        assert_eq!(new.sign_in(TOKEN).await.0, 303);
    })
    .await;
}

#[tokio::test]
async fn a_forwarded_request_is_not_local_whatever_host_it_names() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let forwarded = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=192.0.2.1"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "192.0.2.1"),
            ("cf-connecting-ip", "192.0.2.1"),
        ];
        let with_token = scene.operator().await;
        let without_token = scene.operator_with(None, LOOPBACK.into()).await;
        for (name, value) in forwarded {
            for host in ["localhost:3001", "courier.example"] {
                let get = |operator: &Operator, path: &str| {
                    let request = operator.request(Method::GET, path);
                    request.header("host", host).header(name, value)
                };
                for path in ["/", "/events/1"] {
                    assert_eq!(code(get(&with_token, path)).await, 303, "{name} {path}");
                    assert_eq!(code(get(&without_token, path)).await, 403, "{name} {path}");
                }
                for path in ["/api/events", "/api/status", "/metrics"] {
                    assert_eq!(code(get(&with_token, path)).await, 401, "{name} {path}");
                    assert_eq!(code(get(&without_token, path)).await, 403, "{name} {path}");
                }
                let authorized = get(&with_token, "/api/status").bearer_auth(TOKEN);
                assert_eq!(code(authorized).await, 200, "{name}");
                assert_eq!(code(get(&without_token, "/healthz")).await, 200, "{name}");
                let login = get(&with_token, "/login").send().await.unwrap();
                let login = login.text().await.unwrap();
                assert!(!login.contains(scene.parts.portal.host()), "{login}");
            }
        }
        // nginx speaks HTTP/1.0 to the servers behind it and adds no header, unless it is configured to.
        for (operator, expected) in [(&with_token, "303"), (&without_token, "403")] {
            let address = operator.address.strip_prefix("http://").unwrap();
            let request = format!("GET / HTTP/1.0\r\nHost: {address}\r\n\r\n");
            let response = exchange_with(address, request.as_bytes()).await;
            assert!(
                response.starts_with(&format!("HTTP/1.0 {expected} ")),
                "{response}"
            );
        }
    })
    .await;
}

/// A listener on all addresses behind a proxy at 127.0.0.2 that authenticates operators.
async fn behind_proxy(scene: &Scene, token: Option<&str>) -> Operator {
    behind(scene, token, None).await
}

async fn behind(scene: &Scene, token: Option<&str>, role_header: Option<&'static str>) -> Operator {
    let proxy = TrustedProxy {
        header: HeaderName::from_static("x-user"),
        role_header: role_header.map(HeaderName::from_static),
        networks: vec!["127.0.0.2/32".parse().unwrap()],
    };
    let access = Access::new(token.map(Into::into), EVERYWHERE.into(), Some(proxy));
    scene.operator_of(access).await
}

#[tokio::test]
async fn a_trusted_proxy_authenticates_operators() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let direct = behind_proxy(scene, None).await;
        let proxied = direct.at("127.0.0.2");
        let get = |operator: &Operator, user: &str| {
            let request = operator.request(Method::GET, "/api/status");
            request.header("x-user", user)
        };
        assert_eq!(code(get(&proxied, "ada")).await, 200);
        assert_eq!(code(get(&proxied, "")).await, 403, "nobody is signed in");
        assert_eq!(
            code(get(&proxied, "ada").header("x-user", "eve")).await,
            403
        );
        assert_eq!(code(get(&direct, "ada")).await, 403, "not from the proxy");

        // Changes, but not those of foreign pages.
        let replay = || proxied.form("/events/1/replay", String::new());
        assert_eq!(code(replay().header("x-user", "ada")).await, 303);
        let replayed = scene.details(InboxId(1)).await.event;
        assert_eq!(replayed.replayed_person.as_deref(), Some("ada"));
        assert_eq!(code(replay()).await, 403);
        let foreign = proxied.request(Method::POST, "/events/1/replay");
        let foreign = foreign
            .header("x-user", "ada")
            .header("origin", "https://evil.example");
        assert_eq!(code(foreign).await, 403);
        scene.work_to_the_end().await;
    })
    .await;
}

#[tokio::test]
async fn guesses_through_a_trusted_proxy_slow_only_the_client_that_makes_them() {
    scenario(async |scene| {
        let proxied = behind_proxy(scene, Some(TOKEN)).await.at("127.0.0.2");
        let sign_in = async |token: &str, client: &str| {
            let form = proxied.form("/login", format!("token={token}"));
            // A client can only add entries before that of the proxy.
            code(form.header("x-forwarded-for", format!("192.0.2.99, {client}"))).await
        };
        for _ in 0..5 {
            assert_eq!(sign_in("wrong", "192.0.2.1").await, 401);
        }
        assert_eq!(sign_in(TOKEN, "192.0.2.1").await, 429);
        assert_eq!(sign_in(TOKEN, "192.0.2.2").await, 303);
    })
    .await;
}

/// The bytes of a login form of which one is missing.
const UNFINISHED: &str = "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\ntoken=a";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_limited_in_size_and_time_before_any_token_is_checked() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let address = operator.address.strip_prefix("http://").unwrap().to_owned();
        let mut unfinished = TcpStream::connect(&address).await.unwrap();
        unfinished.write_all(UNFINISHED.as_bytes()).await.unwrap();

        for path in [
            "/login",
            "/logout",
            "/events/1/replay",
            "/nothing",
            "/healthz",
        ] {
            let largest = operator.form(path, format!("token={}", "x".repeat(4 * 1024 - 6)));
            assert_ne!(code(largest).await, 413, "{path}");
            let too_large = operator.form(path, format!("token={}", "x".repeat(4 * 1024 - 5)));
            assert_eq!(code(too_large).await, 413, "{path}");
            // It is refused as soon as its length is announced, without a byte of it.
            let announced = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\
                 Content-Length: 4097\r\n\r\n"
            );
            let response = exchange_with(&address, announced.as_bytes()).await;
            assert!(response.starts_with("HTTP/1.1 413 "), "{path}: {response}");
        }

        let mut response = Vec::new();
        let read = tokio::time::timeout(STATE_BOUND, unfinished.read_to_end(&mut response));
        read.await.expect("the connection is closed").unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    })
    .await;
}

#[tokio::test]
async fn heads_are_limited_as_on_the_public_listener() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let address = operator.address.strip_prefix("http://").unwrap();
        let many = "X: 1\r\n".repeat(65);
        let long = format!("X: {}\r\n", "x".repeat(16 * 1024));
        for headers in [many, long] {
            let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
            let response = exchange_with(address, request.as_bytes()).await;
            assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
        }
        let response = exchange_with(address, b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    })
    .await;
}

/// A token with which one may only look.
const VIEWER_TOKEN: &str = "a-token-of-the-viewers";

/// Pages that ask before they change something, and what changes it.
const CHANGES: [&str; 5] = [
    "/events/1/replay",
    "/events/matching/replay",
    "/rules/pause",
    "/rules/edit",
    "/backfill/start",
];

#[tokio::test]
async fn viewers_see_everything_and_change_nothing() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.dead_copy("plan.docx").await;
        let access = Access::new(Some(TOKEN.into()), EVERYWHERE.into(), None)
            .with_viewer_token(Some(VIEWER_TOKEN.into()));
        let operator = scene.operator_of(access).await;
        let signed_in = operator.form("/login", format!("token={VIEWER_TOKEN}"));
        let signed_in = signed_in.send().await.unwrap();
        assert_eq!(signed_in.status(), 303);
        let cookie = header(&signed_in, "set-cookie");
        let cookie = cookie.split(';').next().unwrap();

        let pages = [
            "/",
            "/events/1",
            "/rules",
            "/backfill",
            "/changes",
            "/metrics",
            "/api/events",
        ];
        for path in pages {
            let request = || operator.request(Method::GET, path);
            assert_eq!(
                code(request().header("cookie", cookie)).await,
                200,
                "{path}"
            );
            assert_eq!(
                code(request().bearer_auth(VIEWER_TOKEN)).await,
                200,
                "{path}"
            );
        }
        for path in CHANGES {
            let change = || operator.form(path, "show=dead&rule=copy");
            assert_eq!(code(change().header("cookie", cookie)).await, 403, "{path}");
            assert_eq!(
                code(change().bearer_auth(VIEWER_TOKEN)).await,
                403,
                "{path}"
            );
        }
        let page = operator.request(Method::GET, "/events/1/replay");
        let page = page.header("cookie", cookie).send().await.unwrap();
        let page = page.text().await.unwrap();
        assert!(page.contains("Only operators can change this"), "{page}");

        // The same person can become an operator, and sign out again.
        let again = operator.form("/login", format!("token={TOKEN}"));
        let again = again.header("cookie", cookie).send().await.unwrap();
        let operators = header(&again, "set-cookie");
        let operators = operators.split(';').next().unwrap().to_owned();
        let ask = operator.request(Method::GET, "/events/1/replay");
        assert_eq!(code(ask.header("cookie", &operators)).await, 200);
        let sign_out = operator.form("/logout", String::new());
        assert_eq!(code(sign_out.header("cookie", cookie)).await, 303);
        assert!(!operator.has_access(cookie).await);
        assert!(operator.has_access(&operators).await);
    })
    .await;
}

#[tokio::test]
async fn a_trusted_proxy_names_the_role() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.dead_copy("plan.docx").await;
        let proxied = behind(scene, None, Some("x-role")).await.at("127.0.0.2");
        let ask = |roles: &[&'static str]| {
            let request = proxied.request(Method::GET, "/events/1/replay");
            roles
                .iter()
                .fold(request.header("x-user", "ada"), |request, role| {
                    request.header("x-role", *role)
                })
        };
        assert_eq!(code(ask(&["operator"])).await, 200);
        for roles in [
            &["viewer"][..],
            &[],
            &["operators"],
            &["operator", "viewer"],
            &[""],
        ] {
            assert_eq!(code(ask(roles)).await, 403, "{roles:?}");
        }
        let look = proxied.request(Method::GET, "/api/status");
        assert_eq!(code(look.header("x-user", "ada")).await, 200);
        let nobody = proxied.request(Method::GET, "/api/status");
        assert_eq!(code(nobody.header("x-role", "operator")).await, 403);
    })
    .await;
}
