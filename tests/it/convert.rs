//! Conversions: each makes one new file, and no rule acts on its own.

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FileId, FileView, UploadEvents};

use crate::bounds::{STATE_BOUND, until};
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that convert.
const CONVERT: &str = "/copyas";

/// A rule that converts what is uploaded to the client room.
fn rule(scene: &Scene, convert: &str) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"as pdf\"\ntriggers = [\"file.uploaded\", \"file.created\"]\nroom = {}\n\
         [[rule.action]]\nconvert = {}\n",
        scene.client_room,
        convert.replace("TO", scene.subfolder.as_str()),
    ))
}

/// Into a folder of the room that the rule watches, which only the portal knows.
const INTO_FOLDER: &str = "{ format = \"pdf\", to = TO }";

/// The same file in the folder beside the original. The rule converts no PDF, so it does not trigger itself.
fn rule_for_documents(scene: &Scene) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"as pdf\"\ntriggers = [\"file.uploaded\", \"file.created\"]\nroom = {}\n\
         extension = [\"docx\", \"xlsx\"]\n[[rule.action]]\nconvert = \"pdf\"\n",
        scene.client_room,
    ))
}

/// The PDF files in the subfolder and in the room.
fn converted(scene: &Scene) -> Vec<FileView> {
    let folders = [&scene.subfolder, &scene.client_room].into_iter();
    let files = folders.flat_map(|folder| scene.portal.files_in(folder));
    files
        .filter(|file| file.content.starts_with(b"converted to .pdf"))
        .collect()
}

/// Checks that there is one new file, of the file with this title.
fn is_converted_once(scene: &Scene, title: &str, what: &str) {
    let converted = converted(scene);
    let [file] = &converted[..] else {
        panic!("{what}: {converted:?}");
    };
    assert_eq!(file.title, title, "{what}");
}

#[tokio::test]
async fn a_crash_around_a_conversion() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::BeforeFinish,
    ] {
        scenario(async |scene| {
            let what = format!("{failpoint:?}");
            scene.listen_with(rule(scene, INTO_FOLDER));
            scene.upload(&scene.client_room, "plan.docx");
            scene.crash_at(failpoint, 1).await;
            is_converted_once(scene, "plan.pdf", &what);
            assert_eq!(scene.calls("POST", CONVERT), 1, "{what}");
            assert_eq!(scene.count("convert", "done").await, 1, "{what}");
            assert_eq!(scene.own_effects().await, 2, "{what}");
        })
        .await;
        scenario(async |scene| {
            let what = format!("{failpoint:?}, beside the file");
            scene.listen_with(rule_for_documents(scene));
            scene.upload(&scene.client_room, "plan.docx");
            scene.crash_at(failpoint, 1).await;
            is_converted_once(scene, "plan.pdf", &what);
            assert_eq!(
                scene.titles(&scene.client_room),
                ["plan.docx", "plan.pdf"],
                "{what}"
            );
            assert_eq!(scene.calls("POST", CONVERT), 1, "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_conversion_whose_answer_is_lost() {
    for (effect, calls) in [
        (FaultEffect::DropAfter, 1),
        (FaultEffect::StatusAfter(500), 1),
        (FaultEffect::GatewayAfter(502), 1),
        (FaultEffect::DropBefore, 2),
        (FaultEffect::Status(402), 2),
        (FaultEffect::Status(403), 2),
        (FaultEffect::Status(404), 2),
        (FaultEffect::Status(429), 2),
        (FaultEffect::Status(500), 2),
        (FaultEffect::Gateway(502), 2),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule(scene, INTO_FOLDER));
            scene.fail("POST", CONVERT, 1, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let what = format!("{effect:?}");
            is_converted_once(scene, "plan.pdf", &what);
            assert_eq!(scene.calls("POST", CONVERT), calls, "{what}");
            assert_eq!(scene.own_effects().await, 2, "{what}");
        })
        .await;
    }
}

/// Files of one name in different formats have new files of one title, of which one gets a number. Each is found
/// again although the answers to all calls are lost.
#[tokio::test]
async fn conversions_with_one_title() {
    scenario(async |scene| {
        scene.listen_with(rule(scene, INTO_FOLDER));
        let present = b"somebody else's";
        let events = UploadEvents::None;
        let folder = &scene.subfolder;
        scene.portal.upload(folder, "plan.pdf", present, events);
        scene.fail("POST", CONVERT, 3, FaultEffect::DropAfter);
        for title in ["plan.docx", "plan.xlsx", "Plan.pptx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.work_to_the_end().await;
        let mut contents: Vec<_> = converted(scene).into_iter().map(|it| it.content).collect();
        contents.sort();
        let expected = ["Plan.pptx", "plan.docx", "plan.xlsx"];
        let expected = expected.map(|title| format!("converted to .pdf\n{title}").into_bytes());
        assert_eq!(contents, expected);
        assert_eq!(scene.calls("POST", CONVERT), 3);
        assert_eq!(scene.count("convert", "done").await, 3);
        assert_eq!(scene.own_effects().await, 6);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_has_the_format_already_stays_as_it_is() {
    scenario(async |scene| {
        scene.listen_with(rule(scene, INTO_FOLDER));
        scene.upload(&scene.client_room, "plan.PDF");
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("POST", CONVERT), 0);
        assert_eq!(scene.count("convert", "done").await, 1);
    })
    .await;
}

/// The new file belongs to the rule only as the rule has made it.
#[tokio::test]
async fn what_a_person_makes_of_the_new_file_is_not_the_rules_own_effect() {
    scenario(async |scene| {
        let rules = format!(
            "{}[[rule]]\nname = \"out\"\ntriggers = [\"file.uploaded\"]\nroom = {}\nextension = \"pdf\"\n\
             [[rule.action]]\ncopy = {{ to = {}, conflict = \"overwrite\" }}\n",
            "[[rule]]\nname = \"as pdf\"\ntriggers = [\"file.uploaded\", \"file.copied\"]\nextension = \"docx\"\n\
             [[rule.action]]\nconvert = \"pdf\"\n",
            scene.client_room,
            scene.internal
        );
        scene.use_rules(&rules);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.pdf"]);
        let file = converted(scene).remove(0).id;
        scene.clock.advance(std::time::Duration::from_mins(1));
        let events = UploadEvents::Uploaded;
        scene.portal.overwrite(&file, b"signed", events);
        scene.work_to_the_end().await;
        assert_eq!(scene.contents(&scene.internal), [b"signed"]);
    })
    .await;
}

#[tokio::test]
async fn a_conversion_into_a_folder_that_an_earlier_action_has_left() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"as pdf\"\ntriggers = [\"file.uploaded\"]\nroom = {}\nextension = \"docx\"\n\
             [[rule.action]]\ncreate_folder = {{ path = \"{{year}}\", below = {} }}\n\
             [[rule.action]]\nconvert = {{ format = \"pdf\", to = \"{{result.folder}}\" }}\n\
             [[rule.action]]\ncomment = \"{{result.folder}} {{result.file}}\"\n",
            scene.client_room, scene.internal
        ));
        scene.fail("POST", CONVERT, 1, FaultEffect::DropAfter);
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let folder = scene.portal.folders_in(&scene.internal).remove(0);
        assert_eq!(scene.titles(&folder), ["plan.pdf"]);
        let comment = scene.portal.file(&file).unwrap().comment;
        let made = scene.portal.files_in(&folder).remove(0).id;
        let (host, folder) = (scene.host(), folder.as_str());
        let folder = format!("{host}/rooms/shared/filter?folder={folder}");
        assert_eq!(comment, format!("{folder} {host}/doceditor?fileid={made}"));
    })
    .await;
}

/// Does this to an uploaded file before it is converted into the internal folder, and expects this code of the dead
/// letter.
async fn dead_code(prepare: impl AsyncFn(&Scene, &FileId), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let into = format!("{{ format = \"pdf\", to = {} }}", scene.internal);
        scene.listen_with(rule(scene, &into));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene, &file).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code));
        assert!(converted(scene).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_conversion_that_can_never_be_made_is_a_dead_letter() {
    let gone = async |scene: &Scene, file: &FileId| scene.portal.delete(file);
    dead_code(gone, "file_gone").await;
    let in_their_trash = async |scene: &Scene, file: &FileId| scene.portal.trash(file);
    dead_code(in_their_trash, "no_right").await;
    let nowhere = async |scene: &Scene, _: &FileId| scene.portal.delete_folder(&scene.internal);
    dead_code(nowhere, "destination_gone").await;
    let read_only = async |scene: &Scene, _: &FileId| {
        scene.portal.make_folder_read_only(&scene.internal);
    };
    dead_code(read_only, "no_right").await;
    let refused = async |scene: &Scene, _: &FileId| {
        scene.fail("POST", CONVERT, u32::MAX, FaultEffect::Status(403));
    };
    dead_code(refused, "no_right").await;
    let invalid = async |scene: &Scene, _: &FileId| {
        scene.fail("POST", CONVERT, 1, FaultEffect::Status(400));
    };
    dead_code(invalid, "refused").await;
    // The portal answers 500, as for anything that the converter cannot do.
    let protected = async |scene: &Scene, file: &FileId| scene.portal.protect(file, "secret");
    dead_code(protected, "attempts_used_up").await;
}

/// Neither an open nor a locked file is an obstacle.
#[tokio::test]
async fn a_file_in_use_is_converted() {
    scenario(async |scene| {
        scene.listen_with(rule(scene, INTO_FOLDER));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.lock(&file, true);
        scene.portal.open_in_editor(&file, true);
        scene.work_to_the_end().await;
        is_converted_once(scene, "plan.pdf", "in use");
    })
    .await;
}

/// What the rule of a conversion becomes after it was planned: it copies what is uploaded to the room, and converts
/// nothing any more.
fn rule_that_copies(scene: &Scene) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"as pdf\"\ntriggers = [\"file.uploaded\", \"file.created\"]\nroom = {}\n\
         [[rule.action]]\ncopy = {}\n",
        scene.client_room, scene.internal,
    ))
}

/// Checks that the new file was made, and that the changed rule has not acted on it.
async fn is_recognised(scene: &Scene, what: &str) {
    is_converted_once(scene, "plan.pdf", what);
    assert!(scene.titles(&scene.internal).is_empty(), "{what}");
    assert_eq!(scene.own_effects().await, 2, "{what}");
}

/// The rule may be changed, or another instance may have other rules, between the call and the delivery of its event.
#[tokio::test]
async fn a_new_file_is_recognised_without_a_rule_that_makes_any() {
    scenario(async |scene| {
        scene.listen_with(rule_for_documents(scene));
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        scene.change_rules(rule_that_copies(scene));
        scene.work_to_the_end().await;
        is_recognised(scene, "changed before the call").await;
        // Files of other people are not held up by it, and the rule acts on them.
        scene.upload(&scene.client_room, "more.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["more.docx"]);
    })
    .await;
    for failpoint in [Failpoint::AfterResponse, Failpoint::BeforeFinish] {
        scenario(async |scene| {
            let rules = rule(scene, INTO_FOLDER);
            scene.listen_with(rules.clone());
            scene.upload(&scene.client_room, "plan.docx");
            let failpoints = Failpoints::stop_at(failpoint);
            scene.restart_with_rules(rules, failpoints.clone()).await;
            tokio::select! {
                () = scene.work_to_the_end() => panic!("nothing came to {failpoint:?}"),
                () = failpoints.reached() => {}
            }
            let rules = rule_that_copies(scene);
            scene.restart_with_rules(rules, Failpoints::default()).await;
            scene.work_to_the_end().await;
            is_recognised(scene, &format!("changed at {failpoint:?}")).await;
        })
        .await;
    }
}

/// The results of an attempt are recorded when all of it is over, so a batch of calls that are not shared is small.
#[tokio::test]
async fn a_crash_leaves_few_conversions_in_doubt() {
    scenario(async |scene| {
        scene.listen_with(rule(scene, INTO_FOLDER));
        for number in 0..30 {
            let title = format!("plan {number}.docx");
            scene.upload(&scene.client_room, &title);
        }
        scene.decide().await;
        tokio::select! {
            () = scene.work() => panic!("all is done"),
            () = until(STATE_BOUND, "calls are made", async || {
                scene.calls("POST", CONVERT) >= 20
            }) => {}
        }
        let read = scene.db.read(|sql| {
            let in_doubt = "SELECT count(*) FROM actions WHERE state = 'running'";
            sql.query_one(in_doubt, &[], |row| row.get::<i64>(0))
        });
        let in_doubt = read.await.unwrap();
        assert!(in_doubt <= 5, "{in_doubt} in doubt");
        scene.crash_and_restart().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("POST", CONVERT), 30);
        assert_eq!(converted(scene).len(), 30);
    })
    .await;
}
