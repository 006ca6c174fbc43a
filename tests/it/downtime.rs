//! The real service was away, or its webhook was: what happened meanwhile is handled after the start.

use docspace_courier::sandbox::{Announced, Settings};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process};

/// A portal that gives a delivery up at once, as after its 31 s.
async fn deployment() -> Deployment {
    let settings = Settings {
        retry_waits: Vec::new(),
        ..Settings::default()
    };
    Deployment::new(settings).await
}

fn upload(deployment: &Deployment, title: &str) {
    let seed = deployment.portal.seed();
    let portal = &deployment.portal;
    portal.upload(
        &seed.client_room,
        title,
        title.as_bytes(),
        Announced::CreatedAndUploaded,
    );
    portal.upload(
        &seed.client_subfolder,
        title,
        title.as_bytes(),
        Announced::Uploaded,
    );
}

async fn copies(deployment: &Deployment, expected: usize) {
    let folder = deployment.portal.seed().internal_folder.clone();
    until(STATE_BOUND, "everything is copied", async || {
        deployment.portal.files_in(&folder).len() >= expected
    })
    .await;
    deployment.nothing_owed(STATE_BOUND).await;
    assert_eq!(deployment.portal.files_in(&folder).len(), expected);
}

async fn stop(mut service: Process) {
    service.terminate();
    assert_eq!(service.ended().await.code(), Some(0));
}

/// Waits until the service has looked at its webhook, so that it knows when all was well.
async fn has_caught_up(deployment: &Deployment) {
    until(STATE_BOUND, "the service has caught up", async || {
        deployment.ask_store("SELECT count(*) FROM state WHERE key = 'catch_up'") == Some(1)
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_while_the_service_was_away_is_handled() {
    bounded(async {
        let deployment = deployment().await;
        for number in 0..20 {
            upload(&deployment, &format!("early {number}.docx"));
        }
        deployment.portal.deliveries_settled().await;
        let service = deployment.start();
        copies(&deployment, 40).await;
        stop(service).await;

        upload(&deployment, "Invoice while away.pdf");
        deployment.portal.deliveries_settled().await;
        let service = deployment.start();
        copies(&deployment, 42).await;
        let incoming = deployment.portal.seed().incoming_folder.clone();
        assert_eq!(deployment.portal.files_in(&incoming).len(), 2);
        stop(service).await;
    })
    .await;
}

#[tokio::test]
async fn what_happened_while_the_webhook_was_off_is_handled() {
    bounded(async {
        let mut deployment = deployment().await;
        deployment
            .variables
            .push(("CATCH_UP_INTERVAL", "1s".to_owned()));
        let webhook = deployment.webhook;
        let service = deployment.start();
        has_caught_up(&deployment).await;

        // While the service runs, it notices by itself.
        deployment.portal.set_webhook_enabled(webhook, false);
        upload(&deployment, "unannounced.docx");
        copies(&deployment, 2).await;
        assert!(deployment.log().contains("SWITCHED OFF"));

        // Off and on again while the service is away, too.
        stop(service).await;
        upload(&deployment, "unannounced, service away.docx");
        deployment.portal.set_webhook_enabled(webhook, true);
        let service = deployment.start();
        copies(&deployment, 4).await;
        stop(service).await;
    })
    .await;
}
