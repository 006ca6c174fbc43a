//! Destinations below a folder, with a path made from a template: each folder is found or created once.

use std::time::Duration;

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::event::Trigger;
use docspace_courier::rules::Rule;
use docspace_courier::worker::Progress;
use docspace_sandbox::{FaultEffect, FolderId};

use crate::bounds::{STATE_BOUND, until};
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The person who uploads in the sandbox.
const PERSON: &str = "Chris Client";

/// The calls that create folders.
const CREATE: &str = "/files/folder/";

/// A rule that does this with uploads to the client room.
fn rule(scene: &Scene, action: &str) -> Vec<Rule> {
    let (room, to) = (&scene.client_room, &scene.internal);
    let action = action.replace("TO", to.as_str());
    read(&format!(
        "[[rule]]\nname = \"sort\"\ntriggers = [\"file.uploaded\"]\nroom = {room}\n[[rule.action]]\n{action}\n"
    ))
}

const COPY: &str = "copy = { to = TO, path = \"{year}/{person}\" }";
const MOVE: &str = "move = { to = TO, path = \"{year}/{person}\" }";

/// The only folder at this path below a folder.
pub fn only_at(scene: &Scene, root: &FolderId, path: &[&str]) -> FolderId {
    path.iter().fold(root.clone(), |parent, title| {
        let folders = scene.portal.folders_in(&parent);
        let mut same = folders
            .iter()
            .filter(|folder| scene.portal.folder_title(folder).as_deref() == Some(*title));
        let found = same.next();
        let found = found.unwrap_or_else(|| panic!("there is no folder {title}"));
        assert!(same.next().is_none(), "there are two folders {title}");
        found.clone()
    })
}

fn year_and_person(scene: &Scene) -> FolderId {
    only_at(scene, &scene.internal, &["2026", PERSON])
}

pub async fn nothing_is_stored_of_folders(scene: &Scene) {
    let read = scene.db.read(|sql| {
        let count = "SELECT count(*) FROM folder_creations";
        sql.query_one(count, &[], |row| row.get::<i64>(0))
    });
    assert_eq!(read.await.unwrap(), 0);
}

#[tokio::test]
async fn a_path_is_created_once_and_its_files_go_in_one_call() {
    for action in [COPY, MOVE] {
        scenario(async |scene| {
            scene.listen_with(rule(scene, action));
            for number in 0..5 {
                scene.upload(&scene.client_room, &format!("plan {number}.docx"));
            }
            scene.work_to_the_end().await;
            let folder = year_and_person(scene);
            assert_eq!(scene.titles(&folder).len(), 5, "{action}");
            assert_eq!(scene.calls("POST", CREATE), 2, "{action}");
            assert_eq!(scene.calls("PUT", "fileops"), 1, "{action}");
            scene.upload(&scene.client_room, "later.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&folder).len(), 6, "{action}");
            assert_eq!(scene.calls("POST", CREATE), 2, "{action}");
            nothing_is_stored_of_folders(scene).await;
        })
        .await;
    }
}

/// One batch with several destinations makes one call for each.
#[tokio::test]
async fn files_of_several_paths_share_the_folders_above_them() {
    scenario(async |scene| {
        let action = "copy = { to = TO, path = \"{year}/{name}\" }";
        scene.listen_with(rule(scene, action));
        for title in ["Acme.docx", "Acme.pdf", "Beta.pdf", "acme.xlsx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.work_to_the_end().await;
        let acme = only_at(scene, &scene.internal, &["2026", "Acme"]);
        assert_eq!(scene.titles(&acme), ["Acme.docx", "Acme.pdf", "acme.xlsx"]);
        let beta = only_at(scene, &scene.internal, &["2026", "Beta"]);
        assert_eq!(scene.titles(&beta), ["Beta.pdf"]);
        assert_eq!(scene.calls("POST", CREATE), 3);
        assert_eq!(scene.calls("PUT", "fileops"), 2);
    })
    .await;
}

#[tokio::test]
async fn the_oldest_folder_of_a_title_is_used_in_any_case() {
    scenario(async |scene| {
        let action = "copy = { to = TO, path = \"Verträge {year}\" }";
        scene.listen_with(rule(scene, action));
        let oldest = scene.portal.create_folder(&scene.internal, "VERTRÄGE 2026");
        scene.clock.advance(Duration::from_mins(1));
        scene.portal.create_folder(&scene.internal, "Verträge 2026");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&oldest), ["plan.docx"]);
        assert_eq!(scene.calls("POST", CREATE), 0);
    })
    .await;
}

/// What a title must not contain is replaced before the folder is looked for, so that it is found the next time.
#[tokio::test]
async fn parts_of_a_path_are_cleaned() {
    scenario(async |scene| {
        let action = "copy = { to = TO, path = \" {year}: {rule}? /{name} \" }";
        scene.listen_with(rule(scene, action));
        for title in ["Q3.docx", "Q3.pdf"] {
            scene.upload(&scene.client_room, title);
            scene.work_to_the_end().await;
        }
        let folder = only_at(scene, &scene.internal, &["2026_ sort_", "Q3"]);
        assert_eq!(scene.titles(&folder), ["Q3.docx", "Q3.pdf"]);
        assert_eq!(scene.calls("POST", CREATE), 2);
    })
    .await;
}

/// Both folders and the file reach the points of a call; a crash at each of them repeats nothing.
#[tokio::test]
async fn a_crash_at_each_call() {
    for action in [COPY, MOVE] {
        for (failpoint, times) in [
            (Failpoint::BeforeCall, 3),
            (Failpoint::AfterResponse, 3),
            (Failpoint::OperationStored, 1),
            (Failpoint::BeforeFinish, 3),
        ] {
            scenario(async |scene| {
                scene.listen_with(rule(scene, action));
                scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, times).await;
                let what = format!("{action} {failpoint:?}");
                let folder = year_and_person(scene);
                assert_eq!(scene.titles(&folder), ["plan.docx"], "{what}");
                assert_eq!(scene.calls("POST", CREATE), 2, "{what}");
                assert_eq!(scene.calls("PUT", "fileops"), 1, "{what}");
                nothing_is_stored_of_folders(scene).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_folder_whose_answer_is_lost_is_created_once() {
    for (effect, calls) in [
        (FaultEffect::DropAfter, 2),
        (FaultEffect::StatusAfter(500), 2),
        (FaultEffect::StatusAfter(504), 2),
        (FaultEffect::GatewayAfter(502), 2),
        (FaultEffect::DropBefore, 3),
        (FaultEffect::Gateway(502), 3),
        (FaultEffect::Status(429), 3),
        (FaultEffect::Status(500), 3),
        (FaultEffect::Status(503), 3),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule(scene, COPY));
            scene.fail("POST", CREATE, 1, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let folder = year_and_person(scene);
            assert_eq!(scene.titles(&folder), ["plan.docx"], "{effect:?}");
            assert_eq!(scene.calls("POST", CREATE), calls, "{effect:?}");
            nothing_is_stored_of_folders(scene).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_folder_that_the_portal_creates_late_is_not_created_again_after_a_crash() {
    scenario(async |scene| {
        let rules = rule(scene, COPY);
        scene.listen_with(rules.clone());
        scene.fail("POST", CREATE, 1, FaultEffect::Hold);
        scene.upload(&scene.client_room, "plan.docx");
        let called = until(STATE_BOUND, "the portal is called", async || {
            scene.portal.held_calls() > 0
        });
        tokio::select! {
            () = scene.work_to_the_end() => panic!("the portal has answered"),
            () = called => {}
        }
        scene.restart_with_rules(rules, Failpoints::default()).await;
        for _ in 0..180 {
            scene.work().await;
            scene.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(scene.calls("POST", CREATE), 1);
        scene.portal.release_held_calls().await;
        until(STATE_BOUND, "the first call is applied", async || {
            !scene.portal.folders_in(&scene.internal).is_empty()
        })
        .await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&year_and_person(scene)), ["plan.docx"]);
        assert_eq!(scene.calls("POST", CREATE), 2);
        assert_eq!(scene.failures().await, 0);
        nothing_is_stored_of_folders(scene).await;
    })
    .await;
}

/// The answers to reads, too, may be lost, or be an error.
#[tokio::test]
async fn a_folder_that_cannot_be_looked_for_is_not_created() {
    for effect in [
        FaultEffect::DropBefore,
        FaultEffect::Status(500),
        FaultEffect::Gateway(404),
        FaultEffect::Gateway(200),
        FaultEffect::Status(429),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule(scene, COPY));
            scene.portal.create_folder(&scene.internal, "2026");
            scene.fail("GET", "/subfolders", 2, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&year_and_person(scene)), ["plan.docx"]);
            assert_eq!(scene.calls("POST", CREATE), 1, "{effect:?}");
        })
        .await;
    }
}

/// A file whose copy may have been made stays with the folder for which the call was made.
#[tokio::test]
async fn a_copy_is_looked_for_where_it_was_made() {
    scenario(async |scene| {
        scene.listen_with(rule(scene, COPY));
        let folder = scene.portal.create_folder(&scene.internal, "2026");
        scene.fail("PUT", "fileops", 1, FaultEffect::DropAfter);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.portal.wait_for_operations().await;
        // Now the path leads to another folder.
        scene.portal.rename_folder(&folder, "2026 (closed)");
        scene.work_to_the_end().await;
        let person = only_at(scene, &folder, &[PERSON]);
        assert_eq!(scene.titles(&person), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops"), 1);
        let titles = scene.portal.folders_in(&scene.internal);
        let titles: Vec<_> = titles
            .iter()
            .filter_map(|folder| scene.portal.folder_title(folder))
            .collect();
        assert!(!titles.contains(&"2026".to_owned()), "{titles:?}");
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_is_deleted_meanwhile_is_created_again() {
    scenario(async |scene| {
        let action = "copy = { to = TO, path = \"{year}\" }";
        let rules = rule(scene, action);
        scene.listen_with(rules.clone());
        let folder = scene.portal.create_folder(&scene.internal, "2026");
        scene.upload(&scene.client_room, "plan.docx");
        let failpoints = Failpoints::stop_at(Failpoint::BeforeCall);
        scene.restart_with_rules(rules, failpoints.clone()).await;
        tokio::join!(scene.work_to_the_end(), async {
            failpoints.reached().await;
            scene.portal.delete_folder(&folder);
            failpoints.resume();
        });
        let folder = only_at(scene, &scene.internal, &["2026"]);
        assert_eq!(scene.titles(&folder), ["plan.docx"]);
    })
    .await;
}

/// Two files of one path at once, in one process: the second attempt waits for the folder of the first.
#[tokio::test]
async fn an_attempt_waits_for_the_folder_of_another() {
    scenario(async |scene| {
        let text = |name: &str, path: &str| {
            let (room, to) = (&scene.client_room, &scene.internal);
            format!(
                "[[rule]]\nname = \"{name}\"\ntriggers = [\"file.uploaded\"]\nroom = {room}\n\
                 title = {{ prefix = \"{name}\" }}\n\
                 [[rule.action]]\ncopy = {{ to = {to}, path = \"{path}\" }}\n"
            )
        };
        let rules = read(&(text("a", "{year}/a") + &text("b", "{year}/b")));
        scene.listen_with(rules.clone());
        scene.upload(&scene.client_room, "a.docx");
        scene.upload(&scene.client_room, "b.docx");
        scene.portal.wait_for_deliveries().await;
        while scene.worker.decide_next().await.unwrap() != Progress::Idle {}
        let failpoints = Failpoints::stop_at(Failpoint::BeforeCall);
        scene
            .restart_with_rules(rules.clone(), failpoints.clone())
            .await;
        scene.clock.advance(Duration::from_secs(30));
        let first = std::sync::Arc::clone(&scene.worker);
        let first = tokio::spawn(async move { first.process_next().await });
        failpoints.reached().await;
        scene.worker.process_next().await.unwrap();
        assert_eq!(scene.calls("POST", CREATE), 0);
        failpoints.resume();
        first.await.unwrap().unwrap();
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("POST", CREATE), 3);
        for name in ["a", "b"] {
            let folder = only_at(scene, &scene.internal, &["2026", name]);
            assert_eq!(scene.titles(&folder), [format!("{name}.docx")]);
        }
        assert_eq!(scene.failures().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_in_its_folder_stays_as_it_is() {
    for action in [COPY, MOVE] {
        scenario(async |scene| {
            let mut rules = rule(scene, action);
            rules[0].conditions.clear();
            scene.listen_with(rules);
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let folder = year_and_person(scene);
            scene.upload(&folder, "notes.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&folder), ["notes.docx", "plan.docx"]);
            assert_eq!(scene.calls("PUT", "fileops"), 1, "{action}");
            // The folder that contains the destination is not the destination.
            scene.upload(&scene.internal, "loose.docx");
            scene.work_to_the_end().await;
            assert!(scene.titles(&folder).contains(&"loose.docx".to_owned()));
        })
        .await;
    }
}

/// A rule does not act on what it has put below its destination, also if the event arrives before the answer.
#[tokio::test]
async fn the_effect_below_a_destination_is_recognised() {
    for (action, trigger) in [(COPY, "file.copied"), (MOVE, "file.moved")] {
        for failpoint in [
            Failpoint::AfterResponse,
            Failpoint::OperationStored,
            Failpoint::BeforeFinish,
        ] {
            scenario(async |scene| {
                let mut rules = rule(scene, action);
                rules[0].triggers.push(Trigger::new(trigger));
                rules[0].conditions.clear();
                scene.listen_with(rules);
                scene.portal.create_folder(&scene.internal, "2026");
                let year = only_at(scene, &scene.internal, &["2026"]);
                scene.portal.create_folder(&year, PERSON);
                scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, 1).await;
                assert_eq!(scene.titles(&year_and_person(scene)), ["plan.docx"]);
                assert_eq!(scene.calls("PUT", "fileops"), 1);
                assert_eq!(scene.own_effects().await, 1, "{action} {failpoint:?}");
            })
            .await;
        }
    }
}

/// Does this after the event was decided, and expects this code of the dead letter.
async fn dead_code(action: &str, prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.listen_with(rule(scene, action));
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{action}");
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
        nothing_is_stored_of_folders(scene).await;
    })
    .await;
}

#[tokio::test]
async fn a_path_that_can_never_be_created_is_a_dead_letter() {
    for action in [COPY, MOVE] {
        let deleted = async |scene: &Scene| scene.portal.delete_folder(&scene.internal);
        dead_code(action, deleted, "destination_gone").await;
        let read_only = async |scene: &Scene| scene.portal.make_folder_read_only(&scene.internal);
        dead_code(action, read_only, "no_right").await;
        let unseen = async |scene: &Scene| {
            let all = FaultEffect::Status(403);
            scene.fail("GET", "/subfolders", u32::MAX, all);
        };
        dead_code(action, unseen, "no_right").await;
        let refused = async |scene: &Scene| {
            scene.fail("POST", CREATE, u32::MAX, FaultEffect::Status(403));
        };
        dead_code(action, refused, "no_right").await;
        let invalid = async |scene: &Scene| {
            scene.fail("POST", CREATE, 1, FaultEffect::Status(400));
        };
        dead_code(action, invalid, "refused").await;
        let gone = async |scene: &Scene| {
            let file = scene.portal.files_in(&scene.client_room).remove(0);
            scene.portal.delete(&file.id);
        };
        dead_code(action, gone, "file_gone").await;
    }
    let blank = "copy = { to = TO, path = \"{year}/.\" }";
    dead_code(blank, async |_: &Scene| {}, "blank_title").await;
}
