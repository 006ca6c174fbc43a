//! `ALLOW_UNSIGNED`: deliveries without a signature are accepted from programs on this machine only.

use std::sync::Arc;

use docspace_courier::service::ReceiverSettings;
use docspace_courier::signature::WebhookSecret;
use docspace_courier::webhook::{TransportPolicy, UnsignedPolicy};
use docspace_courier::{server, webhook};
use docspace_sandbox::PortalSettings;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::floods::exchange_with;
use crate::process::Deployment;
use crate::scene::{RETENTION, Scene, scenario};

const BODY: &str = r#"{"event": {"id": 1, "trigger": "user.created"}}"#;

/// Starts a second receiver for this scene, which accepts unsigned deliveries; returns its address.
fn accept_unsigned(scene: &Scene) -> (String, DropGuard) {
    let receiver = scene.parts.receiver(ReceiverSettings {
        secrets: vec![WebhookSecret::new(scene.portal.secret())],
        unsigned: UnsignedPolicy::Accept,
        transport: TransportPolicy::Any,
        retention: RETENTION,
    });
    let stop = CancellationToken::new();
    let health = scene.parts.health(scene.supervisor.health(), stop.clone());
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = webhook::router(Arc::new(receiver), health);
    tokio::spawn(server::serve(listener, router, stop.clone()));
    (address, stop.drop_guard())
}

#[tokio::test]
async fn unsigned_deliveries_are_accepted_from_local_programs_only() {
    scenario(async |scene| {
        let (address, _stop) = accept_unsigned(scene);
        let send = async |version: &str, headers: &[&str]| {
            let request = format!(
                "POST /webhook {version}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n\r\n{BODY}",
                BODY.len(),
                headers.join("\r\n"),
            );
            exchange_with(&address, request.as_bytes()).await
        };
        let own_host = format!("Host: {address}");
        let from_elsewhere = [
            // A page in a browser on this machine.
            "Origin: https://evil.example",
            "Origin: null",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Mode: no-cors",
            "Sec-Fetch-Dest: empty",
            // A proxy or a tunnel.
            "Forwarded: for=192.0.2.1",
            "Via: 1.1 proxy",
            "X-Forwarded-For: 192.0.2.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: courier.example",
            "X-Real-IP: 192.0.2.1",
            "CF-Connecting-IP: 192.0.2.1",
            "CF-Ray: 1",
            "True-Client-IP: 192.0.2.1",
            "Ngrok-Trace-Id: 1",
        ];
        for header in from_elsewhere {
            let response = send("HTTP/1.1", &[&own_host, header]).await;
            assert!(response.starts_with("HTTP/1.1 401 "), "{header}: {response}");
        }
        for host in ["evil.example", "courier.example:3000", "192.168.0.7"] {
            let response = send("HTTP/1.1", &[&format!("Host: {host}")]).await;
            assert!(response.starts_with("HTTP/1.1 401 "), "{host}: {response}");
        }
        // nginx speaks HTTP/1.0 to the servers behind it and adds no header, unless it is configured to.
        let response = send("HTTP/1.0", &[&own_host]).await;
        assert!(response.starts_with("HTTP/1.0 401 "), "{response}");
        assert!(response.contains("ALLOW_UNSIGNED"), "{response}");

        let response = send("HTTP/1.1", &[&own_host]).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        let signature = WebhookSecret::new(scene.portal.secret()).sign(BODY.as_bytes());
        let signature = format!("x-docspace-signature-256: {signature}");
        let tunnelled = ["Host: courier.example", "X-Forwarded-For: 192.0.2.1", &signature];
        let response = send("HTTP/1.1", &tunnelled).await;
        assert!(response.contains(r#"{"status":"duplicate"}"#), "{response}");
    })
    .await;
}

#[tokio::test]
async fn the_service_warns_when_it_starts_with_unsigned_deliveries() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let _service = deployment.start_with(&[("ALLOW_UNSIGNED", "true".to_owned())]);
        until(STATE_BOUND, "the log has the warning", async || {
            let log = deployment.log();
            log.lines()
                .any(|line| line.contains("WARN") && line.contains("ALLOW_UNSIGNED"))
        })
        .await;
    })
    .await;
}
