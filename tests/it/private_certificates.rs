//! Servers with certificates that the system does not trust: the portal, the chat and the mail server.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use docspace_courier::certificates::TrustedCertificates;
use docspace_courier::clock::Clock;
use docspace_courier::docspace::Client;
use docspace_courier::finding::Severity;
use docspace_courier::server::{self, tls::Tls};
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bounds::bounded;
use crate::certificates::{Authority, Signed};
use crate::check::{Variables, check_with, finds, finds_only};
use crate::scene::scenario;

/// A server with this certificate that responds like a portal to the request for the key's user.
fn serve(certificate: &Signed) -> (String, DropGuard) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2026-03-02T09:00:00Z".parse().unwrap());
    let tls = Tls::open(certificate.write_to(folder.path()), clock).unwrap();
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let body =
        json!({ "response": { "id": "1", "displayName": "Bot" }, "status": 0, "statusCode": 200 });
    let router = Router::new().route("/api/2.0/people/@self", get(async move || axum::Json(body)));
    let stop = CancellationToken::new();
    tokio::spawn(server::serve_https(
        listener,
        Arc::new(tls),
        router,
        stop.clone(),
    ));
    (format!("https://localhost:{port}"), stop.drop_guard())
}

#[tokio::test]
async fn a_portal_is_trusted_by_its_authority_or_by_its_own_certificate() {
    bounded(async {
        let authority = Authority::new();
        let by_itself = Signed::by_itself();
        for (server, trusted) in [
            (&authority.sign(), authority.pem()),
            (&by_itself, by_itself.certificate.clone()),
        ] {
            let (host, _stop) = serve(server);
            let ask = async |trusted: Option<&TrustedCertificates>| {
                let key = "sk-1".to_owned().into();
                let portal = Client::trusting(trusted, &host, key, Clock::system()).unwrap();
                portal.account().current_user().await
            };
            let named = TrustedCertificates::from_pem(&trusted).unwrap();
            assert_eq!(ask(Some(&named)).await.unwrap().display_name, "Bot");
            assert!(ask(None).await.is_err());
            let other = TrustedCertificates::from_pem(&Authority::new().pem()).unwrap();
            assert!(ask(Some(&other)).await.is_err());
        }
    })
    .await;
}

#[tokio::test]
async fn check_names_a_refused_certificate_as_the_cause() {
    scenario(async |scene| {
        let by_itself = Signed::by_itself();
        let (host, _stop) = serve(&by_itself);
        let report = check_with(scene, Variables::of(scene).with("DOCSPACE_API_HOST", &host)).await;
        finds_only(&report, "DOCSPACE_API_HOST", "in DOCSPACE_CA_FILE");

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portal.pem");
        std::fs::write(&file, format!("\u{feff}{}", by_itself.certificate)).unwrap();
        let variables = Variables::of(scene)
            .with("DOCSPACE_API_HOST", &host)
            .with("DOCSPACE_CA_FILE", file.to_str().unwrap());
        let report = check_with(scene, variables).await;
        finds(&report, Severity::Ok, "DOCSPACE_API_KEY", "belongs to Bot");

        let signed = Authority::new().sign();
        let (chat, _stop) = serve(&signed);
        let report = check_with(
            scene,
            Variables::of(scene).with("NOTIFY_WEBHOOK_URL", &chat),
        )
        .await;
        let words = "the certificate of the chat is not signed by a trusted authority";
        finds_only(&report, "NOTIFY_WEBHOOK_URL", words);
    })
    .await;
}

#[tokio::test]
async fn the_refused_certificate_of_a_mail_server_is_named_with_what_helps() {
    scenario(async |scene| {
        let by_itself = Signed::by_itself();
        let (host, _stop) = serve(&by_itself);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mail.pem");
        std::fs::write(&file, &by_itself.certificate).unwrap();
        let variables = Variables::of(scene)
            .with("SMTP_URL", &host.replace("https", "smtps"))
            .with("MAIL_FROM", "courier@example.com");
        let report = check_with(scene, Variables(variables.0.clone())).await;
        let words = "create it with basicConstraints=CA:FALSE";
        finds_only(&report, "SMTP_URL", words);

        // Named as trusted, it is accepted; what responds is no mail server.
        let variables = variables.with("SMTP_CA_FILE", file.to_str().unwrap());
        let report = check_with(scene, variables).await;
        finds_only(&report, "SMTP_URL", "the mail server");
        assert!(
            !format!("{report:?}").contains("the certificate"),
            "{report:#?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_without_certificates_is_refused() {
    scenario(async |scene| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, "nonsense").unwrap();
        for variable in ["DOCSPACE_CA_FILE", "DATABASE_CA_FILE", "SMTP_CA_FILE"] {
            let variables = Variables::of(scene).with(variable, file.to_str().unwrap());
            let report = check_with(scene, variables).await;
            finds(
                &report,
                Severity::Error,
                variable,
                "does not contain a certificate",
            );
        }
    })
    .await;
}
