//! Actions on the room of an event: tags, and the Archive.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::event::Trigger;
use docspace_courier::rules::Rule;
use docspace_sandbox::FaultEffect;

use crate::rules::{read, recipe, with_ids_of};
use crate::scene::{Leftover, Scene, scenario};

/// A rule about uploads with this action and a notification.
fn rule_with(scene: &Scene, action: &str) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"close\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\n{action}\n[[rule.action]]\nnotify = {{ email = \"a@x.example\" }}\n",
        scene.client_room
    ))
}

/// The rule that archives, which also listens to the event that this raises.
fn archiving(scene: &Scene) -> Vec<Rule> {
    scene.portal.make_service_account_administrator();
    let mut rules = rule_with(scene, "archive = true");
    rules[0].triggers.push(Trigger::new("room.archived"));
    rules[0].conditions.clear();
    rules
}

const TAG: &str = "tag = [\"client\", \"vip\"]";

async fn is_archived_once(scene: &Scene, what: &str) {
    let room = scene.portal.room(&scene.client_room).unwrap();
    assert!(room.archived, "{what}");
    assert_eq!(scene.count("archive", "done").await, 1, "{what}");
    assert_eq!(scene.count("notify", "done").await, 1, "{what}");
    assert_eq!(scene.own_effects().await, 1, "{what}");
}

#[tokio::test]
async fn a_crash_around_archiving() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::OperationStored,
        Failpoint::BeforeFinish,
    ] {
        scenario(async |scene| {
            let rules = archiving(scene);
            scene.listen_with(rules);
            scene.upload(&scene.client_room, "handover.pdf");
            scene.crash_at(failpoint, 1).await;
            is_archived_once(scene, &format!("{failpoint:?}")).await;
            assert_eq!(scene.calls("PUT", "/archive"), 1, "{failpoint:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn archiving_whose_answer_or_result_is_lost() {
    for (effect, calls) in [
        (FaultEffect::DropAfter, 1),
        (FaultEffect::StatusAfter(500), 1),
        (FaultEffect::GatewayAfter(502), 1),
        (FaultEffect::OperationResultLost, 1),
        (FaultEffect::DropBefore, 2),
        (FaultEffect::Status(402), 2),
        (FaultEffect::Status(403), 2),
    ] {
        scenario(async |scene| {
            let rules = archiving(scene);
            scene.listen_with(rules);
            scene.fail("PUT", "/archive", 1, effect.clone());
            scene.upload(&scene.client_room, "handover.pdf");
            scene.work_to_the_end().await;
            is_archived_once(scene, &format!("{effect:?}")).await;
            assert_eq!(scene.calls("PUT", "/archive"), calls, "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_room_with_an_open_file_is_archived_when_it_is_closed() {
    scenario(async |scene| {
        let rules = archiving(scene);
        let open = scene.upload(&scene.subfolder, "minutes.docx");
        scene.work_to_the_end().await;
        scene.listen_with(rules);
        scene.portal.open_in_editor(&open, true);
        scene.upload(&scene.client_room, "handover.pdf");
        for _ in 0..5 {
            scene.work().await;
            scene.clock.advance(Duration::from_hours(1));
        }
        assert_eq!(scene.count("archive", "waiting").await, 1);
        assert_eq!(scene.failures().await, 0);
        scene.portal.open_in_editor(&open, false);
        scene.work_to_the_end().await;
        is_archived_once(scene, "closed").await;
    })
    .await;
}

/// A rule acts on what it has archived no more, but another one does.
#[tokio::test]
async fn the_recipe_that_archives_finished_rooms_works() {
    scenario(async |scene| {
        scene.portal.make_service_account_administrator();
        scene.use_rules(&with_ids_of(scene, recipe("Archive finished rooms")));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let room = |scene: &Scene| scene.portal.room(&scene.client_room).unwrap();
        assert!(!room(scene).archived);
        scene.upload(&scene.subfolder, "Handover protocol.pdf");
        scene.work_to_the_end().await;
        assert!(room(scene).archived);
        assert_eq!(room(scene).tags.last().unwrap(), "finished");
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_crash_around_a_tag() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::BeforeFinish,
    ] {
        scenario(async |scene| {
            scene.listen_with(rule_with(scene, TAG));
            let before = scene.portal.room(&scene.client_room).unwrap().tags;
            scene.upload(&scene.subfolder, "plan.docx");
            scene.crash_at(failpoint, 1).await;
            let mut expected = before;
            expected.retain(|tag| tag != "client" && tag != "vip");
            let mut tags = scene.portal.room(&scene.client_room).unwrap().tags;
            for tag in ["client", "vip"] {
                let position = tags.iter().position(|known| known == tag);
                tags.remove(position.expect("the room has the tag"));
            }
            assert_eq!(tags, expected, "{failpoint:?}");
            assert_eq!(scene.count("tag", "done").await, 1);
            assert_eq!(scene.calls("PUT", "/tags"), 1, "{failpoint:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_tag_whose_answer_is_lost() {
    for effect in [
        FaultEffect::DropAfter,
        FaultEffect::StatusAfter(500),
        FaultEffect::DropBefore,
        FaultEffect::Status(402),
    ] {
        scenario(async |scene| {
            let rules = rule_with(scene, TAG);
            scene.listen_with(rules);
            scene.fail("PUT", "/tags", 1, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let tags = scene.portal.room(&scene.client_room).unwrap().tags;
            assert!(tags.ends_with(&["vip".to_owned()]), "{effect:?}: {tags:?}");
            // A tag that is there needs no call.
            let calls = scene.calls("PUT", "/tags");
            scene.upload(&scene.client_room, "next.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.calls("PUT", "/tags"), calls, "{effect:?}");
            assert_eq!(scene.count("tag", "done").await, 2);
        })
        .await;
    }
}

/// Events about folders and rooms have no file.
#[tokio::test]
async fn the_room_of_a_new_folder_is_tagged() {
    scenario(async |scene| {
        scene.use_rules(
            "[[rule]]\nname = \"used\"\ntriggers = [\"folder.created\"]\n[[rule.action]]\ntag = \"used\"\n",
        );
        scene.portal.create_folder(&scene.subfolder, "contracts");
        scene.portal.create_folder(&scene.subfolder, "letters");
        scene.work_to_the_end().await;
        let tags = scene.portal.room(&scene.client_room).unwrap().tags;
        assert_eq!(tags.iter().filter(|tag| *tag == "used").count(), 1);
        assert_eq!(scene.count("tag", "done").await, 2);
    })
    .await;
}

/// Does this to the room after the event was decided, and expects this code of the dead letter.
async fn dead_code(action: &str, prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let rules = rule_with(scene, action);
        scene.change_rules(rules);
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{action}");
    })
    .await;
}

#[tokio::test]
async fn what_can_never_be_done_to_a_room_is_a_dead_letter() {
    for action in [TAG, "archive = true"] {
        let not_found = async |scene: &Scene| {
            let path = if action == TAG { "/tags" } else { "/archive" };
            scene.fail("PUT", path, 1, FaultEffect::Status(404));
            scene.portal.delete_folder(&scene.client_room);
        };
        dead_code(action, not_found, "room_gone").await;
        let no_member = async |scene: &Scene| {
            scene.portal.remove_service_account(&scene.client_room);
            scene.portal.make_service_account_plain();
        };
        dead_code(action, no_member, "no_right").await;
        let path = if action == TAG { "/tags" } else { "/archive" };
        let refused = async |scene: &Scene| scene.fail("PUT", path, 1, FaultEffect::Status(400));
        dead_code(action, refused, "refused").await;
    }
    // A room manager may tag a room, but not archive it.
    dead_code("archive = true", async |_| {}, "no_right").await;
}
