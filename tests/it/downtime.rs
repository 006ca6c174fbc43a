//! Events during an outage of the real service or of its webhook are handled after the start.

use docspace_sandbox::{PortalSettings, UploadEvents};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process};

/// A portal that tries a delivery once, so that it fails at once instead of after 31 s.
async fn deployment() -> Deployment {
    let settings = PortalSettings {
        retry_waits: Vec::new(),
        ..PortalSettings::default()
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
        UploadEvents::CreatedAndUploaded,
    );
    portal.upload(
        &seed.client_subfolder,
        title,
        title.as_bytes(),
        UploadEvents::Uploaded,
    );
}

async fn copies(deployment: &Deployment, expected: usize) {
    let folder = deployment.portal.seed().internal_folder.clone();
    until(STATE_BOUND, "everything is copied", async || {
        deployment.portal.files_in(&folder).len() >= expected
    })
    .await;
    deployment.nothing_pending(STATE_BOUND).await;
    assert_eq!(deployment.portal.files_in(&folder).len(), expected);
}

async fn stop(mut service: Process) {
    service.terminate();
    assert_eq!(service.ended().await.code(), Some(0));
}

/// Waits until the service has checked its webhook, so that the last healthy check is recorded.
async fn has_caught_up(deployment: &Deployment) {
    until(STATE_BOUND, "the service has caught up", async || {
        deployment.ask_store("SELECT count(*) FROM state WHERE key = 'catch_up'") == Some(1)
    })
    .await;
}

#[tokio::test]
async fn deliveries_that_failed_while_the_service_was_down_are_handled() {
    bounded(async {
        let deployment = deployment().await;
        for number in 0..20 {
            upload(&deployment, &format!("early {number}.docx"));
        }
        deployment.portal.wait_for_deliveries().await;
        let service = deployment.start();
        copies(&deployment, 40).await;
        stop(service).await;

        upload(&deployment, "Invoice while away.pdf");
        deployment.portal.wait_for_deliveries().await;
        let service = deployment.start();
        copies(&deployment, 42).await;
        let incoming = deployment.portal.seed().incoming_folder.clone();
        assert_eq!(deployment.portal.files_in(&incoming).len(), 2);
        stop(service).await;
    })
    .await;
}

#[tokio::test]
async fn uploads_while_the_webhook_was_off_are_handled() {
    bounded(async {
        let mut deployment = deployment().await;
        deployment
            .variables
            .push(("CATCH_UP_INTERVAL", "1s".to_owned()));
        let webhook = deployment.webhook;
        let service = deployment.start();
        has_caught_up(&deployment).await;

        // A running service notices it.
        deployment.portal.set_webhook_enabled(webhook, false);
        upload(&deployment, "unannounced.docx");
        copies(&deployment, 2).await;
        assert!(deployment.log().contains("THE WEBHOOK IS DISABLED"));

        // The webhook is switched on again while the service is down.
        stop(service).await;
        upload(&deployment, "unannounced, service away.docx");
        deployment.portal.set_webhook_enabled(webhook, true);
        let service = deployment.start();
        copies(&deployment, 4).await;
        stop(service).await;
    })
    .await;
}
