//! A title that exists in the destination: the rule's conflict policy is applied once, whatever is lost.

use std::time::Duration;

use docspace_courier::actions::{CopyTo, MoveTo};
use docspace_courier::docspace::Conflict;
use docspace_courier::journal;
use docspace_courier::rules::{ActionPlan, Rule};
use docspace_sandbox::{Fault, FaultEffect, UploadEvents};

use crate::scene::{Scene, folder_id, scenario};

impl Scene {
    /// Replaces the action of the copy rule, with an older file `plan.docx` in the destination.
    async fn copy_rule_does(&mut self, action: ActionPlan) {
        let rule = Rule {
            actions: vec![action],
            ..self.rules().remove(0)
        };
        self.change_rules(vec![rule]);
        self.portal
            .upload(&self.internal, "plan.docx", b"old", UploadEvents::Uploaded);
        self.work().await;
        self.clock.advance(Duration::from_mins(1));
    }
}

fn copy(scene: &Scene, conflict: Conflict) -> ActionPlan {
    CopyTo {
        path: None,
        to: folder_id(&scene.internal).into(),
        conflict,
    }
    .into()
}

fn move_(scene: &Scene, conflict: Conflict) -> ActionPlan {
    MoveTo {
        path: None,
        to: folder_id(&scene.internal).into(),
        conflict,
    }
    .into()
}

/// What can happen to the call and its operation; the outcome must always be the same.
fn faults(kind: &'static str) -> Vec<Option<Fault>> {
    let fault = |effect| {
        Some(Fault {
            method: Some("PUT"),
            path_contains: kind,
            times: 1,
            effect,
        })
    };
    vec![
        None,
        fault(FaultEffect::DropAfter),
        fault(FaultEffect::DropBefore),
        fault(FaultEffect::StatusAfter(500)),
        fault(FaultEffect::OperationResultLost),
    ]
}

fn upload(scene: &Scene) {
    scene.portal.upload(
        &scene.client_room,
        "plan.docx",
        b"new",
        UploadEvents::Uploaded,
    );
}

/// The reason of the last event's action.
async fn reason(scene: &Scene) -> Option<String> {
    let filter = journal::EventFilter::default();
    let listed = scene
        .db
        .read(move |sql| journal::list_with_actions(sql, &filter, 10))
        .await
        .unwrap();
    let (_, actions) = listed
        .into_iter()
        .find(|(_, actions)| !actions.is_empty())
        .unwrap();
    actions[0].reason.clone()
}

fn versions(scene: &Scene) -> Vec<u32> {
    let files = scene.portal.files_in(&scene.internal);
    files.iter().map(|file| file.version).collect()
}

#[tokio::test]
async fn skip_keeps_the_existing_file_and_says_so() {
    for (kind, left) in [("fileops/copy", 1), ("fileops/move", 1)] {
        for fault in faults(kind) {
            scenario(async |scene| {
                scene
                    .copy_rule_does(match kind {
                        "fileops/copy" => copy(scene, Conflict::Skip),
                        _ => move_(scene, Conflict::Skip),
                    })
                    .await;
                let case = format!("{kind} {fault:?}");
                if let Some(fault) = fault {
                    scene.portal.inject_fault(fault);
                }
                upload(scene);
                scene.work_to_the_end().await;
                assert_eq!(scene.contents(&scene.internal), [b"old"], "{case}");
                assert_eq!(scene.titles(&scene.client_room).len(), left, "{case}");
                let reason = reason(scene).await;
                assert!(
                    reason.as_deref().is_some_and(|why| why.contains("skipped")),
                    "{case}: {reason:?}"
                );
            })
            .await;
        }
    }
}

#[tokio::test]
async fn skip_places_the_file_when_the_title_is_free() {
    scenario(async |scene| {
        scene.copy_rule_does(copy(scene, Conflict::Skip)).await;
        scene.upload(&scene.client_room, "other.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["other.docx", "plan.docx"]);
        assert_eq!(reason(scene).await, None);
    })
    .await;
}

#[tokio::test]
async fn overwrite_makes_one_new_version() {
    for (kind, left) in [("fileops/copy", 1), ("fileops/move", 0)] {
        for fault in faults(kind) {
            scenario(async |scene| {
                scene
                    .copy_rule_does(match kind {
                        "fileops/copy" => copy(scene, Conflict::Overwrite),
                        _ => move_(scene, Conflict::Overwrite),
                    })
                    .await;
                let case = format!("{kind} {fault:?}");
                if let Some(fault) = fault {
                    scene.portal.inject_fault(fault);
                }
                upload(scene);
                scene.work_to_the_end().await;
                assert_eq!(scene.contents(&scene.internal), [b"new"], "{case}");
                assert_eq!(versions(scene), [2], "{case}");
                assert_eq!(scene.titles(&scene.client_room).len(), left, "{case}");
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_locked_file_is_overwritten_once_it_is_free() {
    scenario(async |scene| {
        scene.copy_rule_does(copy(scene, Conflict::Overwrite)).await;
        let existing = scene.portal.files_in(&scene.internal)[0].id.clone();
        scene.portal.lock(&existing, true);
        upload(scene);
        scene.work().await;
        assert_eq!(scene.contents(&scene.internal), [b"old"]);
        assert_eq!(scene.count("copy", "waiting").await, 1);
        scene.portal.lock(&existing, false);
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal), [b"new"]);
    })
    .await;
}

#[tokio::test]
async fn a_destination_that_cannot_be_listed_now_is_no_missing_right() {
    scenario(async |scene| {
        scene.copy_rule_does(copy(scene, Conflict::Overwrite)).await;
        let existing = scene.portal.files_in(&scene.internal)[0].id.clone();
        scene.portal.lock(&existing, true);
        scene.portal.inject_fault(Fault {
            method: Some("GET"),
            path_contains: format!("files/{}?", scene.internal).leak(),
            times: 5,
            effect: FaultEffect::Gateway(502),
        });
        upload(scene);
        for _ in 0..20 {
            scene.work().await;
            scene.clock.advance(Duration::from_mins(1));
        }
        assert_eq!(scene.dead_code().await, None);
        scene.portal.lock(&existing, false);
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal), [b"new"]);
    })
    .await;
}
