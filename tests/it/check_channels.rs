//! The findings of `check` about mail, chat and pipeline, without sending anything.

use docspace_courier::finding::Severity;

use crate::check::{Variables, check_with, finds, finds_only};
use crate::mail_server::MailServer;
use crate::scene::{Scene, scenario};

/// A port of this machine on which nothing listens.
const NOBODY: &str = "127.0.0.1:9";

fn with_mail(scene: &Scene, url: &str) -> Variables {
    Variables::of(scene)
        .with("SMTP_URL", url)
        .with("MAIL_FROM", "courier@example.com")
}

#[tokio::test]
async fn a_mail_server_that_accepts_or_refuses_the_login() {
    scenario(async |scene| {
        let server = MailServer::start(&["--tls", "starttls", "--login", "courier:right"]);
        let authority = scene.store.folder().join("authority.pem");
        std::fs::write(&authority, server.authority.as_ref().unwrap()).unwrap();
        let with_password = |password: &str| {
            let url = format!("smtp://courier:{password}@localhost:{}", server.port);
            with_mail(scene, &url).with("SMTP_CA_FILE", authority.to_str().unwrap())
        };

        let report = check_with(scene, with_password("right")).await;
        finds(
            &report,
            Severity::Ok,
            "SMTP_URL",
            "accepts connection and login",
        );
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");

        let report = check_with(scene, with_password("wrong")).await;
        finds_only(&report, "SMTP_URL", "rejects the login");
        assert!(!format!("{report:?}").contains("wrong@"), "{report:#?}");
        assert_eq!(server.mails(0).await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_mail_server() {
    scenario(async |scene| {
        let report = check_with(scene, with_mail(scene, &format!("smtp://{NOBODY}"))).await;
        finds_only(&report, "SMTP_URL", "cannot be reached");
    })
    .await;
}

#[tokio::test]
async fn a_chat_and_a_pipeline_that_answer_or_do_not() {
    scenario(async |scene| {
        let variables = Variables::of(scene)
            .with(
                "NOTIFY_WEBHOOK_URL",
                &format!("{}/hooks/secret-path", scene.host()),
            )
            .with("PIPELINE_URL", &format!("http://{NOBODY}/run"));
        let report = check_with(scene, variables).await;
        finds(&report, Severity::Ok, "NOTIFY_WEBHOOK_URL", "responds");
        finds_only(&report, "PIPELINE_URL", "cannot be reached");
        assert!(
            !format!("{report:?}").contains("secret-path"),
            "{report:#?}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_operator_who_cannot_be_notified_is_reported_once() {
    scenario(async |scene| {
        let variables = Variables::of(scene).with("OPERATOR_EMAIL", "operator@example.com");
        let report = check_with(scene, variables).await;
        let words = "has no effect without SMTP_URL";
        finds(&report, Severity::Warning, "OPERATOR_EMAIL", words);
        assert_eq!(format!("{report:?}").matches("OPERATOR_EMAIL").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_pipeline_of_the_rules_file_is_named_by_its_rule() {
    scenario(async |scene| {
        let path = scene.store.folder().join("rules.toml");
        let rule = |name: &str, url: &str| {
            format!(
                "[[rule]]\nname = \"{name}\"\ntriggers = [\"file.uploaded\"]\n\
                 action = [{{ call = {{ url = \"{url}\" }} }}]\n"
            )
        };
        let running = rule("running", &format!("{}/run", scene.host()));
        let stopped = rule("stopped", &format!("http://{NOBODY}/run"));
        std::fs::write(&path, running + &stopped).unwrap();
        let variables = Variables::of(scene).with("RULES_FILE", path.to_str().unwrap());
        let report = check_with(scene, variables).await;
        finds(&report, Severity::Ok, "rule running", "responds");
        finds_only(&report, "rule stopped", "cannot be reached");
    })
    .await;
}
