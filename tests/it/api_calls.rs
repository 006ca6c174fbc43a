//! Calls that a rule names: made once, or again only if the rule says that this does no harm.

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::replay::ReplayMode;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FolderId};

use crate::events::dead_letters;
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that the rules make.
const CALL: &str = "/files/folder/";

/// A rule that creates a folder, of which the portal makes a second one if the call is made twice.
fn rule(scene: &Scene, is_safe: bool) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"call\"\ntriggers = [\"file.uploaded\"]\nroom = {}\nby_not = \"self\"\n\
         [[rule.action]]\napi = {{ method = \"POST\", path = \"files/folder/{{folder}}\", body = {{ title = \"{{name}}\" }}, \
         safe_to_repeat = {is_safe} }}\n\
         [[rule.action]]\nnotify = {{ email = \"a@x.example\" }}\n",
        scene.client_room
    ))
}

/// The folders that calls have created.
fn folders(scene: &Scene) -> Vec<FolderId> {
    let mut folders = scene.portal.folders_in(&scene.client_room);
    folders.retain(|folder| scene.portal.folder_title(folder).as_deref() == Some("plan"));
    folders
}

async fn is_called(scene: &Scene, calls: usize, folders_made: usize, what: &str) {
    assert_eq!(scene.calls("POST", CALL), calls, "{what}");
    assert_eq!(folders(scene).len(), folders_made, "{what}");
    assert_eq!(scene.count("api", "done").await, 1, "{what}");
    assert_eq!(scene.count("notify", "done").await, 1, "{what}");
}

#[tokio::test]
async fn a_crash_around_a_call_that_is_safe_to_repeat() {
    for (failpoint, calls) in [
        (Failpoint::BeforeCall, 1),
        (Failpoint::AfterResponse, 2),
        (Failpoint::BeforeFinish, 2),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule(scene, true));
            scene.upload(&scene.client_room, "plan.docx");
            scene.crash_at(failpoint, 1).await;
            is_called(scene, calls, calls, &format!("{failpoint:?}")).await;
        })
        .await;
    }
}

/// Whether it was made is not known, so a person decides.
#[tokio::test]
async fn a_crash_around_a_call_that_is_not_safe_to_repeat() {
    for (failpoint, calls) in [
        (Failpoint::BeforeCall, 0),
        (Failpoint::AfterResponse, 1),
        (Failpoint::BeforeFinish, 1),
    ] {
        scenario(async |scene| {
            let what = format!("{failpoint:?}");
            scene.listen_with(rule(scene, false));
            scene.upload(&scene.client_room, "plan.docx");
            scene.crash_at(failpoint, 1).await;
            assert_eq!(scene.dead_code().await.as_deref(), Some("unclear_result"));
            assert_eq!(scene.calls("POST", CALL), calls, "{what}");
            scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
            scene.work_to_the_end().await;
            is_called(scene, calls + 1, calls + 1, &what).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_call_whose_answer_is_lost() {
    for (effect, made, is_unclear) in [
        (FaultEffect::DropAfter, 1, true),
        (FaultEffect::StatusAfter(500), 1, true),
        (FaultEffect::GatewayAfter(502), 1, true),
        (FaultEffect::DropBefore, 0, true),
        (FaultEffect::Status(500), 0, true),
        (FaultEffect::Status(402), 0, false),
        (FaultEffect::Status(429), 0, false),
        (FaultEffect::Gateway(302), 0, false),
    ] {
        for is_safe in [true, false] {
            scenario(async |scene| {
                let what = format!("{effect:?}, safe: {is_safe}");
                scene.listen_with(rule(scene, is_safe));
                scene.fail("POST", CALL, 1, effect.clone());
                scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                if is_unclear && !is_safe {
                    let code = scene.dead_code().await;
                    assert_eq!(code.as_deref(), Some("unclear_result"), "{what}");
                    assert_eq!(scene.calls("POST", CALL), 1, "{what}");
                    assert_eq!(folders(scene).len(), made, "{what}");
                    scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
                    scene.work_to_the_end().await;
                }
                is_called(scene, 2, made + 1, &what).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_call_that_can_never_be_made_is_a_dead_letter() {
    let both = &[true, false][..];
    for (status, times, code, kinds) in [
        (400, 1, "refused", both),
        (401, u32::MAX, "refused", both),
        (403, u32::MAX, "no_right", both),
        (404, 1, "not_found", both),
        (402, u32::MAX, "attempts_used_up", both),
        (409, u32::MAX, "attempts_used_up", &[true]),
        (500, u32::MAX, "attempts_used_up", &[true]),
    ] {
        for &is_safe in kinds {
            scenario(async |scene| {
                scene.leaving(Leftover::DeadLetters, 1);
                scene.leaving(Leftover::WaitingActions, 1);
                scene.listen_with(rule(scene, is_safe));
                scene.fail("POST", CALL, times, FaultEffect::Status(status));
                scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{status}");
                assert!(folders(scene).is_empty(), "{status}");
                // One call that always fails says nothing about the portal and the key.
                assert_eq!(scene.parts.portal.open_reason(), None, "{status}");
                if status == 403 && !is_safe {
                    assert_eq!(scene.calls("POST", CALL), 1, "a part may have been done");
                }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn any_answer_of_success_ends_a_call() {
    for status in [201, 202, 204] {
        scenario(async |scene| {
            scene.listen_with(rule(scene, true));
            scene.fail("POST", CALL, u32::MAX, FaultEffect::Status(status));
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            is_called(scene, 1, 0, &status.to_string()).await;
        })
        .await;
    }
}

/// Titles are text from outside: they change neither which call is made nor what it says.
#[tokio::test]
async fn a_title_stays_a_title() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"call\"\ntriggers = [\"file.uploaded\"]\nroom = {}\nby_not = \"self\"\n\
             [[rule.action]]\napi = {{ method = \"PUT\", path = \"files/rooms/{{folder}}/tags?x={{title}}\", \
             body = {{ names = [\"{{title}}\"] }}, safe_to_repeat = true }}\n",
            scene.client_room
        ));
        let title = "a\", \"b&c=..%2F#{d}'.docx";
        scene.upload(&scene.client_room, title);
        scene.work_to_the_end().await;
        let uploaded = scene.titles(&scene.client_room).remove(0);
        let room = scene.portal.room(&scene.client_room).unwrap();
        assert_eq!(room.tags.last(), Some(&uploaded));
        assert_eq!(scene.calls("PUT", "/tags"), 1);
    })
    .await;
}

/// A part of the path that a value would make blank, or lead elsewhere.
#[tokio::test]
async fn no_call_is_made_with_a_blank_value() {
    for title in [".docx", "...docx"] {
        scenario(async |scene| {
            scene.leaving(Leftover::DeadLetters, 1);
            scene.use_rules(&format!(
                "[[rule]]\nname = \"call\"\ntriggers = [\"file.uploaded\"]\nroom = {}\nby_not = \"self\"\n\
                 [[rule.action]]\napi = {{ method = \"DELETE\", path = \"files/{{name}}/file\", safe_to_repeat = true }}\n",
                scene.client_room
            ));
            scene.upload(&scene.client_room, title);
            scene.work_to_the_end().await;
            assert_eq!(scene.dead_code().await.as_deref(), Some("blank_value"));
            assert_eq!(scene.calls("DELETE", "/files/"), 0);
        })
        .await;
    }
}

/// The new room is given to a call as a number.
#[tokio::test]
async fn a_call_uses_results() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"call\"\ntriggers = [\"file.uploaded\"]\nroom = {}\nby_not = \"self\"\n\
             [[rule.action]]\ncreate_room = \"{{name}}\"\n\
             [[rule.action]]\napi = {{ method = \"PUT\", path = \"files/rooms/{{result.room}}/pin\", safe_to_repeat = true }}\n\
             [[rule.action]]\napi = {{ method = \"POST\", path = \"files/file/{{id}}/copyas\", \
             body = {{ destTitle = \"{{title}}\", destFolderId = \"{{result.room}}\" }}, safe_to_repeat = false }}\n",
            scene.client_room
        ));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let rooms = scene.portal.rooms().into_iter();
        let is_new = |room: &FolderId| scene.portal.folder_title(room).as_deref() == Some("plan");
        let rooms: Vec<FolderId> = rooms.filter(is_new).collect();
        let [room] = &rooms[..] else {
            panic!("{rooms:?}");
        };
        assert_eq!(scene.calls("PUT", &format!("/{room}/pin")), 1);
        assert_eq!(scene.titles(room), ["plan.docx"]);
    })
    .await;
}
