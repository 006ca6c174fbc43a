//! An instance is frozen before it sends a request, as a paused virtual machine is. Another one takes its work
//! over; the frozen one resumes and sends nothing.

use std::sync::Arc;
use std::time::Duration;

use docspace_courier::actions::Call;
use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::db::Db;
use docspace_courier::notify::Channels;
use docspace_courier::rules::Rule;
use docspace_courier::service::Parts;
use docspace_courier::worker::Progress;

use crate::pipeline::Receiver;
use crate::scene::{Scene, scenario};

/// Longer than a lease.
const FREEZE: Duration = Duration::from_mins(3);

/// Freezes one instance at the failpoint while it handles an upload, lets another one do all work, and resumes
/// the first.
async fn freeze_at(
    scene: &mut Scene,
    failpoint: Failpoint,
    rules: fn(&Scene) -> Vec<Rule>,
    channels: Channels,
) {
    let failpoints = Failpoints::stop_at(failpoint);
    scene.replace_worker(rules(scene), channels.clone(), failpoints.clone());
    let frozen = Arc::clone(&scene.worker);
    let running = tokio::spawn(async move {
        while frozen.decide_next().await.unwrap() == Progress::Worked
            || frozen.process_next().await.unwrap() == Progress::Worked
        {}
    });
    failpoints.reached().await;

    scene.clock.advance(FREEZE);
    if scene.db.is_shared() {
        // Another instance has a connection, and with it a number, of its own.
        scene.parts = Parts {
            db: Db::open(scene.store.location()).unwrap(),
            ..scene.parts.clone()
        };
    }
    scene.replace_worker(rules(scene), channels, Failpoints::default());
    scene.work_to_the_end().await;
    failpoints.resume();
    running.await.unwrap();
    scene.portal.wait_for_operations().await;
    scene.work_to_the_end().await;
}

#[tokio::test]
async fn a_frozen_instance_copies_and_moves_nothing() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.portal.wait_for_deliveries().await;
        freeze_at(
            scene,
            Failpoint::BeforeCall,
            Scene::rules,
            Channels::default(),
        )
        .await;
        assert_eq!(scene.titles(&scene.internal), ["Invoice.pdf"]);
        assert_eq!(scene.titles(&scene.incoming), ["Invoice.pdf"]);
        assert_eq!(scene.calls("PUT", "fileops"), 2);
    })
    .await;
}

/// The rule for invoices, which calls the pipeline after the move.
fn with_call(scene: &Scene) -> Vec<Rule> {
    let mut rules = scene.rules();
    rules[1].actions.truncate(1);
    rules[1].actions.push(Call::Call.into());
    rules
}

#[tokio::test]
async fn a_frozen_instance_sends_no_message() {
    scenario(async |scene| {
        let pipeline = Receiver::start().await;
        let channels = pipeline.as_pipeline(None);
        scene.change_rules_and_channels(with_call(scene), channels.clone());
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.portal.wait_for_deliveries().await;
        freeze_at(scene, Failpoint::BeforeMessage, with_call, channels).await;
        assert_eq!(pipeline.calls().len(), 1);
        assert_eq!(scene.count("call", "done").await, 1);
    })
    .await;
}
