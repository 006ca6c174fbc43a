//! Invoices are announced by mail and in the chat, whatever the mail server does.

use std::sync::Arc;
use std::time::Duration;

use docspace_courier::actions::Notify;
use docspace_courier::notify::Channels;
use docspace_courier::notify::mail::Mailer;
use docspace_courier::rules::ActionPlan;
use docspace_sandbox::{Fault, FaultEffect};
use tokio_util::sync::CancellationToken;

use crate::bounds::{STATE_BOUND, until};
use crate::mail_server::{Mail, MailServer};
use crate::pipeline::Receiver;

use crate::scene::{Leftover, scenario};
use crate::untrusted_text::shown;

/// How many notifications the worker sends at a time.
const AT_A_TIME: usize = 5;

/// How long the client waits for the portal.
const PORTAL_TIMEOUT: Duration = Duration::from_secs(30);

const MANAGER: &str = "manager@example.com";

pub fn notify(addresses: &[&str]) -> Vec<ActionPlan> {
    let to = |address: &&str| Notify::email(Some((*address).to_owned())).into();
    addresses.iter().map(to).collect()
}

pub fn by_mail(mailer: Mailer) -> Channels {
    Channels {
        mailer: Some(mailer),
        ..Channels::default()
    }
}

/// A port on which nothing listens.
pub fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn the_mail_says_what_happened() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_after_move(by_mail(server.mailer()), notify(&[MANAGER]));
        let title = "Invoice №42 – Müller & Söhne.pdf";
        let invoice = scene.upload(&scene.subfolder, title);
        scene.work().await;

        let mails = server.mails(1).await;
        let mail = &mails[0];
        assert_eq!(mail.to(), MANAGER);
        assert_eq!(mail.header("Subject"), format!("New invoice: {title}"));
        assert_eq!(mail.header("From"), "Courier <courier@example.com>");
        for said in [
            title,
            "Chris Client",
            "2 March 2026, 09:00 UTC",
            "Acme - shared with client (id 539564)",
            "Incoming (id 748239)",
            &format!("/doceditor?fileid={invoice}"),
        ] {
            let text = shown(mail.text());
            assert!(text.contains(said), "{said}: {text}");
        }
        let html = shown(mail.html());
        assert!(html.contains("Müller &#38; Söhne.pdf"), "{html}");
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_is_down_after_the_move_does_not_delay_the_mail() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_after_move(by_mail(server.mailer()), notify(&[MANAGER]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        while scene.count("move", "done").await == 0 {
            scene.portal.wait_for_deliveries().await;
            scene.worker.decide_next().await.unwrap();
            scene.worker.process_next().await.unwrap();
        }
        scene.portal.inject_fault(Fault {
            method: None,
            path_contains: "",
            times: 1_000,
            effect: FaultEffect::Status(503),
        });
        scene.work().await;
        let mails = server.mails(1).await;
        let text = mails[0].text();
        assert!(text.contains(&format!("id {}", scene.incoming)), "{text}");
        assert!(text.contains(&scene.portal.seed().client_user), "{text}");
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_hangs_does_not_hold_up_a_mail() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let mut invoices = scene.rules().remove(1);
        invoices.actions = notify(&[MANAGER]);
        let rules = vec![invoices];
        scene.change_rules_and_channels(rules.clone(), by_mail(server.mailer()));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.portal.wait_for_deliveries().await;
        scene.worker.decide_next().await.unwrap();

        // A service that has just started asks the portal for its time.
        scene.change_rules_and_channels(rules, by_mail(server.mailer()));
        scene.portal.inject_fault(Fault {
            method: None,
            path_contains: "files/rooms",
            times: 1,
            effect: FaultEffect::Hang,
        });
        let stop = CancellationToken::new();
        let sent = async {
            let mails = tokio::time::timeout(PORTAL_TIMEOUT / 2, server.mails(1)).await;
            stop.cancel();
            mails.map(|mails| mails.len())
        };
        let (sent, ()) = tokio::join!(sent, scene.worker.run(&scene.supervisor, &stop));
        assert_eq!(sent, Ok(1));
        assert_eq!(scene.calls("GET", "files/rooms"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_title_cannot_inject_headers_or_markup() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_after_move(by_mail(server.mailer()), notify(&[MANAGER]));
        let title = "Invoice\r\nBcc: victim@example.com\r\n\r\n<script>.pdf";
        scene.upload(&scene.client_room, title);
        scene.work().await;
        let mails = server.mails(1).await;
        let names = mails[0].header_names();
        assert!(
            !names.iter().any(|name| name.eq_ignore_ascii_case("bcc")),
            "{names:?}"
        );
        assert!(!mails[0].html().contains("<script>"), "{}", mails[0].html());
    })
    .await;
}

#[tokio::test]
async fn a_refused_address_is_a_dead_letter_and_other_mails_are_sent() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let server = MailServer::start(&["--refuse", "gone@example.com"]);
        let everybody = ["one@example.com", "gone@example.com", "two@example.com"];
        scene.notify_after_move(by_mail(server.mailer()), notify(&everybody));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        let mails = server.mails(2).await;
        let addresses: Vec<&str> = mails.iter().map(Mail::to).collect();
        assert_eq!(addresses, ["one@example.com", "two@example.com"]);
        assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
        assert_eq!(scene.dead_code().await.as_deref(), Some("mail_refused"));
        let reason = scene
            .db
            .read(|sql| {
                let question = "SELECT reason FROM actions WHERE state = 'dead'";
                sql.query_one(question, &[], |row| row.get::<String>(0))
            })
            .await
            .unwrap();
        assert!(reason.contains("550"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn a_busy_mailbox_is_retried_and_no_mail_is_sent_twice() {
    scenario(async |scene| {
        let server = MailServer::start(&["--busy", "busy@example.com"]);
        scene.notify_after_move(
            by_mail(server.mailer()),
            notify(&["busy@example.com", MANAGER]),
        );
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        assert_eq!(server.mails(1).await[0].to(), MANAGER);
        assert_eq!(scene.count("notify", "waiting").await, 1);

        let other = MailServer::start(&[]);
        scene.notify_after_move(
            by_mail(other.mailer()),
            notify(&["busy@example.com", MANAGER]),
        );
        scene.work_to_the_end().await;
        assert_eq!(other.mails(1).await[0].to(), "busy@example.com");
        server.mails(1).await;
    })
    .await;
}

#[tokio::test]
async fn a_mail_server_outage_repeats_no_move() {
    scenario(async |scene| {
        let port = closed_port();
        let mailer = || by_mail(Mailer::new(MailServer::plain(port)).unwrap());
        scene.notify_after_move(mailer(), notify(&[MANAGER]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        for _ in 0..5 {
            scene.work().await;
            scene.clock.advance(Duration::from_mins(1));
        }
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        assert_eq!(scene.count("notify", "waiting").await, 1);

        let server = MailServer::start(&["--port", &port.to_string()]);
        scene.work_to_the_end().await;
        server.mails(1).await;
        assert_eq!(scene.calls("PUT", "fileops/move"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_mail_keeps_its_message_id() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_after_move(by_mail(server.mailer()), notify(&[MANAGER]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        let forget = "UPDATE actions SET state = 'waiting' WHERE kind = 'notify'";
        scene
            .db
            .write(|sql| sql.execute(forget, &[]))
            .await
            .unwrap();
        scene.work().await;
        let mails = server.mails(2).await;
        assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
        assert!(mails[0].header("Message-ID").ends_with("@example.com>"));
    })
    .await;
}

#[tokio::test]
async fn a_silent_mail_server_times_out() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        let server = MailServer::start(&["--silent"]);
        let mailer = server.mailer().with_timeout(Duration::from_millis(300));
        scene.notify_after_move(by_mail(mailer), notify(&[MANAGER]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        let (kind, state, _) = scene.actions().await.pop().unwrap();
        assert_eq!((kind.as_str(), state.as_str()), ("notify", "waiting"));
    })
    .await;
}

#[tokio::test]
async fn a_slow_mail_server_does_not_delay_file_work() {
    // It must outlive the scenario's final check, because its end would end the attempts.
    let server = MailServer::start(&["--silent"]);
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        scene.leaving(Leftover::RunningActions, AT_A_TIME);
        scene.notify_after_move(by_mail(server.mailer()), notify(&[MANAGER]));
        for number in 0..=AT_A_TIME {
            scene.upload(&scene.client_room, &format!("Invoice {number}.pdf"));
        }
        let running = async || scene.count("notify", "running").await;
        while running().await < AT_A_TIME {
            scene.portal.wait_for_deliveries().await;
            scene.worker.decide_next().await.unwrap();
            let before = running().await;
            let worker = Arc::clone(&scene.worker);
            let attempt = tokio::spawn(async move { worker.process_next().await });
            until(
                STATE_BOUND,
                "the attempt has ended, or waits for the server",
                async || attempt.is_finished() || running().await > before,
            )
            .await;
        }
        scene.work().await;
        assert_eq!(scene.titles(&scene.incoming).len(), AT_A_TIME + 1);
        assert_eq!(scene.titles(&scene.internal).len(), AT_A_TIME + 1);
        assert_eq!(running().await, AT_A_TIME);
        assert_eq!(scene.count("notify", "waiting").await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_chat_message_is_one_line() {
    scenario(async |scene| {
        let chat = Receiver::start().await;
        scene.notify_after_move(chat.as_chat(), vec![Notify::Chat.into()]);
        chat.answer_once(429);
        let invoice = scene.upload(&scene.client_room, "Invoice & @all.pdf");
        scene.work_to_the_end().await;
        let calls = chat.calls();
        assert_eq!(calls.len(), 2);
        let text = calls[1].json()["text"].as_str().unwrap().to_owned();
        assert!(
            text.starts_with("New invoice: Invoice &amp; @\u{200b}all.\u{200b}pdf"),
            "{text}"
        );
        assert!(
            text.contains("Chris Client to Acme - shared with client"),
            "{text}"
        );
        assert!(
            text.ends_with(&format!("/doceditor?fileid={invoice}")),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn without_a_mail_server_the_result_says_that_no_email_was_sent() {
    scenario(async |scene| {
        scene.notify_after_move(Channels::default(), notify(&[MANAGER]));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        assert_eq!(scene.count("notify", "done").await, 1);
        let note = scene.db.read(|sql| {
            let question = "SELECT reason FROM actions WHERE kind = 'notify'";
            sql.query_one(question, &[], |row| row.get::<Option<String>>(0))
        });
        let note = note.await.unwrap().unwrap_or_default();
        assert!(note.contains("no email was sent"), "{note}");
        assert!(note.contains("SMTP_URL"), "{note}");
    })
    .await;
}

#[tokio::test]
async fn a_mail_after_a_copy_names_who_uploaded_the_file() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let mut rules = scene.rules();
        rules.truncate(1);
        rules[0].actions.extend(notify(&[MANAGER]));
        scene.change_rules_and_channels(rules, by_mail(server.mailer()));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let mails = server.mails(1).await;
        let text = mails[0].text();
        assert!(text.contains("Uploaded by  Chris Client"), "{text}");
        assert!(text.contains("plan.docx"), "{text}");
        assert!(text.contains("2 March 2026, 09:00 UTC"), "{text}");
        assert_eq!(mails[0].header("Subject"), "Rule copy: plan.docx");
    })
    .await;
}
