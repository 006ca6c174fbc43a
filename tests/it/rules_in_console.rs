//! Rules in the console: the list, pausing and resuming, and the editor of the rules file.

use std::fs;
use std::path::PathBuf;

use docspace_courier::admin::{Access, TrustedProxy};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::check::Variables;
use crate::page::{EVERYWHERE, LOOPBACK, Operator, TOKEN, code, header};
use crate::scene::{Leftover, Scene, scenario};

/// A rules file, and an operator listener of a service that has only its rules.
pub struct Editor {
    pub operator: Operator,
    session: String,
    file: PathBuf,
    _folder: TempDir,
}

/// A rule that copies what is uploaded to the client room.
fn rule(scene: &Scene, name: &str) -> String {
    format!(
        "[[rule]]\nname = \"{name}\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n[[rule.action]]\ncopy = {}\n",
        scene.client_room, scene.internal
    )
}

fn access() -> Access {
    Access::new(Some(TOKEN.into()), LOOPBACK.into(), None)
}

/// The variables of a scene with a rules file instead of the two rules.
fn with_file(scene: &Scene, file: &str) -> Variables {
    let mut variables = Variables::of(scene).with("RULES_FILE", file);
    let of_rules = ["_ROOM_ID", "_FOLDER_ID", "_ROOT_ID"];
    let is_of_rules = |name: &str| of_rules.iter().any(|end| name.ends_with(end));
    variables.0.retain(|(name, _)| !is_of_rules(name));
    variables
}

impl Editor {
    pub async fn open(scene: &Scene, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        fs::write(&file, text).unwrap();
        let variables = with_file(scene, file.to_str().unwrap());
        let operator = scene.operator_with_variables(access(), variables).await;
        let session = operator.enter().await;
        Self {
            operator,
            session,
            file,
            _folder: folder,
        }
    }

    pub async fn page(&self, path: &str) -> String {
        let request = self.operator.request(Method::GET, path);
        let answer = request
            .header("cookie", &self.session)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// The fingerprint of the file as the page shows it.
    async fn fingerprint(&self) -> String {
        let page = self.page("/rules/edit").await;
        between(&page, "name=\"fingerprint\" value=\"", "\"")
    }

    /// Sends the form of the page as it is now; returns the status and the page.
    async fn send(&self, intent: &str, text: &str) -> (u16, String) {
        let fingerprint = self.fingerprint().await;
        self.send_seen(intent, text, &fingerprint).await
    }

    async fn send_seen(&self, intent: &str, text: &str, fingerprint: &str) -> (u16, String) {
        let fields = [
            ("fingerprint", fingerprint),
            // As browsers send it.
            ("text", &text.replace('\n', "\r\n")),
            ("intent", intent),
            ("last", "50"),
        ];
        let form = reqwest::Url::parse_with_params("http://localhost", fields).unwrap();
        let form = form.query().unwrap().to_owned();
        let request = self.operator.form("/rules/edit", form);
        let answer = request
            .header("cookie", &self.session)
            .send()
            .await
            .unwrap();
        let code = answer.status().as_u16();
        if code == 303 {
            assert_eq!(header(&answer, "location"), "/rules?notice=saved");
        }
        (code, answer.text().await.unwrap())
    }

    pub fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("{start} is not in {text}"));
    rest.split_once(end).unwrap().0.to_owned()
}

#[tokio::test]
async fn rules_are_listed_with_what_they_did() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        scene.upload(&scene.client_room, "Invoice 7.pdf");
        scene.work_to_the_end().await;
        scene.dead_copy("plan.docx").await;

        let page = operator.page("/rules").await;
        for part in [
            "<h2>copy</h2>",
            "<h2>invoice</h2>",
            "<a href=\"/?rule=copy\">2 events</a>",
            "<a href=\"/?rule=invoice\">1 event</a>",
            "<a class=\"bad\" href=\"/?rule=copy&#38;show=dead\">1 dead letter</a>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        let listed: Value = serde_json::from_str(&operator.page("/api/rules").await).unwrap();
        assert_eq!(listed[0]["name"], "copy");
        assert_eq!(listed[0]["matched"], 2);
        assert_eq!(listed[0]["dead"], 1);
        assert_eq!(listed[1]["paused"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn an_operator_pauses_and_resumes_a_rule_and_the_audit_log_says_who() {
    scenario(async |scene| {
        let proxy = TrustedProxy {
            header: "x-user".parse().unwrap(),
            role_header: None,
            networks: vec!["127.0.0.1/32".parse().unwrap()],
        };
        let access = Access::new(None, EVERYWHERE.into(), Some(proxy));
        let operator = scene.operator_of(access).await;
        let get = async |path: &str| {
            let request = operator.request(Method::GET, path).header("x-user", "ada");
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let post = async |path: &str, body: &'static str| {
            code(operator.form(path, body).header("x-user", "ada")).await
        };

        let (_, question) = get("/rules/pause?rule=copy").await;
        assert!(question.contains("Pause the rule copy?"), "{question}");
        assert_eq!(scene.paused_rules().await, [], "asking changes nothing");
        assert_eq!(post("/rules/pause", "rule=copy").await, 303);
        assert_eq!(post("/rules/pause", "rule=copy").await, 409);
        assert_eq!(post("/rules/pause", "rule=nobody").await, 404);
        assert_eq!(post("/rules/resume", "rule=invoice").await, 409);

        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let (_, list) = get("/rules").await;
        assert!(list.contains("1 action is held"), "{list}");
        let (_, question) = get("/rules/resume?rule=copy").await;
        assert!(question.contains("It holds 1 action."), "{question}");
        assert_eq!(post("/rules/resume", "rule=copy&held=do").await, 303);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);

        let (_, log) = get("/api/changes").await;
        let log: Value = serde_json::from_str(&log).unwrap();
        let said: Vec<_> = log.as_array().unwrap().iter().collect();
        assert_eq!(said.len(), 2, "{log}");
        for (entry, what) in said.iter().zip(["resume_rule", "pause_rule"]) {
            assert_eq!(entry["what"], what);
            assert_eq!(entry["subject"], "copy");
            assert_eq!(entry["person"], "ada");
            assert_eq!(entry["through"], "console");
        }
        let (_, page) = get("/changes").await;
        assert!(
            page.contains("Resumed the rule <strong>copy</strong>"),
            "{page}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_paused_and_gone_from_the_file_can_be_resumed() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 1);
        let editor = Editor::open(scene, &rule(scene, "mirror")).await;
        let form = |path: &str, body: &'static str| {
            let form = editor.operator.form(path, body);
            form.header("cookie", &editor.session)
        };
        assert_eq!(code(form("/rules/pause", "rule=mirror")).await, 303);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(editor.send("save", "# no rules\n").await.0, 303);
        assert!(!editor.page("/rules").await.contains("mirror"));
        assert_eq!(
            code(form("/rules/resume", "rule=mirror&held=drop")).await,
            303
        );
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_rule_is_tried_on_past_events_saved_and_taken_back() {
    scenario(async |scene| {
        let before = format!("# copies nothing yet\n{}", rule(scene, "mirror"));
        let before = before.replace("file.uploaded", "file.updated");
        let editor = Editor::open(scene, &before).await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;

        let after = before.replace("file.updated", "file.uploaded");
        let (status, page) = editor.send("try", &after).await;
        assert_eq!(status, 200);
        let told = "Tried on 1 past event: 0 unchanged, 1 different, 0 could not be decided.";
        assert!(page.contains(told), "{page}");
        assert!(page.contains("no rule then, mirror now"), "{page}");
        assert_eq!(editor.text(), before, "a trial changes nothing");

        assert_eq!(editor.send("save", &after).await.0, 303);
        assert_eq!(editor.text(), after);
        scene.upload(&scene.client_room, "draft.docx");
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.internal),
            ["draft.docx"],
            "active at once"
        );

        let page = editor.page("/rules/edit").await;
        let version = between(&page, "href=\"/rules/edit?version=", "\"");
        let gone = "/rules/edit?version=20010101T000000.000Z";
        let gone = editor.operator.request(Method::GET, gone);
        assert_eq!(code(gone.header("cookie", &editor.session)).await, 404);
        let page = editor.page(&format!("/rules/edit?version={version}")).await;
        assert!(page.contains("This is a former version."), "{page}");
        assert!(page.contains("# copies nothing yet"), "{page}");
        assert_eq!(editor.send("save", &before).await.0, 303);
        assert_eq!(editor.text(), before);

        let log: Value = serde_json::from_str(&editor.page("/api/changes").await).unwrap();
        assert_eq!(log.as_array().unwrap().len(), 2);
        assert_eq!(log[0]["what"], "save_rules");
    })
    .await;
}

#[tokio::test]
async fn errors_are_shown_at_their_lines_and_nothing_is_saved() {
    scenario(async |scene| {
        let good = rule(scene, "mirror");
        let editor = Editor::open(scene, &good).await;
        let wrong = good.replace("copy =", "cpoy =");
        for intent in ["save", "try"] {
            let (status, page) = editor.send(intent, &wrong).await;
            assert_eq!(status, 422, "{intent}");
            assert!(page.contains("There are errors. Nothing was saved or tried."));
            assert!(page.contains("data-line=\"6\""), "{page}");
            assert!(page.contains("cpoy = "), "what was typed is kept: {page}");
        }
        let itself = good.replace("file.uploaded", "file.copied").replace(
            &format!("copy = {}", scene.internal),
            &format!("copy = {}", scene.client_room),
        );
        let (status, page) = editor.send("save", &itself).await;
        assert_eq!(status, 422);
        assert!(
            page.contains("the rules would trigger themselves"),
            "{page}"
        );
        assert_eq!(editor.text(), good);
        assert_eq!(scene.parts.rules.get().rules()[0].name, "mirror");
    })
    .await;
}

#[tokio::test]
async fn a_text_survives_the_page_as_it_is() {
    scenario(async |scene| {
        let text = "\n# tab\there, </textarea><script>, \u{202e}, family \u{1f468}\u{200d}\u{1f469}, &amp;\n";
        let text = format!("{text}{}", rule(scene, "mirror"));
        let editor = Editor::open(scene, &text).await;
        let browser = Browser::start().await;
        let page = format!("{}/rules/edit", editor.operator.address);
        browser.go(&format!("{}/login?next=%2Frules%2Fedit", editor.operator.address)).await;
        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        assert_eq!(browser.run("return location.href").await, page.as_str());
        let shown = browser.run("return document.getElementById('text').value").await;
        assert_eq!(shown.as_str(), Some(text.as_str()));
        browser.click("button[value=save]").await;
        assert!(browser.text().await.contains("The rules are saved and active."));
        assert_eq!(editor.text(), text);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_or_cannot_be_written_is_not_replaced() {
    scenario(async |scene| {
        let good = rule(scene, "mirror");
        let editor = Editor::open(scene, &good).await;
        let seen = editor.fingerprint().await;
        let by_another = format!("# by another\n{good}");
        fs::write(&editor.file, &by_another).unwrap();
        let mine = format!("# mine\n{good}");
        let (status, page) = editor.send_seen("save", &mine, &seen).await;
        assert_eq!(status, 409);
        assert!(
            page.contains("The file has changed since you opened it"),
            "{page}"
        );
        assert!(page.contains("# mine"), "{page}");
        assert_eq!(editor.text(), by_another);

        // Root may write everywhere, but not into a folder that is gone.
        fs::remove_file(&editor.file).unwrap();
        let seen = editor.fingerprint().await;
        let folder = editor.file.parent().unwrap();
        let moved = folder.with_extension("away");
        fs::rename(folder, &moved).unwrap();
        let (status, page) = editor.send_seen("save", &mine, &seen).await;
        fs::rename(&moved, folder).unwrap();
        assert_eq!(status, 500);
        assert!(page.contains("rules.toml cannot be saved"), "{page}");
        assert!(page.contains("# mine"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn only_operators_see_and_send_the_file() {
    scenario(async |scene| {
        let editor = Editor::open(scene, &rule(scene, "mirror")).await;
        let operator = &editor.operator;
        let (status, page) = operator.get("/rules/edit").await;
        assert_eq!(status, 401);
        assert!(!page.contains("mirror"), "{page}");
        // The body of others is not read.
        let form = operator.form("/rules/edit", "text=".to_owned() + &"a".repeat(900_000));
        assert_eq!(code(form).await, 401);
        let too_large = format!("intent=save&fingerprint=&text={}", "a".repeat(1_100_000));
        let form = operator.form("/rules/edit", too_large);
        assert_eq!(code(form.header("cookie", &editor.session)).await, 413);

        let without = scene.operator().await;
        let session = without.enter().await;
        let request = without.request(Method::GET, "/rules/edit");
        let answer = request.header("cookie", session).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let page = answer.text().await.unwrap();
        assert!(page.contains("RULES_FILE is not set."), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_an_operator_fit_every_screen_and_everyone() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let text = rule(scene, "mirror");
        let editor = Editor::open(scene, &text).await;
        scene.dead_copy("plan.docx").await;
        assert_eq!(editor.send("save", &text).await.0, 303);
        scene.pause_rule("mirror").await;

        let browser = Browser::start().await;
        let address = &editor.operator.address;
        browser.go(&format!("{address}/login")).await;
        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        let fits = async |scheme: &str, what: &str| {
            for width in [320, 1280] {
                browser.show_on(width, 900, scheme).await;
                assert_eq!(browser.violations().await, Vec::<String>::new(), "{what}");
                assert!(browser.too_wide().await <= 0, "{what} at {width} px");
            }
        };
        for scheme in ["light", "dark"] {
            for path in [
                "/events/1",
                "/events/1/replay",
                "/events/1/discard",
                "/rules",
                "/rules/resume?rule=mirror",
                "/rules/pause?rule=nobody",
                "/rules/edit",
                "/rules/new",
                "/rules/new?recipe=archived-room",
                "/rules/new?recipe=route-by-status",
                "/changes",
            ] {
                browser.go(&format!("{address}{path}")).await;
                fits(scheme, path).await;
            }
            browser.go(&format!("{address}/rules/edit")).await;
            browser.click("[value=try]").await;
            fits(scheme, "a trial").await;
            browser.type_into("#text", "[[").await;
            browser.click("[value=try]").await;
            fits(scheme, "an error").await;
            // The line number leads to the line.
            browser
                .run("document.querySelector('a[data-line]').click()")
                .await;
            let focused = browser.run("return document.activeElement.id").await;
            assert_eq!(focused, "text");
        }
    })
    .await;
}
