//! A channel that is down, or that rejects our set-up, uses up no attempts: everything waits for it, and is sent
//! exactly once when it works again.

use std::collections::BTreeSet;
use std::time::Duration;

use docspace_courier::actions::{Call, Notify};
use docspace_courier::clock::Clock;
use docspace_courier::notify::Channels;
use docspace_courier::notify::chat::Chat;
use docspace_courier::notify::mail::{Email, Mailer, SmtpSettings};
use docspace_courier::pipeline::{Pipeline, PipelineSettings};
use jiff::Timestamp;

use crate::bounds::bounded;
use crate::mail_server::MailServer;
use crate::notify::{by_mail, closed_port, notify};
use crate::pipeline::Receiver;
use crate::scene::{Scene, scenario};

const MANAGER: &str = "manager@example.com";

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/hook")
}

/// Works for this long; the clock moves in steps, as timers do.
async fn work_for(scene: &Scene, time: Duration) {
    const STEP: Duration = Duration::from_secs(20);

    for _ in 0..time.as_secs() / STEP.as_secs() {
        scene.work().await;
        scene.clock.advance(STEP);
    }
}

#[tokio::test]
async fn an_hour_without_mail_server_chat_and_pipeline_loses_nothing() {
    scenario(async |scene| {
        let [mail, chat, pipeline] = [closed_port(), closed_port(), closed_port()];
        let settings = PipelineSettings {
            name: "pipeline".to_owned(),
            url: url(pipeline).into(),
            signer: None,
        };
        let channels = Channels {
            chat: Some(Chat::new(url(chat).into()).unwrap()),
            pipeline: Some(Pipeline::new(settings).unwrap()),
            ..by_mail(Mailer::new(MailServer::plain(mail)).unwrap())
        };
        let mut actions = notify(&[MANAGER]);
        actions.extend([Notify::Chat.into(), Call::Call.into()]);
        scene.notify_after_move(channels, actions);
        for number in 1..=3 {
            scene.upload(&scene.client_room, &format!("Invoice {number}.pdf"));
            work_for(scene, Duration::from_mins(20)).await;
        }
        assert_eq!(scene.failures().await, 0);
        assert_eq!(scene.count("notify", "waiting").await, 6);
        assert_eq!(scene.count("call", "waiting").await, 3);

        let server = MailServer::start(&["--port", &mail.to_string()]);
        let (chat, pipeline) = (
            Receiver::start_on(chat).await,
            Receiver::start_on(pipeline).await,
        );
        work_for(scene, Duration::from_mins(1)).await;
        scene.work().await;
        assert_eq!(scene.count("notify", "waiting").await, 0);
        let mails = server.mails(3).await;
        let subjects: BTreeSet<&str> = mails.iter().map(|mail| mail.header("Subject")).collect();
        assert_eq!(subjects.len(), 3, "{subjects:?}");
        assert_eq!((chat.calls().len(), pipeline.calls().len()), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn a_rejection_of_our_set_up_concerns_no_email() {
    for rejects in [
        &["--no-clients"][..],
        &["--no-sender", "at-once"],
        &["--no-sender", "delayed"],
        &["--login", "courier:password"],
    ] {
        scenario(async |scene| {
            let server = MailServer::start(rejects);
            let port = server.port;
            scene.notify_after_move(by_mail(server.mailer()), notify(&[MANAGER]));
            scene.upload(&scene.client_room, "Invoice.pdf");
            work_for(scene, Duration::from_hours(1)).await;
            assert_eq!(scene.failures().await, 0, "{rejects:?}");
            drop(server);

            let repaired = MailServer::start(&["--port", &port.to_string()]);
            scene.work_to_the_end().await;
            assert_eq!(repaired.mails(1).await[0].to(), MANAGER, "{rejects:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_pipeline_that_rejects_our_set_up_gets_the_call_when_it_is_repaired() {
    for status in [302, 401, 403, 404, 407, 502, 503] {
        scenario(async |scene| {
            let pipeline = Receiver::start().await;
            scene.notify_after_move(pipeline.as_pipeline(None), vec![Call::Call.into()]);
            for _ in 0..20 {
                pipeline.answer_once(status);
            }
            scene.upload(&scene.client_room, "Invoice.pdf");
            scene.work_to_the_end().await;
            assert_eq!(pipeline.calls().len(), 21, "{status}");
            assert_eq!(scene.failures().await, 0, "{status}");
        })
        .await;
    }
}

/// The message that is tried first when the channel is down is not the only one that is tried.
#[tokio::test]
async fn a_message_that_makes_the_channel_fail_does_not_hold_up_the_others() {
    scenario(async |scene| {
        let pipeline = Receiver::start().await;
        pipeline.fail_for("Invoice bad.pdf");
        scene.notify_after_move(pipeline.as_pipeline(None), vec![Call::Call.into()]);
        scene.upload(&scene.client_room, "Invoice bad.pdf");
        work_for(scene, Duration::from_mins(10)).await;
        for number in 1..=3 {
            scene.upload(&scene.client_room, &format!("Invoice {number}.pdf"));
        }
        work_for(scene, Duration::from_mins(5)).await;
        assert_eq!(scene.count("call", "done").await, 3);
        assert_eq!(scene.count("call", "waiting").await, 1);
        pipeline.fail_for("nothing");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("call", "done").await, 4);
    })
    .await;
}

#[tokio::test]
async fn one_channel_that_is_down_does_not_hold_up_another() {
    scenario(async |scene| {
        let pipeline = Receiver::start().await;
        let port = closed_port();
        let channels = Channels {
            mailer: Some(Mailer::new(MailServer::plain(port)).unwrap()),
            ..pipeline.as_pipeline(None)
        };
        let to = Notify::email(Some(MANAGER.to_owned())).into();
        scene.notify_after_move(channels, vec![to, Call::Call.into()]);
        for number in 1..=10 {
            scene.upload(&scene.client_room, &format!("Invoice {number:02}.pdf"));
        }
        scene.work().await;
        assert_eq!(pipeline.calls().len(), 10);
        assert_eq!(scene.count("notify", "waiting").await, 10);
        let server = MailServer::start(&["--port", &port.to_string()]);
        scene.work_to_the_end().await;
        server.mails(10).await;
    })
    .await;
}

#[tokio::test]
async fn the_mailer_introduces_itself_with_a_full_name_or_an_address() {
    bounded(async {
        let server = MailServer::start(&["--full-names"]);
        let send = async |helo: Option<&str>| {
            let mailer = Mailer::new(SmtpSettings {
                helo: helo.map(str::to_owned),
                ..MailServer::plain(server.port)
            });
            let email = Email {
                id: "test".to_owned(),
                subject: "Test".to_owned(),
                text: "Text".to_owned(),
                html: None,
            };
            let clock = Clock::manual(Timestamp::UNIX_EPOCH);
            mailer.unwrap().send(&email, MANAGER, &clock).await
        };
        send(None).await.unwrap();
        send(Some("courier.example.com")).await.unwrap();
        send(Some("192.0.2.1")).await.unwrap();
        send(Some("courier")).await.unwrap_err();
        let mails = server.mails(3).await;
        assert!(mails[0].client().contains('.'), "{}", mails[0].client());
        assert_eq!(mails[1].client(), "courier.example.com");
        assert_eq!(mails[2].client(), "[192.0.2.1]");
    })
    .await;
}
