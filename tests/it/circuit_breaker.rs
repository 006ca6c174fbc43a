//! The client itself keeps calls from a portal that cannot take them, whoever makes them.

use std::time::Duration;

use docspace_courier::docspace::{Client, Error, OpenReason};
use docspace_sandbox::{Fault, FaultEffect};
use futures_util::future::join_all;

use crate::scene::{Scene, folder_id, scenario};

/// A client as each command makes one.
fn client(scene: &Scene) -> Client {
    let key = scene.portal.api_key().to_owned().into();
    Client::new(scene.host(), key, scene.clock.clone()).unwrap()
}

fn is_open(outcome: &Result<impl Sized, Error>, expected: OpenReason) -> bool {
    matches!(outcome, Err(Error::CircuitOpen { reason, .. }) if *reason == expected)
}

#[tokio::test]
async fn an_open_circuit_keeps_calls_off_the_wire() {
    scenario(async |scene| {
        let portal = client(scene);
        let room = folder_id(&scene.client_room);
        scene.portal.set_key_valid(false);
        let first = portal.account().current_user().await;
        assert!(matches!(first, Err(Error::KeyRefused)), "{first:?}");

        let calls = scene.portal.calls().len();
        let read = portal.files().folder(&room).await;
        assert!(is_open(&read, OpenReason::KeyRefused), "{read:?}");
        let webhooks = portal.webhooks().list().await;
        assert!(is_open(&webhooks, OpenReason::KeyRefused), "{webhooks:?}");
        assert!(portal.ready().await.is_err());
        assert_eq!(scene.portal.calls().len(), calls);
        scene.portal.set_key_valid(true);
    })
    .await;
}

#[tokio::test]
async fn one_probe_reopens_it_for_all_callers() {
    scenario(async |scene| {
        let portal = client(scene);
        let room = folder_id(&scene.client_room);
        scene.portal.set_key_valid(false);
        for key_valid in [false, true] {
            drop(portal.account().current_user().await);
            let probes = scene.calls("GET", "files/rooms");
            let reads = scene.calls("GET", "files/folder");
            scene.portal.set_key_valid(key_valid);
            scene.clock.advance(Duration::from_secs(30));
            let callers = (0..8).map(|_| portal.files().folder(&room));
            for outcome in join_all(callers).await {
                assert_eq!(outcome.is_ok(), key_valid, "{outcome:?}");
            }
            assert_eq!(scene.calls("GET", "files/rooms"), probes + 1);
            let expected = if key_valid { 8 } else { 0 };
            assert_eq!(scene.calls("GET", "files/folder"), reads + expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_pause_that_the_portal_asks_for_is_kept() {
    scenario(async |scene| {
        let portal = client(scene);
        let room = folder_id(&scene.client_room);
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "files/folder",
            times: 1,
            effect: FaultEffect::StatusWithRetryAfter(429, 70),
        });
        let limited = portal.files().folder(&room).await;
        assert!(matches!(limited, Err(Error::RateLimited { .. })));
        scene.clock.advance(Duration::from_secs(69));
        let paused = portal.files().folder(&room).await;
        assert!(is_open(&paused, OpenReason::Limit), "{paused:?}");
        scene.clock.advance(Duration::from_secs(1));
        portal.files().folder(&room).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_login_token_that_may_not_read_its_key_can_be_used() {
    scenario(async |scene| {
        let portal = client(scene);
        let room = folder_id(&scene.client_room);
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: "keys/@self",
            times: 1,
            effect: FaultEffect::Status(401),
        });
        let key = portal.account().key().await;
        assert!(matches!(key, Err(Error::KeyRefused)), "{key:?}");
        portal.files().folder(&room).await.unwrap();
    })
    .await;
}

/// After a power cut some services of a portal stay down while others are back.
#[tokio::test]
async fn work_goes_on_when_only_the_people_service_stays_down() {
    scenario(async |scene| {
        let all_calls = Fault {
            method: None,
            path_contains: "",
            times: 8,
            effect: FaultEffect::Gateway(502),
        };
        let people = Fault {
            path_contains: "people/",
            times: u32::MAX,
            ..all_calls.clone()
        };
        scene.portal.inject_fault(all_calls);
        scene.portal.inject_fault(people);
        for number in 1..=3 {
            scene.upload(&scene.subfolder, &format!("plan {number}.docx"));
        }
        let mut minutes = 0;
        while scene.titles(&scene.internal).len() < 3 {
            scene.work().await;
            scene.clock.advance(Duration::from_mins(1));
            minutes += 1;
            assert!(minutes < 10, "nothing is copied");
        }
    })
    .await;
}
