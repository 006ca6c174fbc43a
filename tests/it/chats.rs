//! Each kind of chat gets the message in its own format, recognized by the path of its address.

use std::time::Duration;

use docspace_courier::actions::Notify;
use docspace_courier::notify::Channels;
use docspace_courier::notify::chat::Chat;
use serde_json::Value;

use crate::pipeline::{Answer, Receiver};
use crate::scene::{Leftover, Scene, scenario};
use crate::untrusted_text::shown;

const TELEGRAM: &str = "/bot1:token/sendMessage?chat_id=-100";

/// The portal itself replaces characters such as `:`, `/` and `<`.
const TITLE: &str = "Invoice [pay](evil.example) _now_ @everyone.pdf";

/// Notifies the chat at this path of the receiver about each invoice.
fn notify_at(scene: &mut Scene, receiver: &Receiver, path: &str) {
    let chat = Chat::new(receiver.url_at(path).into()).unwrap();
    let channels = Channels {
        chat: Some(chat),
        ..Channels::default()
    };
    scene.notify_after_move(channels, vec![Notify::Chat.into()]);
}

/// The message about [`TITLE`] that a chat at this path gets.
async fn message(path: &str) -> Value {
    let receiver = Receiver::start().await;
    scenario(async |scene| {
        notify_at(scene, &receiver, path);
        scene.upload(&scene.client_room, TITLE);
        scene.work().await;
    })
    .await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 1, "{path}");
    assert_eq!(calls[0].header("content-type"), "application/json");
    calls[0].json()
}

#[tokio::test]
async fn discord_gets_content_that_mentions_nobody() {
    let message = message("/api/webhooks/1/token").await;
    assert_eq!(message["allowed_mentions"]["parse"], serde_json::json!([]));
    let content = message["content"].as_str().unwrap();
    assert!(
        shown(content).contains(r"Invoice \[pay\]\(evil.example\) \_now\_ @everyone.pdf"),
        "{content}"
    );
    assert!(!content.contains("evil.example"), "{content}");
    assert!(!content.contains("@everyone"), "{content}");
    assert!(content.contains(": http://127.0.0.1:"), "{content}");
}

#[tokio::test]
async fn telegram_gets_plain_text_for_the_chat_of_the_address() {
    let message = message(TELEGRAM).await;
    assert_eq!(message["chat_id"], "-100");
    assert_eq!(message.get("parse_mode"), None);
    assert_eq!(message["link_preview_options"]["is_disabled"], true);
    let text = message["text"].as_str().unwrap();
    assert!(shown(text).contains(TITLE), "{text}");
    for part in ["evil.example", "@everyone"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn teams_gets_a_card_in_which_only_our_link_opens() {
    let path = "/workflows/0a/triggers/manual/paths/invoke?sig=x";
    let message = message(path).await;
    assert_eq!(message["type"], "message");
    let attachment = &message["attachments"][0];
    assert_eq!(
        attachment["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    let runs = attachment["content"]["body"][0]["inlines"].as_array();
    let runs = runs.unwrap();
    let text: String = runs.iter().filter_map(|run| run["text"].as_str()).collect();
    assert!(shown(&text).contains(TITLE), "{text}");
    let links: Vec<&str> = runs
        .iter()
        .filter_map(|run| run["selectAction"]["url"].as_str())
        .collect();
    assert_eq!(links.len(), 1, "{links:?}");
    assert!(links[0].contains("/doceditor?fileid="), "{links:?}");
}

#[tokio::test]
async fn telegram_asks_for_a_wait_in_the_body() {
    scenario(async |scene| {
        let receiver = Receiver::start().await;
        notify_at(scene, &receiver, TELEGRAM);
        receiver.answer(Answer {
            body: Some(r#"{"ok":false,"error_code":429,"parameters":{"retry_after":300}}"#),
            ..Answer::status(429)
        });
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        scene.clock.advance(Duration::from_secs(290));
        scene.work().await;
        assert_eq!(receiver.calls().len(), 1, "the wait is kept");
        scene.clock.advance(Duration::from_secs(30));
        scene.work().await;
        assert_eq!(receiver.calls().len(), 2);
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn messages_wait_while_telegram_does_not_know_the_chat() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let receiver = Receiver::start().await;
        notify_at(scene, &receiver, TELEGRAM);
        receiver.answer(Answer {
            body: Some(
                r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            ),
            ..Answer::status(400)
        });
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        assert_eq!(scene.failures().await, 0, "no dead letter");
        assert_eq!(scene.count("notify", "waiting").await, 1);
        scene.work_to_the_end().await;
        assert_eq!(scene.count("notify", "done").await, 1);
        assert_eq!(receiver.calls().len(), 2);

        // What is wrong with one message is no problem of the chat.
        receiver.answer(Answer {
            body: Some(
                r#"{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}"#,
            ),
            ..Answer::status(400)
        });
        scene.upload(&scene.client_room, "Invoice 2.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.failures().await, 1);
    })
    .await;
}
