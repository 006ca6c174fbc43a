//! The operator is notified of what needs attention, at most once in an interval, and when it is resolved.

use std::time::Duration;

use docspace_courier::alerts::{AlertMonitor, AlertRecipients};
use docspace_courier::catch_up::ListRooms;
use docspace_courier::db::Sql;
use docspace_courier::ids::InboxId;
use docspace_courier::inbox;
use docspace_courier::journal;
use docspace_courier::notify::mail::Mailer;
use docspace_sandbox::{Fault, FaultEffect};

use crate::events::dead_letters;
use crate::mail_server::{Mail, MailServer};
use crate::notify::{self, closed_port};
use crate::pipeline::Receiver;
use crate::scene::{Leftover, Scene, scenario};

const OPERATOR: &str = "operator@example.com";

fn watch(scene: &Scene, operators: AlertRecipients) -> AlertMonitor {
    scene.parts.alerts(operators)
}

fn by_mail(mailer: Mailer) -> AlertRecipients {
    AlertRecipients {
        addresses: vec![OPERATOR.to_owned()],
        mailer: Some(mailer),
        chat: None,
    }
}

fn subjects(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.header("Subject")).collect()
}

async fn discard_all(scene: &Scene) {
    let dead = scene.db.read(|sql| journal::select(sql, &dead_letters()));
    for event in dead.await.unwrap() {
        let now = scene.clock.now();
        let discard = move |sql: &Sql| inbox::discard(sql, event, now);
        scene.db.write(discard).await.unwrap();
    }
}

/// Refuses every move for lack of permission.
fn refuse_moves(scene: &Scene) {
    scene.portal.inject_fault(Fault {
        method: Some("PUT"),
        path_contains: "fileops/move",
        times: 1_000,
        effect: FaultEffect::Status(400),
    });
}

#[tokio::test]
async fn dead_letters_are_reported_together_and_resolved_once() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 8);
        let server = MailServer::start(&[]);
        let chat = Receiver::start().await;
        let operators = AlertRecipients {
            chat: Some(chat.chat()),
            ..by_mail(server.mailer())
        };
        let mut watch = watch(scene, operators);
        refuse_moves(scene);
        scene.upload(&scene.client_room, "Invoice 1.pdf");
        scene.work_to_the_end().await;
        watch.run_once().await;
        for number in 2..=4 {
            scene.upload(&scene.client_room, &format!("Invoice {number}.pdf"));
        }
        scene.work_to_the_end().await;
        watch.run_once().await;
        let first = server.mails(1).await;
        assert_eq!(first[0].to(), OPERATOR);
        assert!(
            first[0].text().contains("event 1, rule invoice, move:"),
            "{}",
            first[0].text()
        );
        assert!(
            !first[0].text().contains("Invoice 1.pdf"),
            "{}",
            first[0].text()
        );

        scene.clock.advance(Duration::from_mins(15));
        watch.run_once().await;
        discard_all(scene).await;
        watch.run_once().await;
        watch.run_once().await;
        let expected = [
            "docspace-courier: 1 dead letter",
            "docspace-courier: 3 dead letters",
            "docspace-courier: Resolved: no dead letters",
        ];
        assert_eq!(subjects(&server.mails(3).await), expected);
        let said: Vec<String> = chat
            .calls()
            .iter()
            .map(|call| call.json()["text"].to_string())
            .collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[1].contains("3 dead letters"), "{said:?}");
    })
    .await;
}

#[tokio::test]
async fn a_refused_api_key_is_reported_and_so_is_its_end() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let mut watch = watch(scene, by_mail(server.mailer()));
        scene.portal.inject_fault(Fault {
            method: None,
            path_contains: "",
            times: 2,
            effect: FaultEffect::Status(401),
        });
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        watch.run_once().await;
        watch.run_once().await;
        let refused = "docspace-courier: the portal refuses the API key";
        assert_eq!(subjects(&server.mails(1).await), [refused]);
        scene.work_to_the_end().await;
        watch.run_once().await;
        let resolved = "docspace-courier: Resolved: the API key works";
        assert_eq!(subjects(&server.mails(2).await), [refused, resolved]);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_webhook_is_reported_and_so_is_its_end() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let mut watch = watch(scene, by_mail(server.mailer()));
        let catch_up = scene.catch_up();
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        for enabled in [true, false, false, true] {
            scene.portal.set_webhook_enabled(scene.webhook, enabled);
            catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
            watch.run_once().await;
        }
        let expected = [
            "docspace-courier: the portal's webhook is disabled or deleted",
            "docspace-courier: Resolved: the webhook is enabled",
        ];
        assert_eq!(subjects(&server.mails(2).await), expected);
    })
    .await;
}

#[tokio::test]
async fn an_alert_waits_for_a_mail_server_that_is_down() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let mailer = Mailer::new(MailServer::plain(port)).unwrap();
        let mut watch = watch(scene, by_mail(mailer));
        refuse_moves(scene);
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        for _ in 0..10 {
            watch.run_once().await;
            scene.clock.advance(Duration::from_mins(1));
        }
        let server = MailServer::start(&["--port", &port.to_string()]);
        scene.clock.advance(Duration::from_mins(15));
        watch.run_once().await;
        watch.run_once().await;
        assert_eq!(
            subjects(&server.mails(1).await),
            ["docspace-courier: 1 dead letter"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_that_waits_for_its_alert_outlives_restarts() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 4);
        let server = MailServer::start(&[]);
        refuse_moves(scene);
        for number in 1..=2 {
            scene.upload(&scene.client_room, &format!("Invoice {number}.pdf"));
            scene.work_to_the_end().await;
            let mut watch = watch(scene, by_mail(server.mailer()));
            watch.run_once().await;
        }
        assert_eq!(server.mails(1).await.len(), 1, "one in 15 minutes");

        scene.clock.advance(Duration::from_mins(15));
        for _ in 0..2 {
            let mut watch = watch(scene, by_mail(server.mailer()));
            watch.run_once().await;
        }
        discard_all(scene).await;
        for _ in 0..2 {
            let mut watch = watch(scene, by_mail(server.mailer()));
            watch.run_once().await;
        }
        let expected = [
            "docspace-courier: 1 dead letter",
            "docspace-courier: 1 dead letter",
            "docspace-courier: Resolved: no dead letters",
        ];
        assert_eq!(subjects(&server.mails(3).await), expected);
    })
    .await;
}

#[tokio::test]
async fn an_alert_that_no_server_accepted_outlives_a_restart() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let down = Mailer::new(MailServer::plain(closed_port())).unwrap();
        refuse_moves(scene);
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        watch(scene, by_mail(down)).run_once().await;

        let server = MailServer::start(&[]);
        watch(scene, by_mail(server.mailer())).run_once().await;
        let expected = ["docspace-courier: 1 dead letter"];
        assert_eq!(subjects(&server.mails(1).await), expected);
    })
    .await;
}

#[tokio::test]
async fn an_action_that_fails_again_after_a_replay_is_reported_again() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let server = MailServer::start(&[]);
        let mut watch = watch(scene, by_mail(server.mailer()));
        refuse_moves(scene);
        scene.upload(&scene.client_room, "Invoice.pdf");
        for _ in 0..2 {
            scene.work_to_the_end().await;
            watch.run_once().await;
            scene.clock.advance(Duration::from_mins(15));
            let now = scene.clock.now();
            let retry = move |sql: &Sql| inbox::retry_dead(sql, InboxId(1), now);
            scene.db.write(retry).await.unwrap();
        }
        scene.work_to_the_end().await;
        let expected = ["docspace-courier: 1 dead letter"; 2];
        assert_eq!(subjects(&server.mails(2).await), expected);
    })
    .await;
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets_that_the_webhook_is_off() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let catch_up = scene.catch_up();
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        for enabled in [false, false, true, true] {
            scene.portal.set_webhook_enabled(scene.webhook, enabled);
            catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
            let mut watch = watch(scene, by_mail(server.mailer()));
            watch.run_once().await;
            scene.clock.advance(Duration::from_mins(20));
        }
        let expected = [
            "docspace-courier: the portal's webhook is disabled or deleted",
            "docspace-courier: Resolved: the webhook is enabled",
        ];
        assert_eq!(subjects(&server.mails(2).await), expected);
    })
    .await;
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets_that_the_key_is_refused() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.portal.set_key_valid(false);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        watch(scene, by_mail(server.mailer())).run_once().await;
        let refused = "docspace-courier: the portal refuses the API key";
        assert_eq!(subjects(&server.mails(1).await), [refused]);

        for _ in 0..2 {
            scene.crash_and_restart().await;
            scene.clock.advance(Duration::from_mins(20));
            let mut watch = watch(scene, by_mail(server.mailer()));
            // Until the portal responds, nothing is known of the key; then it is still refused.
            watch.run_once().await;
            scene.work().await;
            watch.run_once().await;
        }
        scene.portal.set_key_valid(true);
        scene.work_to_the_end().await;
        watch(scene, by_mail(server.mailer())).run_once().await;
        let resolved = "docspace-courier: Resolved: the API key works";
        assert_eq!(subjects(&server.mails(2).await), [refused, resolved]);
    })
    .await;
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets_that_a_channel_is_down() {
    scenario(async |scene| {
        let port = closed_port();
        let chat = Receiver::start().await;
        let recipients = || AlertRecipients {
            chat: Some(chat.chat()),
            ..AlertRecipients::default()
        };
        let notify_after_restart = |scene: &mut Scene| {
            let mailer = Mailer::new(MailServer::plain(port)).unwrap();
            scene.notify_after_move(
                notify::by_mail(mailer),
                notify::notify(&["manager@example.com"]),
            );
        };
        notify_after_restart(scene);
        scene.upload(&scene.client_room, "Invoice.pdf");
        for _ in 0..3 {
            let mut watch = watch(scene, recipients());
            for _ in 0..30 {
                scene.work().await;
                watch.run_once().await;
                scene.clock.advance(Duration::from_secs(30));
            }
            assert_eq!(chat.calls().len(), 1);
            notify_after_restart(scene);
        }
        let mut watch = watch(scene, recipients());
        watch.run_once().await;
        assert_eq!(chat.calls().len(), 1, "nothing is known of it yet");

        let server = MailServer::start(&["--port", &port.to_string()]);
        scene.work_to_the_end().await;
        watch.run_once().await;
        server.mails(1).await;
        let last = chat.calls()[1].json()["text"].to_string();
        assert!(last.contains("Resolved: all channels work"), "{last}");
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_stays_down_is_reported_once_and_resolved_once() {
    scenario(async |scene| {
        let port = closed_port();
        let chat = Receiver::start().await;
        let mailer = Mailer::new(MailServer::plain(port)).unwrap();
        let channels = notify::by_mail(mailer);
        scene.notify_after_move(channels, notify::notify(&["manager@example.com"]));
        let operators = AlertRecipients {
            chat: Some(chat.chat()),
            ..AlertRecipients::default()
        };
        let mut watch = watch(scene, operators);
        scene.upload(&scene.client_room, "Invoice.pdf");
        for _ in 0..60 {
            scene.work().await;
            watch.run_once().await;
            scene.clock.advance(Duration::from_secs(30));
        }
        let text = |call: usize| chat.calls()[call].json()["text"].to_string();
        assert_eq!(chat.calls().len(), 1);
        assert!(
            text(0).contains("notifications or calls wait"),
            "{}",
            text(0)
        );
        assert!(
            text(0).contains("email: the mail server cannot be reached"),
            "{}",
            text(0)
        );

        let server = MailServer::start(&["--port", &port.to_string()]);
        scene.work_to_the_end().await;
        watch.run_once().await;
        server.mails(1).await;
        assert_eq!(chat.calls().len(), 2);
        assert!(
            text(1).contains("Resolved: all channels work"),
            "{}",
            text(1)
        );
    })
    .await;
}
