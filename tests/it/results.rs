//! Results: later actions of a rule use what earlier ones have left.

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::replay::ReplayMode;
use docspace_courier::rules::Rule;
use docspace_courier::worker::Progress;
use docspace_sandbox::{FaultEffect, FolderId};

use crate::events::dead_letters;
use crate::folder_paths::only_at;
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// Copies to a folder of the year, again to one below the first copy, and names the first in a comment.
fn rule(scene: &Scene) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"twice\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\ncopy = {{ to = {}, path = \"{{year}}\" }}\n\
         [[rule.action]]\ncomment = \"{{name}}: {{result.folder}}\"\n\
         [[rule.action]]\ncopy = {{ to = \"{{result.folder}}\", path = \"{{month}}\" }}\n",
        scene.client_room, scene.internal
    ))
}

fn year(scene: &Scene) -> FolderId {
    only_at(scene, &scene.internal, &["2026"])
}

/// Checks that everything was done once.
fn is_done_once(scene: &Scene, what: &str) {
    let year = year(scene);
    let month = only_at(scene, &year, &["03"]);
    for folder in [&year, &month] {
        assert_eq!(scene.titles(folder), ["plan.docx"], "{what}");
    }
    let file = scene.portal.files_in(&scene.client_room).remove(0);
    let link = format!("plan: {}/rooms/shared/filter?folder={year}", scene.host());
    assert_eq!(file.comment, link, "{what}");
    assert_eq!(scene.calls("PUT", "fileops"), 2, "{what}");
    assert_eq!(scene.calls("PUT", "/comment"), 1, "{what}");
}

#[tokio::test]
async fn later_actions_use_the_folder_of_earlier_ones_after_each_crash() {
    for (failpoint, times) in [
        (Failpoint::BeforeCall, 5),
        (Failpoint::AfterResponse, 5),
        (Failpoint::OperationStored, 2),
        (Failpoint::BeforeFinish, 5),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule(scene));
            scene.upload(&scene.client_room, "plan.docx");
            scene.crash_at(failpoint, times).await;
            is_done_once(scene, &format!("{failpoint:?}"));
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_is_moved_to_the_folder_of_its_copy() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"both\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
             [[rule.action]]\ncopy = {{ to = {}, path = \"{{name}}\" }}\n\
             [[rule.action]]\nmove = \"{{result.folder}}\"\n",
            scene.client_room, scene.internal
        ));
        for title in ["a.docx", "b.docx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.work_to_the_end().await;
        for (folder, title) in [("a", "a.docx"), ("b", "b.docx")] {
            let folder = only_at(scene, &scene.internal, &[folder]);
            assert_eq!(scene.titles(&folder), [title, title]);
        }
        assert_eq!(scene.titles(&scene.client_room), Vec::<String>::new());
    })
    .await;
}

/// A replay keeps what is done, and with it what it has left.
#[tokio::test]
async fn a_retry_and_a_replay_use_what_is_there() {
    scenario(async |scene| {
        scene.listen_with(rule(scene));
        scene.upload(&scene.client_room, "plan.docx");
        first_action(scene).await;
        scene.fail("PUT", "/comment", 1, FaultEffect::Status(400));
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("refused"));
        scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
        scene.work_to_the_end().await;
        let year = year(scene);
        assert_eq!(scene.titles(&only_at(scene, &year, &["03"])), ["plan.docx"]);
        assert_eq!(scene.titles(&year), ["plan.docx"]);
        assert_eq!(scene.calls("PUT", "fileops"), 2);
    })
    .await;
}

/// Does the first action.
async fn first_action(scene: &Scene) {
    scene.decide().await;
    while scene.count("copy", "done").await == 0 {
        scene.clock.advance(std::time::Duration::from_secs(1));
        let progress = scene.worker.process_next().await.unwrap();
        assert_eq!(progress, Progress::Worked);
        scene.portal.wait_for_operations().await;
    }
}

#[tokio::test]
async fn a_result_that_is_gone_is_a_dead_letter() {
    let gone = async |scene: &Scene| scene.portal.delete_folder(&year(scene));
    let forgotten = async |scene: &Scene| {
        let forget =
            |sql: &docspace_courier::db::Sql| sql.execute("UPDATE actions SET results = NULL", &[]);
        scene.db.write(forget).await.unwrap();
    };
    dead_code(gone, "destination_gone").await;
    // As it is after an update, if an earlier version did the first action.
    dead_code(forgotten, "no_result").await;
}

async fn dead_code(prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let mut rules = rule(scene);
        rules[0].actions.remove(1);
        scene.listen_with(rules);
        scene.upload(&scene.client_room, "plan.docx");
        first_action(scene).await;
        prepare(scene).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code));
    })
    .await;
}
