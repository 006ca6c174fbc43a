//! A PostgreSQL server that keeps its connections and answers nothing, as on a paused machine: deliveries are
//! refused in time, and everything is done once after it continues.

use std::time::{Duration, Instant};

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::{PortalSettings, UploadEvents};

use crate::bounds::{bounded, until};
use crate::cluster::Cluster;
use crate::process::Deployment;
use crate::store::Store;

/// The longest that a delivery or a health check may wait for the store (docs/SCALING.md).
const RESPONSE_BOUND: Duration = Duration::from_secs(10);

/// The longest that a background task waits for the store before it tries again, and that the last work takes.
const BOUND: Duration = Duration::from_mins(1);

/// How often the portal delivers again.
const RETRY_WAIT: Duration = Duration::from_millis(500);

fn upload(deployment: &Deployment, titles: &[&str]) {
    let portal = &deployment.portal;
    for title in titles {
        let content = title.as_bytes();
        let room = &portal.seed().client_room;
        portal.upload(room, title, content, UploadEvents::CreatedAndUploaded);
    }
}

/// Checks that a request gets 503 in time.
async fn is_refused(request: reqwest::RequestBuilder) {
    let started = Instant::now();
    let response = tokio::time::timeout(RESPONSE_BOUND, request.send()).await;
    let response = response.expect("no response in time").unwrap();
    let (status, url) = (response.status(), response.url().clone());
    assert_eq!(status, 503, "{url} after {:?}", started.elapsed());
    if url.path() == "/webhook" {
        assert!(response.headers().contains_key("retry-after"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_refused_in_time_while_the_database_is_silent_and_done_once_afterwards() {
    bounded(async {
        let cluster = Cluster::own("");
        let settings = PortalSettings {
            retry_waits: vec![RETRY_WAIT; 200],
            ..PortalSettings::default()
        };
        let deployment = Deployment::with_store(settings, Store::in_cluster(cluster)).await;
        let _service = deployment.start();
        deployment.ready().await;
        upload(&deployment, &["before.docx"]);
        deployment.all_done(BOUND).await;

        let frozen = cluster.freeze();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let event = include_bytes!("../data/webhook/file.uploaded.other-room.json");
        let signature = WebhookSecret::new(deployment.portal.secret()).sign(event);
        let (public, admin) = (deployment.address, deployment.admin);
        let deliver = || {
            let delivery = client.post(format!("http://{public}/webhook"));
            let delivery = delivery.header("x-docspace-signature-256", &signature);
            is_refused(delivery.body(event.to_vec()))
        };
        let ask = |address, path| is_refused(client.get(format!("http://{address}{path}")));
        for _ in 0..2 {
            tokio::join!(deliver(), ask(public, "/readyz"), ask(admin, "/readyz"));
        }
        upload(&deployment, &["while-silent.docx", "Invoice.docx"]);
        until(BOUND, "background tasks give up waiting", async || {
            deployment.log().contains("the heartbeat failed")
        })
        .await;
        tokio::join!(deliver(), ask(public, "/readyz"), ask(admin, "/readyz"));

        drop(frozen);
        deployment.ready().await;
        upload(&deployment, &["afterwards.docx"]);
        deployment.all_done(BOUND).await;
        let (portal, seed) = (&deployment.portal, deployment.portal.seed());
        let mut copied: Vec<String> = portal
            .files_in(&seed.internal_folder)
            .into_iter()
            .map(|file| file.title)
            .collect();
        copied.sort_unstable();
        let expected = [
            "Invoice.docx",
            "afterwards.docx",
            "before.docx",
            "while-silent.docx",
        ];
        assert_eq!(copied, expected, "copied once");
        assert_eq!(
            portal.files_in(&seed.incoming_folder).len(),
            1,
            "moved once"
        );
    })
    .await;
}
