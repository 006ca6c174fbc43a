//! Changes of something about a file, such as its title: made once, whatever happens, and recognised as our own.

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::event::Trigger;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FileId};

use crate::rules::{read, recipe, with_ids_of};
use crate::scene::{Leftover, Scene, scenario};

/// A rule that makes a change, copies the file, and listens to the event that the change raises, which a rules file is
/// refused for.
fn rule_with(scene: &Scene, change: &str) -> Vec<Rule> {
    let mut rules = read(&format!(
        "[[rule]]\nname = \"change\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\n{change}\n[[rule.action]]\ncopy = {}\n",
        scene.client_room, scene.internal
    ));
    rules[0].triggers.push(Trigger::new("file.updated"));
    rules
}

/// How many events of this trigger arrived.
async fn events(scene: &Scene, trigger: &'static str) -> i64 {
    let read = scene.db.read(move |sql| {
        sql.query_one(
            "SELECT count(*) FROM events WHERE trigger_name = :trigger",
            &[(":trigger", trigger.into())],
            |row| row.get(0),
        )
    });
    read.await.unwrap()
}

/// The kinds of change, and an action of each.
const CHANGES: [(&str, &str); 3] = [
    ("rename", RENAME),
    ("comment", "comment = \"Seen\""),
    ("lock", "lock = true"),
];

const RENAME: &str = "rename = \"{name} ({date})\"";
const RENAMED: &str = "plan (2026-03-02).docx";

/// Whether a file shows a change of this kind.
fn shows(scene: &Scene, file: &FileId, kind: &str) -> bool {
    let file = scene.portal.file(file).unwrap();
    match kind {
        "rename" => file.title == RENAMED,
        "comment" => file.comment == "Seen",
        _ => file.locked,
    }
}

/// Checks that the file shows the change, that it raised one event, and that nothing was done for that.
async fn is_made_once(scene: &Scene, file: &FileId, kind: &str, what: &str) {
    assert!(shows(scene, file, kind), "{kind}, {what}");
    assert_eq!(events(scene, "file.updated").await, 1, "{kind}, {what}");
    assert_eq!(scene.count(kind, "done").await, 1, "{kind}, {what}");
    assert_eq!(scene.titles(&scene.internal).len(), 1, "{kind}, {what}");
    assert_eq!(scene.own_effects().await, 1, "{kind}, {what}");
}

#[tokio::test]
async fn a_crash_around_a_change() {
    for (kind, change) in CHANGES {
        for failpoint in [
            Failpoint::BeforeCall,
            Failpoint::AfterResponse,
            Failpoint::BeforeFinish,
        ] {
            scenario(async |scene| {
                scene.listen_with(rule_with(scene, change));
                let file = scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, 1).await;
                is_made_once(scene, &file, kind, &format!("{failpoint:?}")).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost() {
    for (kind, change) in CHANGES {
        for effect in [
            FaultEffect::DropAfter,
            FaultEffect::StatusAfter(500),
            FaultEffect::GatewayAfter(502),
            FaultEffect::DropBefore,
            FaultEffect::Status(503),
        ] {
            scenario(async |scene| {
                scene.listen_with(rule_with(scene, change));
                scene.fail("PUT", "/files/file/", 1, effect.clone());
                let file = scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                is_made_once(scene, &file, kind, &format!("{effect:?}")).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn an_edit_after_a_rename_is_an_event_of_its_own() {
    scenario(async |scene| {
        scene.listen_with(rule_with(scene, RENAME));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        scene.portal.edit(&file, b"edited");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("rename", "done").await, 2);
        assert_eq!(scene.titles(&scene.internal).len(), 2);
    })
    .await;
}

/// A rename does not change the content, so a rule that has handled the upload does not handle it again.
#[tokio::test]
async fn a_rename_by_one_rule_is_no_new_content_for_another() {
    scenario(async |scene| {
        let keep = format!(
            "[[rule]]\nname = \"keep\"\ntriggers = [\"file.uploaded\", \"file.updated\"]\nroom = {}\n\
             [[rule.action]]\ncopy = {}\n\
             [[rule]]\nname = \"rename\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
             [[rule.action]]\n{RENAME}\n",
            scene.client_room, scene.internal, scene.client_room,
        );
        scene.use_rules(&keep);
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.portal.file(&file).unwrap().title, RENAMED);
        assert_eq!(scene.titles(&scene.internal).len(), 1);
        assert_eq!(events(scene, "file.updated").await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_recipe_that_sanitises_file_names_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Sanitise file names")));
        let bad = scene.upload(
            &scene.client_room,
            "  Q3 report #1\u{a0}(50%)  – u\u{308}.PDF",
        );
        let good = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let title = |file: &FileId| scene.portal.file(file).unwrap().title;
        assert_eq!(title(&bad), "Q3 report _1 (50_) – ü.pdf");
        assert_eq!(title(&good), "plan.docx");
        // The title that was right needs no call.
        assert_eq!(scene.calls("PUT", "/files/file/"), 1);
        assert_eq!(scene.count("rename", "done").await, 2);
        scene.portal.rename(&good, "plan: final?.docx");
        scene.work_to_the_end().await;
        assert_eq!(title(&good), "plan_ final.docx");
    })
    .await;
}

#[tokio::test]
async fn a_rename_keeps_the_extension_and_the_limits_of_the_portal() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"long\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
             [[rule.action]]\nrename = \"{}: {{name}}.pdf\"\n[[rule.action]]\nrename = \"{{title}}\"\n",
            scene.client_room,
            "x".repeat(200)
        ));
        let file = scene.upload(&scene.client_room, "plan.docx");
        // Another file of the title is no obstacle.
        let twin = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let expected = format!("{}.docx", "x".repeat(160));
        for file in [&file, &twin] {
            assert_eq!(scene.portal.file(file).unwrap().title, expected);
        }
        assert_eq!(scene.count("rename", "done").await, 4);
        assert_eq!(scene.calls("PUT", "/files/file/"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_change_waits_for_a_file_that_somebody_else_has_locked() {
    for (kind, change) in CHANGES {
        scenario(async |scene| {
            scene.listen_with(rule_with(scene, change));
            let file = scene.upload(&scene.client_room, "plan.docx");
            scene.portal.lock(&file, true);
            scene.work().await;
            assert_eq!(scene.count(kind, "waiting").await, 1);
            assert_eq!(scene.failures().await, 0);
            assert_eq!(scene.calls("PUT", "/files/file/"), 0);
            scene.portal.lock(&file, false);
            scene.work_to_the_end().await;
            assert!(shows(scene, &file, kind));
        })
        .await;
    }
}

/// Somebody locks the file between the read and the call, which the portal answers with 500.
#[tokio::test]
async fn a_rename_of_a_file_that_is_locked_meanwhile_waits_then() {
    scenario(async |scene| {
        scene.listen_with(rule_with(scene, RENAME));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.fail("PUT", "/files/file/", 1, FaultEffect::Hold);
        let rename = async {
            scene.decide().await;
            scene.worker.process_next().await.unwrap();
        };
        let lock = async {
            crate::bounds::until(crate::bounds::STATE_BOUND, "the call is held", async || {
                scene.portal.held_calls() > 0
            })
            .await;
            scene.portal.lock(&file, true);
            scene.portal.release_held_calls().await;
        };
        tokio::join!(rename, lock);
        assert_eq!(scene.failures().await, 1);
        scene.clock.advance(std::time::Duration::from_mins(1));
        scene.work().await;
        assert_eq!(scene.failures().await, 1);
        assert_eq!(scene.calls("PUT", "/files/file/"), 1);
        scene.portal.lock(&file, false);
        scene.work_to_the_end().await;
        assert_eq!(scene.portal.file(&file).unwrap().title, RENAMED);
    })
    .await;
}

/// Does this to an uploaded file before it is changed, and expects this code of the dead letter.
async fn dead_code(change: &str, prepare: impl AsyncFn(&Scene, &FileId), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        scene.listen_with(rule_with(scene, change));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene, &file).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{change}");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_can_never_be_made_is_a_dead_letter() {
    for (kind, change) in CHANGES {
        dead_code(
            change,
            async |scene, file| scene.portal.delete(file),
            "file_gone",
        )
        .await;
        dead_code(
            change,
            async |scene, file| scene.portal.trash(file),
            "no_right",
        )
        .await;
        let read_only = async |scene: &Scene, file: &FileId| scene.portal.make_file_read_only(file);
        dead_code(change, read_only, "no_right").await;
        let refused = async |scene: &Scene, _: &FileId| {
            scene.fail("PUT", "/files/file/", 1, FaultEffect::Status(400));
        };
        dead_code(change, refused, "refused").await;
        let gone_meanwhile = async |scene: &Scene, _: &FileId| {
            scene.fail("PUT", "/files/file/", 1, FaultEffect::Status(404));
        };
        dead_code(change, gone_meanwhile, "file_gone").await;
        let in_our_trash = async |scene: &Scene, file: &FileId| {
            let address = format!("{}/api/2.0/files/file/{file}", scene.host());
            let client = reqwest::Client::builder().build().unwrap();
            let call = client.delete(address).bearer_auth(scene.portal.api_key());
            let call = call.header("content-type", "application/json").body("{}");
            assert!(call.send().await.unwrap().status().is_success());
            scene.portal.wait_for_operations().await;
        };
        let code = if kind == "comment" {
            "no_right"
        } else {
            "file_gone"
        };
        dead_code(change, in_our_trash, code).await;
    }
}

#[tokio::test]
async fn a_change_waits_for_a_portal_that_is_down_or_unpaid() {
    for (kind, change) in CHANGES {
        for effect in [FaultEffect::Status(402), FaultEffect::Status(429)] {
            scenario(async |scene| {
                scene.listen_with(rule_with(scene, change));
                scene.fail("PUT", "/files/file/", 3, effect.clone());
                let file = scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                is_made_once(scene, &file, kind, &format!("{effect:?}")).await;
            })
            .await;
        }
    }
}

/// A room manager who locks what another account has locked gets no error, and the other lock stays.
#[tokio::test]
async fn the_recipe_that_locks_signed_contracts_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Lock signed contracts")));
        let file = scene.upload(&scene.client_room, "Contract, signed.pdf");
        let other = scene.upload(&scene.client_room, "Contract.pdf");
        scene.work_to_the_end().await;
        let locked_by = |file: &FileId| scene.portal.file(file).unwrap().locked_by;
        assert!(locked_by(&file).is_some());
        assert_eq!(locked_by(&other), None);
        assert_eq!(scene.titles(&scene.internal), ["Contract, signed.pdf"]);
        // Done once; later events need no call.
        let calls = scene.calls("PUT", "/lock");
        scene.portal.rename(&file, "Contract, signed, final.pdf");
        scene.work_to_the_end().await;
        assert_eq!((calls, scene.calls("PUT", "/lock")), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_history_shows_a_rename() {
    scenario(async |scene| {
        scene.listen_with(rule_with(scene, RENAME));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let read = scene.db.read(|sql| {
            sql.query_one(
                "SELECT reason FROM actions WHERE kind = 'rename'",
                &[],
                |row| row.get::<String>(0),
            )
        });
        assert_eq!(read.await.unwrap(), format!("its title is “{RENAMED}”"));
    })
    .await;
}
