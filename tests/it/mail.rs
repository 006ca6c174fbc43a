//! Mail as the mailer and the real binary send it: TLS, login, and the variables of the service.

use docspace_courier::clock::Clock;
use docspace_courier::notify::mail::{Email, Mailer, Security, SmtpSettings};
use docspace_courier::outgoing::Failure;
use docspace_sandbox::{PortalSettings, UploadEvents};
use jiff::Timestamp;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::mail_server::MailServer;
use crate::pipeline::{Received, Receiver};
use crate::process::Deployment;
use crate::untrusted_text::shown;

const MANAGER: &str = "manager@example.com";

fn clock() -> Clock {
    Clock::manual(Timestamp::UNIX_EPOCH)
}

fn letter() -> Email {
    Email {
        id: "test".to_owned(),
        subject: "Test".to_owned(),
        text: "Text".to_owned(),
        html: None,
    }
}

#[tokio::test]
async fn login_over_starttls_and_over_implicit_tls() {
    bounded(async {
        for (tls, security) in [
            ("starttls", Security::StartTls),
            ("implicit", Security::Implicit),
        ] {
            let server = MailServer::start(&["--tls", tls, "--login", "courier:päss word"]);
            let settings = |trusted, password: &str| SmtpSettings {
                security,
                trusted,
                login: Some(("courier".to_owned(), password.into())),
                ..MailServer::plain(server.port)
            };
            let send = async |settings| {
                let mailer = Mailer::new(settings).unwrap();
                mailer.send(&letter(), MANAGER, &clock()).await
            };
            let authority = server.authority.clone();
            send(settings(authority.clone(), "päss word"))
                .await
                .unwrap();
            let mails = server.mails(1).await;
            assert_eq!(
                (mails[0].encrypted(), mails[0].user()),
                (true, Some("courier"))
            );

            let refused = send(settings(authority, "wrong")).await.unwrap_err();
            let Failure::CircuitOpen { reason, .. } = refused else {
                panic!("{tls}: emails wait while the login is refused: {refused:?}");
            };
            assert!(reason.contains("rejects the login: 535"), "{tls}: {reason}");
            let untrusted = send(settings(None, "päss word")).await.unwrap_err();
            assert!(
                matches!(untrusted, Failure::CircuitOpen { .. }),
                "{untrusted:?}"
            );
            server.mails(1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_without_starttls() {
    bounded(async {
        let server = MailServer::start(&[]);
        let mailer = Mailer::new(SmtpSettings {
            security: Security::StartTls,
            ..MailServer::plain(server.port)
        });
        let mailer = mailer.unwrap();
        let sent = mailer.send(&letter(), MANAGER, &clock()).await;
        assert!(matches!(sent, Err(Failure::CircuitOpen { .. })), "{sent:?}");
        server.mails(0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_sends_mail_as_its_variables_say() {
    bounded(async {
        let server = MailServer::start(&["--tls", "starttls", "--login", "me@x.example:p@ss"]);
        let mut deployment = Deployment::new(PortalSettings::default()).await;
        let url = format!("smtp://me%40x.example:p%40ss@localhost:{}", server.port);
        deployment.variables.extend([
            ("SMTP_URL", url),
            ("SMTP_CA", server.authority.clone().unwrap()),
            ("MAIL_FROM", "courier@example.com".to_owned()),
            (
                "MANAGER_EMAIL",
                "one@example.com, two@example.com".to_owned(),
            ),
        ]);
        let service = deployment.start();
        deployment.ready().await;
        let room = deployment.portal.seed().client_room.clone();
        deployment.portal.upload(
            &room,
            "Invoice secret.pdf",
            b"1",
            UploadEvents::CreatedAndUploaded,
        );
        deployment.all_done(STATE_BOUND).await;
        let mails = server.mails(2).await;
        assert_eq!(mails[0].user(), Some("me@x.example"));
        let log = deployment.log();
        assert!(!log.contains("p@ss") && !log.contains("p%40ss"), "{log}");
        assert!(!log.contains("Invoice secret"), "{log}");
        service.kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_is_notified_when_the_manager_cannot_be() {
    bounded(async {
        let server = MailServer::start(&["--refuse", MANAGER]);
        let others = Receiver::start().await;
        let mut deployment = Deployment::new(PortalSettings::default()).await;
        deployment.variables.extend([
            ("SMTP_URL", format!("smtp://127.0.0.1:{}", server.port)),
            ("MAIL_FROM", "courier@example.com".to_owned()),
            ("OPERATOR_EMAIL", "operator@example.com".to_owned()),
            ("NOTIFY_WEBHOOK_URL", others.url()),
            ("PIPELINE_URL", others.url()),
        ]);
        let service = deployment.start();
        deployment.ready().await;
        let room = deployment.portal.seed().client_room.clone();
        let portal = &deployment.portal;
        portal.upload(&room, "Invoice.pdf", b"1", UploadEvents::Uploaded);
        let mails = server.mails(1).await;
        assert_eq!(mails[0].to(), "operator@example.com");
        assert_eq!(
            mails[0].header("Subject"),
            "docspace-courier: 1 dead letter"
        );
        assert!(
            mails[0]
                .text()
                .contains("notify: the mail server rejects the email: 550")
        );
        until(
            STATE_BOUND,
            "chat and pipeline have heard of it",
            async || others.calls().len() == 3,
        )
        .await;
        let documents: Vec<_> = others.calls().iter().map(Received::json).collect();
        let said = |words: &str| {
            documents
                .iter()
                .filter(|said| shown(&said.to_string()).contains(words))
                .count()
        };
        assert_eq!(said("New invoice: Invoice.pdf"), 1);
        assert_eq!(said("1 dead letter"), 1);
        assert_eq!(said("happened_at"), 1);
        service.kill();
    })
    .await;
}
