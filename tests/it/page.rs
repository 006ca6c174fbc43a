//! The operator listener over HTTP: what its pages show, and who may change something.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use docspace_courier::admin::{self, Access};
use docspace_courier::config::Config;
use docspace_courier::db::Sql;
use docspace_courier::event::Event;
use docspace_courier::inbox;
use docspace_courier::notify::mail::Mailer;
use docspace_courier::pipeline::Pipelines;
use docspace_courier::server;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Dispatch;

use crate::bounds::{STATE_BOUND, until};
use crate::certificates;
use crate::check::Variables;
use crate::mail_server::MailServer;
use crate::notify::{by_mail, closed_port, notify};
use crate::scene::{Leftover, Scene, scenario};

pub const TOKEN: &str = "a-token-of-the-operator";

/// The addresses with which the listener is configured.
pub const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 3001);
pub const EVERYWHERE: ([u8; 4], u16) = ([0, 0, 0, 0], 3001);

/// An operator listener, and a client for it.
pub struct Operator {
    pub address: String,
    http: reqwest::Client,
    stop: Arc<DropGuard>,
}

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

impl Scene {
    /// Starts an operator listener for this scene, with a token.
    pub async fn operator(&self) -> Operator {
        self.operator_with(Some(TOKEN), LOOPBACK.into()).await
    }

    pub async fn operator_with(&self, token: Option<&str>, configured: SocketAddr) -> Operator {
        self.operator_of(Access::new(token.map(Into::into), configured, None))
            .await
    }

    pub async fn operator_of(&self, access: Access) -> Operator {
        self.operator_with_variables(access, Variables::of(self))
            .await
    }

    /// Starts an operator listener for a service with these variables, whose rules are active.
    pub async fn operator_with_variables(&self, access: Access, variables: Variables) -> Operator {
        let source = Config::from_pairs(&variables.0).unwrap().rules_source;
        self.parts.rules.replace(source.read().unwrap().rules);
        let reload = Arc::new(self.parts.reload(source, Pipelines::default()));
        let stop = CancellationToken::new();
        let health = self.parts.health(self.supervisor.health(), stop.clone());
        let tls = certificates::serving(&self.clock);
        let console = self.parts.console(access, Some(tls), health, reload);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = admin::router(Arc::new(console));
        tokio::spawn(server::serve(listener, router, stop.clone()));
        Operator {
            address,
            http: client().build().unwrap(),
            stop: Arc::new(stop.drop_guard()),
        }
    }

    /// Uploads a file whose copy becomes a dead letter.
    pub async fn dead_copy(&self, title: &str) {
        self.refuse("copy");
        self.upload(&self.client_room, title);
        self.work_to_the_end().await;
    }
}

impl Scene {
    /// Accepts an event whose title the portal would not allow.
    pub async fn accept_title(&self, title: &str) {
        let body = json!({
            "event": { "id": 1, "trigger": "file.uploaded" },
            "payload": { "id": 5, "title": title },
        });
        let body = body.to_string();
        let event = Event::parse(body.as_bytes()).unwrap();
        let now = self.clock.now();
        let accept = move |sql: &Sql| inbox::accept(sql, &event, body.as_bytes(), None, now);
        self.db.write(accept).await.unwrap();
    }
}

impl Operator {
    /// The same listener, and a client with another address.
    pub fn at(&self, client_address: &str) -> Self {
        let http = client().local_address(Some(client_address.parse().unwrap()));
        Self {
            address: self.address.clone(),
            http: http.build().unwrap(),
            stop: Arc::clone(&self.stop),
        }
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn page(&self, path: &str) -> String {
        let (code, html) = self.get(path).await;
        assert_eq!(code, 200, "{path}: {html}");
        html
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address))
    }

    /// A form as a browser sends it from a page of the listener.
    pub fn form(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("origin", &self.address)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Signs in with the token, and returns the session cookie.
    pub async fn enter(&self) -> String {
        let answer = self.form("/login", "token=a-token-of-the-operator&next=%2Fevents%2F1");
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), 303);
        assert_eq!(header(&answer, "location"), "/events/1");
        let cookie = header(&answer, "set-cookie");
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }
}

pub async fn code(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

pub fn header(answer: &Response, name: &str) -> String {
    answer.headers()[name].to_str().unwrap().to_owned()
}

fn check_contains(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word} is not in {page}");
    }
}

#[tokio::test]
async fn the_list_shows_events_and_actions_and_can_be_searched() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        check_contains(&operator.page("/").await, &["No events yet"]);

        let plan = scene.upload(&scene.client_room, "plan.docx");
        scene.upload(&scene.client_room, "Invoice 7.pdf");
        scene.work_to_the_end().await;
        let page = operator.page("/").await;
        check_contains(
            &page,
            &[
                "plan.docx",
                "Invoice 7.pdf",
                "copy to folder",
                "done",
                ">OK<",
            ],
        );

        for search in ["PLAN", "plan.docx", plan.as_str(), "1"] {
            let page = operator.page(&format!("/?search={search}")).await;
            assert!(page.contains(">plan.docx<"), "{search}: {page}");
            assert!(!page.contains(">Invoice 7.pdf<"), "{search}: {page}");
        }
        check_contains(&operator.page("/?search=%25").await, &["Nothing matches"]);
        check_contains(&operator.page("/?show=dead").await, &["No dead letters."]);
        check_contains(&operator.page("/?show=held").await, &["No held events."]);
        for (path, hint) in [
            ("/?show=nothing", "held"),
            ("/api/events?show=nothing", "held"),
            ("/?since=yesterday", "a date such as"),
            ("/api/events?until=tomorrow", "a date such as"),
        ] {
            let (code, said) = operator.get(path).await;
            assert_eq!(code, 400, "{path}: {said}");
            assert!(said.contains(hint), "{path}: {said}");
        }
    })
    .await;
}

#[tokio::test]
async fn facts_of_an_event_lead_to_the_events_that_share_them() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.upload(&scene.portal.seed().other_room, "elsewhere.docx");
        scene.work_to_the_end().await;
        let page = operator.page("/events/1").await;
        let room = format!("/?room={}", scene.client_room);
        for list in [&room, "/?trigger=file%2Euploaded", "/?person="] {
            assert!(page.contains(&format!("href=\"{list}")), "{list}: {page}");
        }
        let list = operator.page(&room).await;
        assert!(list.contains(">plan.docx<"), "{list}");
        assert!(!list.contains(">elsewhere.docx<"), "{list}");
        // Links to other states keep the filter.
        let dead = format!("href=\"/?show=dead&#38;room={}\"", scene.client_room);
        assert!(list.contains(&dead), "{dead}: {list}");
        let nothing = operator.page("/?rule=nobody").await;
        check_contains(&nothing, &["Nothing matches these filters"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_page_shows_reasons_actions_and_attempts() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        let page = operator.page("/events/1").await;
        check_contains(
            &page,
            &[
                "plan.docx",
                "Decisions",
                "planned",
                "ignored",
                "the title does not start with",
                "12 attempts failed; the last one: ",
                "attempts_used_up",
                "Sign in",
            ],
        );
        check_contains(
            &operator.page("/?show=dead").await,
            &["plan.docx", "needs attention"],
        );
        check_contains(&operator.page("/").await, &["1 event, 1 dead"]);
        assert_eq!(operator.get("/events/99").await.0, 404);
        assert_eq!(operator.get("/nothing").await.0, 404);
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_is_replayed_through_the_page() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        let session = operator.enter().await;

        let ask = operator.request(Method::GET, "/events/1/replay");
        let question = ask.header("cookie", &session).send().await.unwrap();
        let question = question.text().await.unwrap();
        check_contains(&question, &["Replay this event?", "copy to folder"]);
        assert_eq!(
            scene.count("copy", "dead").await,
            1,
            "asking changes nothing"
        );

        let replay = operator
            .form("/events/1/replay", "")
            .header("cookie", &session);
        let answer = replay.send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let said = operator.page(&header(&answer, "location")).await;
        check_contains(&said, &["The current rules evaluate the event again."]);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_is_discarded_through_the_page() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 1);
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        let discard = operator.form("/events/1/discard", "");
        assert_eq!(code(discard.bearer_auth(TOKEN)).await, 303);
        assert_eq!(scene.count("copy", "discarded").await, 1);
    })
    .await;
}

#[tokio::test]
async fn changes_need_the_token_and_the_same_origin() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        let session = operator.enter().await;
        let path = "/events/1/replay";
        let post = || {
            operator
                .request(Method::POST, path)
                .header("cookie", &session)
        };

        assert_eq!(code(operator.form(path, "")).await, 401);
        assert_eq!(
            code(operator.form(path, "").bearer_auth("wrong")).await,
            401
        );
        assert_eq!(code(operator.form("/login", "token=wrong")).await, 401);
        assert_eq!(code(operator.request(Method::GET, path)).await, 401);

        assert_eq!(code(post()).await, 403);
        assert_eq!(
            code(post().header("sec-fetch-site", "cross-site")).await,
            403
        );
        assert_eq!(
            code(post().header("origin", "http://evil.example")).await,
            403
        );
        assert_eq!(code(post().header("origin", "null")).await, 403);

        let without = scene.operator_with(None, LOOPBACK.into()).await;
        assert_eq!(code(without.form(path, "").bearer_auth(TOKEN)).await, 403);
        check_contains(
            &without.page("/events/1").await,
            &["no <code>ADMIN_TOKEN</code>"],
        );
        assert_eq!(scene.count("copy", "dead").await, 1);
    })
    .await;
}

/// What the tasks of this thread log while the guard lives.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn capture(&self) -> tracing::subscriber::DefaultGuard {
        // While there is only one subscriber, tracing asks that of the thread which reaches a line first, and other
        // threads that run tests have none: the line would then be off for all.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        let ignored = || tracing_subscriber::fmt().with_writer(io::sink).finish();
        SECOND.get_or_init(|| Dispatch::new(ignored()));
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || log.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    pub fn lines_with(&self, words: &str) -> usize {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains(words)).count()
    }
}

#[tokio::test]
async fn a_wrong_token_is_logged_wherever_it_is_used() {
    scenario(async |scene| {
        let log = Log::default();
        let _guard = log.capture();
        let rejected = || log.lines_with("rejected a wrong ADMIN_TOKEN");
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        let status = || operator.request(Method::GET, "/api/status");

        assert_eq!(code(status()).await, 401);
        assert_eq!(code(status().bearer_auth(TOKEN)).await, 200);
        assert_eq!(rejected(), 0);
        assert_eq!(code(status().bearer_auth("wrong")).await, 401);
        assert_eq!(rejected(), 1);
        assert_eq!(code(operator.form("/login", "token=wrong")).await, 401);
        assert_eq!(rejected(), 1, "a guesser does not fill the log");
        scene.clock.advance(Duration::from_secs(10));
        assert_eq!(code(operator.form("/login", "token=wrong")).await, 401);
        assert_eq!(rejected(), 2);
    })
    .await;
}

#[tokio::test]
async fn signing_out_removes_the_session_cookie() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let session = operator.enter().await;
        let leave = operator.form("/logout", "").header("cookie", session);
        let answer = leave.send().await.unwrap();
        let cookie = header(&answer, "set-cookie");
        assert!(
            cookie.starts_with("courier_session=; Path=/; Max-Age=0;"),
            "{cookie}"
        );
        assert_eq!(code(operator.request(Method::POST, "/logout")).await, 403);
    })
    .await;
}

#[tokio::test]
async fn a_loopback_listener_answers_to_loopback_names_only() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let call = |host: &str| operator.request(Method::GET, "/").header("host", host);
        assert_eq!(code(call("localhost:3001")).await, 200);
        assert_eq!(code(call("[::1]:3001")).await, 200);
        assert_eq!(code(call("evil.example:3001")).await, 421);
        let status = operator.request(Method::GET, "/api/status");
        assert_eq!(code(status.header("host", "evil.example")).await, 421);
    })
    .await;
}

#[tokio::test]
async fn a_listener_for_other_machines_shows_nothing_without_the_token() {
    scenario(async |scene| {
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        for path in ["/healthz", "/readyz", "/login", "/style.css"] {
            let page = operator.page(path).await;
            let portal = scene.parts.portal.host();
            assert!(!page.contains(portal), "{path} names the portal: {page}");
        }
        for path in ["/metrics", "/api/events", "/api/events/1", "/api/status"] {
            assert_eq!(operator.get(path).await.0, 401, "{path}");
            let with = operator.request(Method::GET, path).bearer_auth("wrong");
            assert_eq!(code(with).await, 401, "{path}");
        }
        let away = operator
            .request(Method::GET, "/?search=a")
            .send()
            .await
            .unwrap();
        assert_eq!(away.status(), 303);
        assert_eq!(header(&away, "location"), "/login?next=%2F%3Fsearch%3Da");

        let metrics = operator.request(Method::GET, "/metrics").bearer_auth(TOKEN);
        assert_eq!(code(metrics).await, 200);
        let session = operator.enter().await;
        let list = operator.request(Method::GET, "/").header("cookie", session);
        assert_eq!(code(list.header("host", "courier.example")).await, 200);
    })
    .await;
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        for path in [
            "/",
            "/events/1",
            "/login",
            "/style.css",
            "/api/status",
            "/nothing",
            "/healthz",
        ] {
            let answer = operator.request(Method::GET, path).send().await.unwrap();
            let policy = header(&answer, "content-security-policy");
            check_contains(&policy, &["default-src 'none'", "frame-ancestors 'none'"]);
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
            assert_eq!(header(&answer, "referrer-policy"), "same-origin");
            assert_eq!(header(&answer, "cache-control"), "no-store");
        }
    })
    .await;
}

#[tokio::test]
async fn titles_are_escaped() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        let operator = scene.operator().await;
        let title = "<script>alert('x')</script> \u{202e}cod.pdf";
        scene.accept_title(title).await;
        let session = operator.enter().await;
        for path in [
            "/",
            "/events/1",
            "/events/1/replay",
            "/?search=%22%3E%3Cscript%3E",
        ] {
            let request = operator
                .request(Method::GET, path)
                .header("cookie", &session);
            let page = request.send().await.unwrap().text().await.unwrap();
            let scripts = page.matches("<script").count();
            assert_eq!(scripts, 1, "only our own: {page}");
            check_contains(&page, &["&#60;script&#62;"]);
            assert!(!page.contains('\u{202e}'), "turned around: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_json_api_returns_what_the_command_prints() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        scene.upload(&scene.client_room, "Invoice 7.pdf");
        scene.work_to_the_end().await;
        let store = scene.store.url();
        for (path, arguments) in [
            ("/api/events", &["list", "--json"][..]),
            ("/api/events?show=dead", &["list", "--dead", "--json"]),
            (
                "/api/events?rule=copy&trigger=file.uploaded",
                &[
                    "list",
                    "--rule",
                    "copy",
                    "--trigger",
                    "file.uploaded",
                    "--json",
                ],
            ),
            (
                "/api/events?rule=nobody&show=",
                &["list", "--rule", "nobody", "--json"],
            ),
            (
                "/api/events?until=2000-01-01",
                &["list", "--until", "2000-01-01", "--json"],
            ),
            ("/api/events/1", &["show", "1", "--json"]),
        ] {
            let command = crate::process::binary()
                .arg("events")
                .args(arguments)
                .env("DATABASE_URL", &store)
                .output();
            let printed: Value = serde_json::from_slice(&command.unwrap().stdout).unwrap();
            let served: Value = serde_json::from_str(&operator.page(path).await).unwrap();
            assert_eq!(served, printed, "{path}");
        }
        let status: Value = serde_json::from_str(&operator.page("/api/status").await).unwrap();
        assert_eq!(status["dead"], 1);
        assert_eq!(status["actions_owed"], 0);
        assert_eq!(status["portal"]["trouble"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_down_is_shown() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        let mailer = Mailer::new(MailServer::plain(closed_port())).unwrap();
        scene.notify_after_move(by_mail(mailer), notify(&["manager@example.com"]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        let operator = scene.operator().await;
        let page = operator.page("/").await;
        assert!(
            page.contains("email paused") && page.contains("the mail server cannot be reached"),
            "{page}"
        );
        let status: Value = serde_json::from_str(&operator.page("/api/status").await).unwrap();
        assert_eq!(status["channels"][0]["channel"], "email");
        assert_eq!(status["channels"][0]["problem"], "unreachable");
        let metrics = operator.page("/metrics").await;
        let gauge = "courier_channel_breaker_open{channel=\"email\"} 1";
        assert!(metrics.contains(gauge), "{metrics}");
        let health = operator.page("/healthz").await;
        assert_eq!(health, "ok\nemail is paused: unreachable\n");
        let public = scene.address.replace("/webhook", "/healthz");
        let public = operator.http.get(public).send().await.unwrap();
        assert_eq!(public.text().await.unwrap(), "ok\n");
    })
    .await;
}

#[tokio::test]
async fn people_see_errors_as_pages_and_programs_as_a_sentence() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let large = "x".repeat(5_000);
        let requests = [
            (operator.request(Method::GET, "/nothing"), 404),
            (operator.request(Method::GET, "/events/nothing"), 400),
            (operator.request(Method::GET, "/?before=nothing"), 400),
            (operator.request(Method::PUT, "/login"), 403),
            (operator.request(Method::POST, "/logout"), 403),
            (operator.form("/login", "no=token"), 422),
            (operator.form("/login", large), 413),
            (
                operator
                    .request(Method::GET, "/")
                    .header("host", "evil.example"),
                421,
            ),
        ];
        for (request, expected) in requests {
            let person = request
                .try_clone()
                .unwrap()
                .header("accept", "text/html,*/*;q=0.8");
            for (request, is_page) in [(person, true), (request, false)] {
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), expected);
                assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
                let text = answer.text().await.unwrap();
                assert_eq!(
                    text.starts_with("<!doctype html>"),
                    is_page,
                    "{expected}: {text}"
                );
                assert_eq!(text.contains("All events"), is_page, "{expected}: {text}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rooms_folders_and_people_are_shown_by_name_with_links_into_the_portal() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let (room, internal) = (&scene.client_room, &scene.internal);
        let address = |id: &dyn std::fmt::Display| {
            format!("{}/rooms/shared/filter?folder={id}", scene.host())
        };

        let rules = operator.page("/rules").await;
        for (id, name) in [
            (room.to_string(), "Acme - shared with client"),
            (internal.to_string(), "Internal Processing / Inbox"),
        ] {
            let link = format!("<a href=\"{}\" rel=\"noopener\">{name}</a>", address(&id));
            assert!(rules.contains(&link), "{link} is not in {rules}");
        }
        let list = operator.page("/").await;
        check_contains(
            &list,
            &[
                "in Acme - shared with client",
                &format!("copy to folder {internal} (Internal Processing / Inbox)"),
            ],
        );
        let event = operator.page("/events/1").await;
        let name = format!("Acme - shared with client ({room})");
        check_contains(&event, &[&name, &address(room), "/doceditor?fileid="]);
        // Names are looked up for the next page, if not for this one.
        until(STATE_BOUND, "the list names the person", async || {
            operator.page("/").await.contains("by Chris Client")
        })
        .await;
        let event = operator.page("/events/1").await;
        let client = &scene.portal.seed().client_user;
        let search = "/accounts/people/filter?search=chris.client%40acme.example.test";
        check_contains(&event, &[&format!("Chris Client ({client})"), search]);

        // Without the portal, pages show what is known, and ids.
        scene.dead_copy("other.docx").await;
        scene.portal.set_key_valid(false);
        let elsewhere = scene.operator().await;
        check_contains(&elsewhere.page("/rules").await, &[&room.to_string()]);
        scene.portal.set_key_valid(true);
    })
    .await;
}
