//! Lines in files: each is appended once, whoever writes to the file and whatever fails.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FileId, FileView, UploadEvents};

use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that store the file.
const STORE: &str = "/insert";

/// The calls that read it.
const READ: &str = "/filehandler.ashx";

/// A rule that writes about uploads to the client room into a file of the internal folder.
fn rule(scene: &Scene, name: &str, title: &str, line: &str) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"{name}\"\ntriggers = [\"file.uploaded\", \"file.created\"]\nroom = {}\n\
         [[rule.action]]\nwrite = {{ to = {}, title = \"{title}\", line = {line} }}\n",
        scene.client_room, scene.internal
    ))
}

/// The rule of most tests.
fn log(scene: &Scene) -> Vec<Rule> {
    rule(scene, "log", "log.csv", "[\"{date}\", \"{title}\"]")
}

/// The only file in the internal folder.
fn file(scene: &Scene, what: &str) -> FileView {
    let mut files = scene.portal.files_in(&scene.internal);
    assert_eq!(files.len(), 1, "{what}: {files:?}");
    files.remove(0)
}

/// The lines of the only file, without their marks, sorted.
fn lines(scene: &Scene, what: &str) -> Vec<String> {
    let content = String::from_utf8(file(scene, what).content).unwrap();
    let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
    let mut marks = Vec::new();
    let mut lines: Vec<String> = content
        .lines()
        .map(|line| {
            let (line, mark) = line.rsplit_once([',', ' ']).unwrap();
            marks.push(mark.to_owned());
            line.to_owned()
        })
        .collect();
    marks.sort();
    marks.dedup();
    assert_eq!(marks.len(), lines.len(), "{what}: marks are unique");
    lines.sort();
    lines
}

#[tokio::test]
async fn a_crash_around_a_line() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::BeforeFinish,
    ] {
        for exists in [false, true] {
            scenario(async |scene| {
                let what = format!("{failpoint:?}, the file exists: {exists}");
                scene.listen_with(log(scene));
                if exists {
                    let row = b"\"2026-03-01\",\"before\",\"x\"";
                    let events = UploadEvents::None;
                    scene.portal.upload(&scene.internal, "log.csv", row, events);
                }
                scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, 1).await;
                let mut expected = vec!["\"2026-03-02\",\"plan.docx\""];
                if exists {
                    expected.insert(0, "\"2026-03-01\",\"before\"");
                }
                assert_eq!(lines(scene, &what), expected, "{what}");
                assert_eq!(scene.calls("POST", STORE), 1, "{what}");
                assert_eq!(scene.count("write", "done").await, 1, "{what}");
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_line_whose_answer_is_lost() {
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
            scene.listen_with(log(scene));
            scene.fail("POST", STORE, 1, effect.clone());
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let what = format!("{effect:?}");
            assert_eq!(lines(scene, &what), ["\"2026-03-02\",\"plan.docx\""]);
            assert_eq!(scene.calls("POST", STORE), calls, "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_for_a_while() {
    for effect in [
        FaultEffect::DropBefore,
        FaultEffect::Status(403),
        FaultEffect::Status(404),
        FaultEffect::Status(500),
        FaultEffect::Gateway(502),
    ] {
        scenario(async |scene| {
            scene.listen_with(log(scene));
            scene.upload(&scene.client_room, "one.docx");
            scene.work_to_the_end().await;
            scene.fail("GET", READ, 1, effect.clone());
            scene.upload(&scene.client_room, "two.docx");
            scene.work_to_the_end().await;
            let what = format!("{effect:?}");
            assert_eq!(lines(scene, &what).len(), 2, "{what}");
            assert_eq!(scene.calls("POST", STORE), 2, "{what}");
        })
        .await;
    }
}

/// What is known of a call stays known while the file with the lines cannot be read.
#[tokio::test]
async fn a_lost_answer_before_the_file_cannot_be_read() {
    scenario(async |scene| {
        scene.listen_with(log(scene));
        scene.upload(&scene.client_room, "one.docx");
        scene.work_to_the_end().await;
        scene.upload(&scene.client_room, "two.docx");
        scene.fail("POST", STORE, 1, FaultEffect::DropBefore);
        scene.work().await;
        scene.fail("GET", READ, 1, FaultEffect::Status(403));
        scene.clock.advance(Duration::from_secs(5));
        scene.work().await;
        let kept = scene.db.read(|sql| {
            let open =
                "SELECT count(*) FROM actions WHERE intent_at IS NOT NULL AND state = 'waiting'";
            sql.query_one(open, &[], |row| row.get::<i64>(0))
        });
        assert_eq!(kept.await.unwrap(), 1);
        scene.work_to_the_end().await;
        assert_eq!(lines(scene, "two").len(), 2);
        assert_eq!(scene.calls("POST", STORE), 3);
    })
    .await;
}

/// Several rules with other lines, and many files at once.
#[tokio::test]
async fn no_line_is_lost_among_many() {
    scenario(async |scene| {
        let mut rules = log(scene);
        rules.extend(rule(scene, "more", "Log.csv", "[\"{rule}\", \"{title}\"]"));
        scene.listen_with(rules);
        for effect in [FaultEffect::DropAfter, FaultEffect::DropBefore] {
            scene.fail("POST", STORE, 3, effect);
        }
        for number in 0..12 {
            scene.upload(&scene.client_room, &format!("plan {number:02}.docx"));
        }
        scene.work_to_the_end().await;
        let mut expected: Vec<String> = (0..12)
            .flat_map(|number| {
                ["2026-03-02", "more"].map(|first| format!("\"{first}\",\"plan {number:02}.docx\""))
            })
            .collect();
        expected.sort();
        assert_eq!(lines(scene, "many"), expected);
        assert_eq!(file(scene, "many").title.to_lowercase(), "log.csv");
    })
    .await;
}

/// The rule watches the folder of its file, which only the portal knows.
#[tokio::test]
async fn a_rule_does_not_act_on_its_own_lines() {
    scenario(async |scene| {
        let text = format!(
            "[[rule]]\nname = \"log\"\ntriggers = [\"file.uploaded\", \"file.created\"]\nroom = {}\n\
             [[rule.action]]\nwrite = {{ to = {}, title = \"log.txt\", line = \"{{title}}\" }}\n",
            scene.client_room, scene.subfolder
        );
        scene.use_rules(&text);
        scene.upload(&scene.client_room, "one.docx");
        scene.work_to_the_end().await;
        scene.clock.advance(Duration::from_mins(1));
        scene.upload(&scene.client_room, "two.docx");
        scene.work_to_the_end().await;
        let mut files = scene.portal.files_in(&scene.subfolder);
        let log = files.pop().unwrap();
        assert!(files.is_empty());
        assert_eq!((log.title.as_str(), log.version), ("log.txt", 2));
        let content = String::from_utf8(log.content).unwrap();
        assert_eq!(content.lines().count(), 2, "{content}");
        assert_eq!(scene.own_effects().await, 4);
        // What a person does to the file is not the rule's own effect.
        scene.clock.advance(Duration::from_mins(1));
        let edited = [content.as_bytes(), b"a note"].concat();
        let events = UploadEvents::Uploaded;
        scene.portal.overwrite(&log.id, &edited, events);
        scene.work_to_the_end().await;
        let log = scene.portal.file(&log.id).unwrap();
        let content = String::from_utf8(log.content).unwrap();
        let lines: Vec<&str> = content.lines().collect();
        assert_eq!((lines.len(), lines[2]), (4, "a note"), "{content}");
    })
    .await;
}

#[tokio::test]
async fn what_a_line_says() {
    scenario(async |scene| {
        let line = "\"{time} {event} {name} by {person} under {rule}\"";
        scene.listen_with(rule(scene, "log", "{year} log.txt", line));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let file = file(scene, "text");
        assert_eq!(file.title, "2026 log.txt");
        let content = String::from_utf8(file.content).unwrap();
        let expected = "2026-03-02T09:00:00Z file.uploaded plan by Chris Client under log [";
        assert!(content.starts_with(expected), "{content}");
    })
    .await;
    scenario(async |scene| {
        scene.listen_with(log(scene));
        scene.upload(&scene.client_room, "=HYPERLINK(1;2).docx");
        scene.work_to_the_end().await;
        let expected = "\"2026-03-02\",\"'=HYPERLINK(1;2).docx\"";
        assert_eq!(lines(scene, "formula"), [expected]);
    })
    .await;
}

/// It waits until the person is done, and has their changes then.
#[tokio::test]
async fn a_file_that_a_person_has_open_or_locked_is_left_to_them() {
    for locked in [false, true] {
        scenario(async |scene| {
            let mut rules = log(scene);
            rules[0].triggers.truncate(1);
            scene.listen_with(rules);
            scene.upload(&scene.client_room, "one.docx");
            scene.work_to_the_end().await;
            let file = file(scene, "one").id;
            if locked {
                scene.portal.lock(&file, true);
            } else {
                scene.portal.open_in_editor(&file, true);
            }
            scene.upload(&scene.client_room, "two.docx");
            scene.work().await;
            assert_eq!(scene.calls("POST", STORE), 1);
            if locked {
                scene.portal.lock(&file, false);
            } else {
                scene.portal.open_in_editor(&file, false);
            }
            scene.work_to_the_end().await;
            assert_eq!(lines(scene, "two").len(), 2);
            assert_eq!(scene.failures().await, 0);
        })
        .await;
    }
}

/// Does this to the file with the lines, which may not be there yet, before one is written, and expects this code of
/// the dead letter.
async fn dead_code(content: &[u8], prepare: impl AsyncFn(&Scene, &FileId), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.listen_with(log(scene));
        let events = UploadEvents::None;
        let file = scene
            .portal
            .upload(&scene.internal, "log.csv", content, events);
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene, &file).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code));
    })
    .await;
}

#[tokio::test]
async fn a_line_that_can_never_be_written_is_a_dead_letter() {
    let nothing = async |_: &Scene, _: &FileId| {};
    let large = vec![b'x'; 1024 * 1024 - 10];
    dead_code(&large, nothing, "file_full").await;
    dead_code(&vec![b'x'; 1024 * 1024 + 1], nothing, "file_full").await;
    dead_code(b"\xff\xfea\0b\0", nothing, "not_text").await;
    let nowhere = async |scene: &Scene, _: &FileId| scene.portal.delete_folder(&scene.internal);
    dead_code(b"", nowhere, "destination_gone").await;
    let read_only = async |scene: &Scene, _: &FileId| {
        scene.portal.make_folder_read_only(&scene.internal);
    };
    dead_code(b"", read_only, "no_right").await;
    let refused = async |scene: &Scene, _: &FileId| {
        scene.fail("POST", STORE, u32::MAX, FaultEffect::Status(403));
    };
    dead_code(b"", refused, "no_right").await;
    let unreadable = async |scene: &Scene, _: &FileId| {
        scene.fail("GET", READ, u32::MAX, FaultEffect::Status(403));
    };
    dead_code(b"", unreadable, "no_right").await;
    for status in [400, 413, 415] {
        let invalid = async |scene: &Scene, _: &FileId| {
            scene.fail("POST", STORE, 1, FaultEffect::Status(status));
        };
        dead_code(b"", invalid, "refused").await;
    }
}
