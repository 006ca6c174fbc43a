//! Rooms that rules create: each once, recognised as our own, and used by later actions.

use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::event::Trigger;
use docspace_courier::replay::ReplayMode;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FolderId, RoomView};
use serde_json::json;

use crate::events::dead_letters;
use crate::folder_paths::{nothing_is_stored_of_folders, only_at};
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that create rooms, of both kinds.
const CREATE: &str = "/files/rooms";

const EMPTY: &str = "{ title = \"{name}\", tags = [\"project\", \"2026\"] }";
const FROM_TEMPLATE: &str = "{ title = \"{name}\", template = TEMPLATE, tags = [\"project\"] }";

/// A rule about uploads that creates a room and notifies somebody, and also listens to the event that this raises, which a
/// rules file is refused for.
fn rule(scene: &Scene, room: &str) -> Vec<Rule> {
    let template = scene.portal.create_template("Template");
    scene.portal.create_folder(&template, "Contracts");
    let room = room.replace("TEMPLATE", template.as_str());
    let mut rules = read(&format!(
        "[[rule]]\nname = \"open\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\ncreate_room = {room}\n\
         [[rule.action]]\nnotify = {{ email = \"a@x.example\", text = \"{{result.room}}\" }}\n",
        scene.client_room
    ));
    rules[0].triggers.push(Trigger::new("room.created"));
    rules[0].conditions.clear();
    rules
}

/// The rooms of this title.
fn rooms(scene: &Scene, title: &str) -> Vec<RoomView> {
    let rooms = scene.portal.rooms().into_iter();
    let rooms = rooms.filter_map(|room| scene.portal.room(&room));
    rooms.filter(|room| room.title == title).collect()
}

/// Checks that there is one room of the upload's name, as it was asked for.
async fn is_created_once(scene: &Scene, room: &str, what: &str) -> FolderId {
    let rooms = rooms(scene, "plan");
    let [created] = &rooms[..] else {
        panic!("{what}: {rooms:?}");
    };
    let tags: &[&str] = if room == EMPTY {
        &["project", "2026"]
    } else {
        only_at(scene, &created.id, &["Contracts"]);
        &["project"]
    };
    assert_eq!(created.tags, tags, "{what}");
    assert_eq!(scene.count("create_room", "done").await, 1, "{what}");
    assert_eq!(scene.count("notify", "done").await, 1, "{what}");
    assert_eq!(scene.own_effects().await, 1, "{what}");
    nothing_is_stored_of_folders(scene).await;
    created.id.clone()
}

#[tokio::test]
async fn a_crash_around_a_new_room() {
    for room in [EMPTY, FROM_TEMPLATE] {
        for failpoint in [
            Failpoint::BeforeCall,
            Failpoint::AfterResponse,
            Failpoint::BeforeFinish,
        ] {
            scenario(async |scene| {
                let rules = rule(scene, room);
                scene.listen_with(rules);
                scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, 1).await;
                let what = format!("{room} {failpoint:?}");
                is_created_once(scene, room, &what).await;
                assert_eq!(scene.calls("POST", CREATE), 1, "{what}");
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_new_room_whose_answer_is_lost() {
    for room in [EMPTY, FROM_TEMPLATE] {
        for (effect, calls) in [
            (FaultEffect::DropAfter, 1),
            (FaultEffect::StatusAfter(500), 1),
            (FaultEffect::GatewayAfter(502), 1),
            (FaultEffect::DropBefore, 2),
            (FaultEffect::Status(402), 2),
            (FaultEffect::Status(404), 2),
            (FaultEffect::Status(429), 2),
            (FaultEffect::Status(500), 2),
            (FaultEffect::Gateway(502), 2),
        ] {
            scenario(async |scene| {
                let rules = rule(scene, room);
                scene.listen_with(rules);
                scene.fail("POST", CREATE, 1, effect.clone());
                scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                let what = format!("{room} {effect:?}");
                is_created_once(scene, room, &what).await;
                assert_eq!(scene.calls("POST", CREATE), calls, "{what}");
            })
            .await;
        }
    }
}

/// The tag by which the room is found is taken off in the end, also if the calls for that fail at first.
#[tokio::test]
async fn the_mark_of_a_room_is_taken_off() {
    for effect in [
        FaultEffect::DropAfter,
        FaultEffect::DropBefore,
        FaultEffect::Status(500),
        FaultEffect::Gateway(502),
    ] {
        scenario(async |scene| {
            let rules = rule(scene, EMPTY);
            scene.listen_with(rules);
            scene.fail("DELETE", "/tags", 1, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            is_created_once(scene, EMPTY, &format!("{effect:?}")).await;
            assert_eq!(scene.calls("POST", CREATE), 1, "{effect:?}");
        })
        .await;
    }
}

/// Until the tag is taken off, a replay under other rules keeps the room.
#[tokio::test]
async fn a_replay_under_other_rules_keeps_a_room_that_has_its_mark() {
    scenario(async |scene| {
        // The notification of the rule's former name.
        scene.leaving(Leftover::Discarded, 1);
        let mut rules = rule(scene, EMPTY);
        scene.listen_with(rules.clone());
        scene.fail("DELETE", "/tags", u32::MAX, FaultEffect::Status(500));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("attempts_used_up"));
        assert_eq!(rooms(scene, "plan")[0].tags.len(), 3);

        scene.portal.retain_faults(|_| false);
        rules[0].name = "renamed".to_owned();
        scene.listen_with(rules);
        scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
        scene.work_to_the_end().await;
        let rooms = rooms(scene, "plan");
        assert_eq!(rooms.len(), 1, "{rooms:?}");
        assert_eq!(rooms[0].tags, ["project", "2026"]);
        assert_eq!(scene.calls("POST", CREATE), 1);
    })
    .await;
}

/// The portal stores the tags after the room, and may end in between.
#[tokio::test]
async fn a_room_without_its_tags_is_found() {
    scenario(async |scene| {
        let rules = rule(scene, EMPTY);
        scene.listen_with(rules.clone());
        scene.upload(&scene.client_room, "plan.docx");
        let failpoints = Failpoints::stop_at(Failpoint::AfterResponse);
        scene
            .restart_with_rules(rules.clone(), failpoints.clone())
            .await;
        tokio::select! {
            () = scene.work_to_the_end() => panic!("no room is created"),
            () = failpoints.reached() => {}
        }
        let room = rooms(scene, "plan").remove(0).id;
        let path = format!("rooms/{room}");
        call(scene, reqwest::Method::PUT, &path, &json!({ "tags": [] })).await;
        assert!(rooms(scene, "plan")[0].tags.is_empty());
        scene.restart_with_rules(rules, Failpoints::default()).await;
        scene.work_to_the_end().await;
        assert_eq!(is_created_once(scene, EMPTY, "untagged").await, room);
        assert_eq!(scene.calls("POST", CREATE), 1);
    })
    .await;
}

/// Makes a call of somebody else.
async fn call(scene: &Scene, method: reqwest::Method, path: &str, body: &serde_json::Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .request(method, format!("{}/api/2.0/files/{path}", scene.host()))
        .bearer_auth(scene.portal.api_key())
        .json(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
}

/// A room of the same title that somebody else creates meanwhile, or that another action has created, is another room.
#[tokio::test]
async fn rooms_of_one_title_are_told_apart() {
    scenario(async |scene| {
        let mut rules = rule(scene, EMPTY);
        rules[0].actions.truncate(1);
        scene.listen_with(rules);
        let body = json!({ "title": "plan", "roomType": 5 });
        call(scene, reqwest::Method::POST, "rooms", &body).await;
        scene.clock.advance(Duration::from_mins(1));
        scene.fail("POST", CREATE, 2, FaultEffect::DropAfter);
        scene.upload(&scene.client_room, "plan.docx");
        scene.upload(&scene.client_room, "plan.pdf");
        scene.work_to_the_end().await;
        // The rule acts on the other room, too.
        assert_eq!(rooms(scene, "plan").len(), 4);
        assert_eq!(scene.count("create_room", "done").await, 3);
        assert_eq!(scene.own_effects().await, 3);
    })
    .await;
}

/// The portal drops the request for a second room from a template while it creates one, without an error.
#[tokio::test]
async fn rooms_from_a_template_are_created_one_after_the_other() {
    scenario(async |scene| {
        let mut rules = rule(scene, FROM_TEMPLATE);
        rules[0].triggers.truncate(1);
        scene.listen_with(rules);
        scene.portal.set_operation_time(Duration::from_millis(200));
        let template = scene.portal.create_template("Other");
        let body = json!({ "templateId": template, "title": "somebody's" });
        call(scene, reqwest::Method::POST, "rooms/fromTemplate", &body).await;
        for title in ["a.docx", "b.docx", "c.docx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.work_to_the_end().await;
        for title in ["a", "b", "c", "somebody's"] {
            assert_eq!(rooms(scene, title).len(), 1, "{title}");
        }
        assert_eq!(scene.calls("POST", "/fromTemplate"), 4);
        assert_eq!(scene.failures().await, 0);
        nothing_is_stored_of_folders(scene).await;
    })
    .await;
}

async fn dead_code(room: &str, prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let rules = rule(scene, room);
        scene.listen_with(rules);
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code));
        assert!(rooms(scene, "plan").is_empty());
        nothing_is_stored_of_folders(scene).await;
    })
    .await;
}

#[tokio::test]
async fn a_room_that_can_never_be_created_is_a_dead_letter() {
    for room in [EMPTY, FROM_TEMPLATE] {
        let not_allowed = async |scene: &Scene| scene.portal.make_service_account_plain();
        dead_code(room, not_allowed, "no_right").await;
        let refused = async |scene: &Scene| {
            scene.fail("POST", CREATE, 1, FaultEffect::Status(400));
        };
        dead_code(room, refused, "refused").await;
        let no_quota = async |scene: &Scene| {
            scene.fail("POST", CREATE, u32::MAX, FaultEffect::Status(402));
        };
        dead_code(room, no_quota, "attempts_used_up").await;
    }
    dead_code("\" . \"", async |_: &Scene| {}, "blank_title").await;
    // What is wrong with a template is only shown by the task.
    let no_template = FROM_TEMPLATE.replace("TEMPLATE", "4711");
    dead_code(&no_template, async |_: &Scene| {}, "attempts_used_up").await;
}

#[tokio::test]
async fn later_actions_use_the_new_room() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"project\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
             [[rule.action]]\ncreate_room = {{ title = \"{{name}}\", type = \"collaboration\" }}\n\
             [[rule.action]]\nshare = {{ email = \"new@acme.example\", role = \"viewer\", room = \"{{result.room}}\" }}\n\
             [[rule.action]]\ncopy = \"{{result.room}}\"\n\
             [[rule.action]]\ncreate_folder = {{ path = \"{{year}}\", below = \"{{result.room}}\" }}\n\
             [[rule.action]]\nconvert = {{ format = \"pdf\", to = \"{{result.folder}}\" }}\n\
             [[rule.action]]\ncomment = \"{{result.room}}\"\n",
            scene.client_room
        ));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let room = rooms(scene, "plan").remove(0);
        assert_eq!(scene.titles(&room.id), ["plan.docx"]);
        let year = only_at(scene, &room.id, &["2026"]);
        assert_eq!(scene.titles(&year), ["plan.pdf"]);
        let members: Vec<_> = room.members.iter().map(|it| it.email.as_deref()).collect();
        assert_eq!(members, [Some("new@acme.example")]);
        let link = format!("{}/rooms/shared/filter?folder={}", scene.host(), room.id);
        assert_eq!(scene.portal.file(&file).unwrap().comment, link);
    })
    .await;
}
