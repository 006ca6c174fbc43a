//! Background tasks that fail: how the endpoints and the metrics show them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docspace_courier::db::Sql;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::scene::{Leftover, Scene, scenario};

/// Runs a background task that panics this many times and then works.
fn spawn_flaky_task(scene: &Scene, panics: usize, works: &Arc<Notify>) -> AbortOnDropHandle<()> {
    let (starts, works) = (AtomicUsize::new(0), Arc::clone(works));
    let stop = CancellationToken::new();
    scene.supervisor.spawn("flaky", &stop, move |stop| {
        let start = starts.fetch_add(1, Ordering::Relaxed);
        let works = Arc::clone(&works);
        async move {
            assert!(start >= panics, "not yet");
            works.notify_one();
            stop.cancelled().await;
        }
    })
}

/// The status and body of an endpoint on the public listener.
async fn get_public(scene: &Scene, path: &str) -> (u16, String) {
    let address = scene.address.replace("/webhook", path);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(address).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_background_task_that_keeps_failing_is_reported_until_it_is_stable() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let works = Arc::new(Notify::new());
        let _task = spawn_flaky_task(scene, 3, &works);
        works.notified().await;

        let failing = "the background task flaky keeps failing\n";
        let unhealthy = (503, failing.to_owned());
        assert_eq!(operator.get("/healthz").await, unhealthy);
        assert_eq!(get_public(scene, "/healthz").await, unhealthy);
        // Deliveries are still accepted.
        let ready = (200, format!("ready, but {failing}"));
        assert_eq!(operator.get("/readyz").await, ready);
        assert_eq!(get_public(scene, "/readyz").await, ready);
        let (_, metrics) = operator.get("/metrics").await;
        let restarts = r#"courier_task_restarts_total{task="flaky"} 3"#;
        assert!(metrics.contains(restarts), "{metrics}");

        scene.clock.advance(Duration::from_mins(5));
        let healthy = (200, "ok\n".to_owned());
        assert_eq!(operator.get("/healthz").await, healthy);
        assert_eq!(get_public(scene, "/healthz").await, healthy);
        assert_eq!(operator.get("/readyz").await, (200, "ready\n".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn one_panic_of_a_background_task_is_counted_and_forgiven() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let works = Arc::new(Notify::new());
        let _task = spawn_flaky_task(scene, 1, &works);
        works.notified().await;
        assert_eq!(operator.get("/healthz").await.0, 200);
        let (_, metrics) = operator.get("/metrics").await;
        let restarts = r#"courier_task_restarts_total{task="flaky"} 1"#;
        assert!(metrics.contains(restarts), "{metrics}");
    })
    .await;
}

#[tokio::test]
async fn an_event_with_a_damaged_body_does_not_stop_the_others() {
    scenario(async |scene| {
        // Its room has to be looked up, so it is decided later.
        scene.upload(&scene.subfolder, "damaged.docx");
        scene.portal.wait_for_deliveries().await;
        let damage = |sql: &Sql| {
            let body: &[u8] = b"no JSON";
            sql.execute("UPDATE events SET body = :body", &[(":body", body.into())])
        };
        assert_eq!(scene.db.write(damage).await.unwrap(), 1);
        scene.upload(&scene.client_room, "intact.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["intact.docx"]);
        scene.leaving(Leftover::DeadLetters, 1);
    })
    .await;
}
