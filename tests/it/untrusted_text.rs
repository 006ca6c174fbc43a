//! Titles that try to be something else: links, mentions, text in another direction, commands to a terminal.

use docspace_courier::rules::ActionPlan;
use reqwest::Method;
use serde_json::Value;

use crate::events::printed;
use crate::mail_server::MailServer;
use crate::notify::{by_mail, notify};
use crate::page::TOKEN;
use crate::pipeline::Receiver;
use crate::scene::{Leftover, scenario};

/// A title with characters that move a terminal's cursor, or hide or reorder text.
const HOSTILE: &str = "\u{1b}[2Jplan\u{9b}31m\u{7f}\u{200e}\u{202e}fdp\u{2066}.exe\u{e0041}";

/// What a person sees of a text in an email or a chat.
pub fn shown(text: &str) -> String {
    text.replace('\u{200b}', "")
}

/// Whether the text has such a character; line ends do not count.
fn is_hostile(text: &str) -> bool {
    let hidden = ['\u{200e}', '\u{202e}', '\u{2066}', '\u{e0041}'];
    text.chars().any(|character| {
        hidden.contains(&character) || (character.is_control() && character != '\n')
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_print_nothing_that_controls_a_terminal() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        assert!(is_hostile(HOSTILE));
        scene.accept_title(HOSTILE).await;
        for arguments in [
            &["list"][..],
            &["show", "1"],
            &["list", "--json"],
            &["show", "1", "--json"],
        ] {
            let text = printed(&scene.run(arguments));
            assert!(text.contains("plan"), "{arguments:?}: {text:?}");
            assert!(!is_hostile(&text), "{arguments:?}: {text:?}");
        }
        let json: Value = serde_json::from_str(&printed(&scene.run(&["list", "--json"]))).unwrap();
        assert_eq!(json[0]["title"], HOSTILE, "escaped, not changed");
    })
    .await;
}

#[tokio::test]
async fn pages_and_their_json_hold_nothing_that_reorders_text() {
    scenario(async |scene| {
        scene.leaving(Leftover::UndecidedEvents, 1);
        scene.accept_title(HOSTILE).await;
        let operator = scene.operator().await;
        for path in [
            "/",
            "/events/1",
            "/events/1/replay",
            "/?search=%E2%80%AEfdp",
            "/api/events",
            "/api/events/1",
        ] {
            let request = operator.request(Method::GET, path).bearer_auth(TOKEN);
            let page = request.send().await.unwrap().text().await.unwrap();
            assert!(
                page.contains("plan") || path.contains("search"),
                "{path}: {page}"
            );
            assert!(!is_hostile(&page), "{path}: {page:?}");
        }
        let json: Value = serde_json::from_str(&operator.get("/api/events").await.1).unwrap();
        assert_eq!(json[0]["title"], HOSTILE, "escaped, not changed");
    })
    .await;
}

#[tokio::test]
async fn a_title_is_neither_a_link_nor_a_mention_in_a_chat() {
    scenario(async |scene| {
        let chat = Receiver::start().await;
        scene.notify_after_move(chat.as_chat(), vec![ActionPlan::Chat]);
        let title = "Invoice [pay here](www.evil.example) @here #it ~it evil.example a@evil.example \u{202e}.pdf";
        scene.upload(&scene.client_room, title);
        scene.work().await;
        let text = chat.calls()[0].json()["text"].as_str().unwrap().to_owned();
        let (untrusted, link) = text.rsplit_once(": ").unwrap();
        assert!(link.starts_with("http://127.0.0.1:"), "our own link still works: {link}");
        for part in ["](", "www.e", "evil.e", "@h", "@e", "#i", "~i"] {
            assert!(!untrusted.contains(part), "{part}: {untrusted}");
        }
        let shown = shown(untrusted);
        assert!(!is_hostile(&shown), "{shown:?}");
        // To a person it looks as it is.
        assert!(shown.contains("[pay here](www.evil.example)"), "{shown}");
    })
    .await;
}

#[tokio::test]
async fn a_title_is_not_a_link_in_a_mail() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_after_move(by_mail(server.mailer()), notify(&["manager@example.com"]));
        let title = "Invoice www.evil.example a@evil.example \u{202e}\u{1b}.pdf";
        scene.upload(&scene.client_room, title);
        scene.work().await;
        let mails = server.mails(1).await;
        for text in [mails[0].text(), mails[0].html()] {
            for part in ["www.e", "evil.e", "@e"] {
                assert!(!text.contains(part), "{part}: {text}");
            }
            let shown = shown(text).replace('\r', "");
            assert!(shown.contains("www.evil.example"), "{shown}");
            assert!(!is_hostile(&shown), "{shown:?}");
        }
        let subject = mails[0].header("Subject");
        assert!(
            !is_hostile(subject) && !subject.contains('\u{200b}'),
            "{subject:?}"
        );
    })
    .await;
}
