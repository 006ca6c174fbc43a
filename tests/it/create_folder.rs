//! Folders that rules create: each once, recognised as our own, and used by later actions.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FolderId};

use crate::catch_up::deliver;
use crate::folder_paths::{nothing_is_stored_of_folders, only_at};
use crate::rules::read;
use crate::scene::{Leftover, RETENTION, Scene, scenario};

/// The calls that create folders.
const CREATE: &str = "/files/folder/";

/// A rule that creates a folder in the room and copies the file into it, and also listens to the event that this
/// raises, which a rules file is refused for.
fn rules(scene: &Scene, action: &str) -> Vec<Rule> {
    let action = action.replace("TO", scene.internal.as_str());
    let mut rules = read(&format!(
        "[[rule]]\nname = \"file\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\n{action}\n[[rule.action]]\ncopy = \"{{result.folder}}\"\n\
         [[rule]]\nname = \"tidy\"\ntriggers = [\"folder.created\"]\n\
         by_not = \"self\"\n[[rule.action]]\n{action}\n",
        scene.client_room,
    ));
    rules[1].conditions.clear();
    rules
}

const IN_ROOM: &str = "create_folder = \"{rule}/new\"";
const BELOW: &str = "create_folder = { path = \"{rule}/new\", below = TO }";

/// The folder that a rule has created.
fn created(scene: &Scene, action: &str, rule: &str) -> FolderId {
    let root = if action == IN_ROOM {
        &scene.client_room
    } else {
        &scene.internal
    };
    only_at(scene, root, &[rule, "new"])
}

/// Checks that each rule has created its folders once: those of the second rule are about the first one's, and it does
/// nothing more about its own.
async fn is_created_once(scene: &Scene, action: &str, what: &str) {
    let folder = created(scene, action, "file");
    assert_eq!(scene.titles(&folder), ["plan.docx"], "{what}");
    created(scene, action, "tidy");
    assert_eq!(scene.calls("POST", CREATE), 4, "{what}");
    assert_eq!(scene.calls("PUT", "fileops"), 1, "{what}");
    assert_eq!(scene.own_effects().await, 2, "{what}");
    assert_eq!(scene.count("create_folder", "done").await, 3, "{what}");
    nothing_is_stored_of_folders(scene).await;
}

#[tokio::test]
async fn a_crash_around_each_new_folder() {
    for action in [IN_ROOM, BELOW] {
        for (failpoint, times) in [
            (Failpoint::BeforeCall, 5),
            (Failpoint::AfterResponse, 5),
            (Failpoint::BeforeFinish, 5),
        ] {
            scenario(async |scene| {
                scene.listen_with(rules(scene, action));
                scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, times).await;
                let what = format!("{action} {failpoint:?}");
                is_created_once(scene, action, &what).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_new_folder_whose_answer_is_lost() {
    for effect in [
        FaultEffect::DropAfter,
        FaultEffect::StatusAfter(500),
        FaultEffect::StatusAfter(504),
        FaultEffect::GatewayAfter(502),
    ] {
        scenario(async |scene| {
            scene.listen_with(rules(scene, IN_ROOM));
            scene.fail("POST", CREATE, 4, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            is_created_once(scene, IN_ROOM, &format!("{effect:?}")).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_new_folder_that_was_not_created_is_created_again() {
    for effect in [
        FaultEffect::DropBefore,
        FaultEffect::Status(402),
        FaultEffect::Status(403),
        FaultEffect::Status(429),
        FaultEffect::Status(500),
        FaultEffect::Gateway(502),
    ] {
        scenario(async |scene| {
            let mut rules = rules(scene, BELOW);
            rules.truncate(1);
            scene.listen_with(rules);
            scene.fail("POST", CREATE, 1, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let folder = created(scene, BELOW, "file");
            assert_eq!(scene.titles(&folder), ["plan.docx"], "{effect:?}");
            assert_eq!(scene.calls("POST", CREATE), 3, "{effect:?}");
        })
        .await;
    }
}

/// A folder that a person has created is found, and its event is not our own.
#[tokio::test]
async fn a_folder_that_is_there_is_used() {
    scenario(async |scene| {
        scene.listen_with(rules(scene, IN_ROOM));
        let mut folder = scene.client_room.clone();
        for title in ["FILE", "New"] {
            folder = scene.portal.create_folder(&folder, title);
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.count("create_folder", "done").await, 2);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&folder), ["plan.docx"]);
        assert_eq!(scene.calls("POST", CREATE), 2);
        assert_eq!(scene.own_effects().await, 2);
    })
    .await;
}

#[tokio::test]
async fn several_folders_below_a_new_one() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"folders\"\ntriggers = [\"user.created\", \"room.created\"]\n\
             [[rule.action]]\ncreate_folder = {{ path = [\"{{title}}/A\", \"{{title}}/B\"], below = {} }}\n\
             [[rule.action]]\ncreate_folder = {{ path = \"{{person}}\", below = \"{{result.folder}}\" }}\n",
            scene.internal
        ));
        for (id, trigger, payload) in [
            (1, "user.created", r#""firstName":"Dana","lastName":"Klein""#),
            (2, "room.created", r#""title":"Acme","fileEntryType":1"#),
        ] {
            let event = format!(
                r#""event":{{"id":{id},"createOn":"2026-03-02T09:00:01Z","createBy":"x-1","trigger":"{trigger}"}}"#
            );
            let body = format!(r#"{{{event},"payload":{{"id":{id},{payload}}},"webhook":{{"id":418}}}}"#);
            deliver(scene, &body).await;
        }
        scene.work_to_the_end().await;
        for title in ["Dana Klein", "Acme"] {
            only_at(scene, &scene.internal, &[title, "A"]);
            only_at(scene, &scene.internal, &[title, "B", "x-1"]);
        }
        assert_eq!(scene.calls("POST", CREATE), 8);
        nothing_is_stored_of_folders(scene).await;
        assert_eq!(creators(scene).await, 8);
        scene.clock.advance(RETENTION + Duration::from_secs(1));
        scene.worker.prune().await.unwrap();
        assert_eq!(creators(scene).await, 0);
    })
    .await;
}

/// How many folders are known to be created by actions.
async fn creators(scene: &Scene) -> i64 {
    let read = scene.db.read(|sql| {
        let count = "SELECT count(*) FROM created_folders";
        sql.query_one(count, &[], |row| row.get::<i64>(0))
    });
    read.await.unwrap()
}

/// Does this after the event was decided, and expects this code of the dead letter.
async fn dead_code(action: &str, prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let mut rules = rules(scene, action);
        rules.truncate(1);
        scene.change_rules(rules);
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{action}");
        nothing_is_stored_of_folders(scene).await;
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_can_never_be_created_is_a_dead_letter() {
    let gone = async |scene: &Scene| scene.portal.delete_folder(&scene.internal);
    dead_code(BELOW, gone, "destination_gone").await;
    let read_only = async |scene: &Scene| scene.portal.make_folder_read_only(&scene.internal);
    dead_code(BELOW, read_only, "no_right").await;
    let room_gone = async |scene: &Scene| scene.portal.delete_folder(&scene.client_room);
    dead_code(IN_ROOM, room_gone, "room_gone").await;
    for action in [IN_ROOM, BELOW] {
        let refused = async |scene: &Scene| {
            scene.fail("POST", CREATE, u32::MAX, FaultEffect::Status(403));
        };
        dead_code(action, refused, "no_right").await;
        let invalid = async |scene: &Scene| {
            scene.fail("POST", CREATE, 1, FaultEffect::Status(400));
        };
        dead_code(action, invalid, "refused").await;
    }
    let blank = "create_folder = \"{year}/.\"";
    dead_code(blank, async |_: &Scene| {}, "blank_title").await;
}
