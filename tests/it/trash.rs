//! Moving files to the trash: once, because a second deletion would destroy them.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::event::Trigger;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FileId};

use crate::rules::{read, recipe, with_ids_of};
use crate::scene::{Leftover, Scene, scenario};

/// The calls that delete files.
const DELETE: &str = "/files/file/";

/// A rule that trashes and notifies, and also listens to the event that this raises, which a rules file is refused for.
fn trashing(scene: &Scene) -> Vec<Rule> {
    let mut rules = read(&format!(
        "[[rule]]\nname = \"tidy\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\ntrash = true\n[[rule.action]]\nnotify = {{ email = \"a@x.example\" }}\n",
        scene.client_room
    ));
    rules[0].triggers.push(Trigger::new("file.trashed"));
    rules
}

/// Lets so many deletions fail with this effect.
fn fail(scene: &Scene, times: u32, effect: FaultEffect) {
    scene.fail("DELETE", DELETE, times, effect);
}

fn deletions(scene: &Scene) -> usize {
    scene.calls("DELETE", DELETE)
}

/// Checks that the file is in the trash of the service account, and that everything was done once.
async fn is_trashed_once(scene: &Scene, file: &FileId, what: &str) {
    let file = scene.portal.file(file);
    let file = file.unwrap_or_else(|| panic!("{what}: the file was destroyed"));
    assert_eq!(file.folder, scene.portal.seed().trash, "{what}");
    assert_eq!(scene.count("trash", "done").await, 1, "{what}");
    assert_eq!(scene.count("notify", "done").await, 1, "{what}");
    assert_eq!(scene.own_effects().await, 1, "{what}");
}

#[tokio::test]
async fn a_crash_around_a_deletion() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::OperationStored,
        Failpoint::BeforeFinish,
    ] {
        scenario(async |scene| {
            scene.listen_with(trashing(scene));
            let file = scene.upload(&scene.client_room, "virus.exe");
            scene.crash_at(failpoint, 1).await;
            is_trashed_once(scene, &file, &format!("{failpoint:?}")).await;
            assert_eq!(deletions(scene), 1, "{failpoint:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_deletion_whose_answer_or_result_is_lost_is_not_repeated() {
    for effect in [
        FaultEffect::DropAfter,
        FaultEffect::StatusAfter(500),
        FaultEffect::StatusAfter(504),
        FaultEffect::GatewayAfter(502),
        FaultEffect::OperationResultLost,
    ] {
        scenario(async |scene| {
            scene.listen_with(trashing(scene));
            fail(scene, 1, effect.clone());
            let file = scene.upload(&scene.client_room, "virus.exe");
            scene.work_to_the_end().await;
            is_trashed_once(scene, &file, &format!("{effect:?}")).await;
            assert_eq!(deletions(scene), 1, "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_deletion_that_is_still_queued_is_not_repeated() {
    for effect in [FaultEffect::DropAfter, FaultEffect::StatusAfter(500)] {
        scenario(async |scene| {
            scene.listen_with(trashing(scene));
            scene.portal.set_operation_time(Duration::from_secs(2));
            fail(scene, 1, effect.clone());
            let file = scene.upload(&scene.client_room, "virus.exe");
            scene.work().await;
            for _ in 0..5 {
                scene.clock.advance(Duration::from_secs(30));
                scene.work().await;
            }
            assert_eq!(deletions(scene), 1, "{effect:?}");
            scene.portal.wait_for_operations().await;
            scene.work_to_the_end().await;
            is_trashed_once(scene, &file, &format!("{effect:?}")).await;
            assert_eq!(deletions(scene), 1, "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_deletion_that_was_not_made_is_repeated() {
    for effect in [
        FaultEffect::DropBefore,
        FaultEffect::Status(503),
        FaultEffect::Status(402),
        FaultEffect::Status(403),
        FaultEffect::OperationError("a text in any language"),
    ] {
        scenario(async |scene| {
            scene.listen_with(trashing(scene));
            fail(scene, 2, effect.clone());
            let file = scene.upload(&scene.client_room, "virus.exe");
            scene.work_to_the_end().await;
            is_trashed_once(scene, &file, &format!("{effect:?}")).await;
            assert_eq!(deletions(scene), 3, "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_that_somebody_uses_is_deleted_when_it_is_free() {
    for (begin, end) in [
        (
            (|scene: &Scene, file: &FileId| scene.portal.lock(file, true)) as fn(&Scene, &FileId),
            (|scene: &Scene, file: &FileId| scene.portal.lock(file, false)) as fn(&Scene, &FileId),
        ),
        (
            |scene, file| scene.portal.open_in_editor(file, true),
            |scene, file| scene.portal.open_in_editor(file, false),
        ),
    ] {
        scenario(async |scene| {
            scene.listen_with(trashing(scene));
            let file = scene.upload(&scene.client_room, "virus.exe");
            begin(scene, &file);
            scene.work().await;
            assert_eq!(deletions(scene), 0);
            assert_eq!(scene.failures().await, 0);
            end(scene, &file);
            scene.work_to_the_end().await;
            is_trashed_once(scene, &file, "free").await;
        })
        .await;
    }
}

#[tokio::test]
async fn two_rules_that_delete_a_file_delete_it_once() {
    scenario(async |scene| {
        let rule = |name: &str| {
            format!(
                "[[rule]]\nname = \"{name}\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\ntrash = true\n",
                scene.client_room
            )
        };
        scene.use_rules(&(rule("one") + &rule("other")));
        let file = scene.upload(&scene.client_room, "virus.exe");
        scene.work_to_the_end().await;
        assert!(scene.portal.file(&file).is_some());
        assert_eq!(scene.count("trash", "done").await, 2);
        assert_eq!(deletions(scene), 1);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_gone_needs_no_deletion() {
    scenario(async |scene| {
        scene.listen_with(trashing(scene));
        let file = scene.upload(&scene.client_room, "virus.exe");
        scene.decide().await;
        scene.portal.delete(&file);
        scene.work_to_the_end().await;
        assert_eq!(scene.count("trash", "done").await, 1);
        assert_eq!(deletions(scene), 0);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_may_not_be_deleted_is_a_dead_letter() {
    for prepare in [
        (|scene, file| scene.portal.make_file_read_only(file)) as fn(&Scene, &FileId),
        |scene, file| scene.portal.trash(file),
    ] {
        scenario(async |scene| {
            scene.leaving(Leftover::DeadLetters, 1);
            scene.leaving(Leftover::WaitingActions, 1);
            let rules = trashing(scene);
            scene.change_rules(rules);
            let file = scene.upload(&scene.client_room, "virus.exe");
            scene.decide().await;
            prepare(scene, &file);
            scene.work_to_the_end().await;
            assert_eq!(scene.dead_code().await.as_deref(), Some("no_right"));
        })
        .await;
    }
}

#[tokio::test]
async fn the_recipe_for_forbidden_extensions_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Forbidden extensions")));
        let bad = scene.upload(&scene.client_room, "Setup.EXE");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.client_room), ["plan.docx"]);
        let trash = scene.portal.seed().trash.clone();
        assert_eq!(scene.portal.file(&bad).unwrap().folder, trash);
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}
