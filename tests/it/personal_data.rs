//! What the journal lists, exports and forgets.

use docspace_courier::audit::Through;
use docspace_courier::forget::{self, Subject};
use docspace_courier::journal::EventState;
use docspace_sandbox::UploadEvents;

use crate::events::{FIRST, printed};
use crate::scene::{Leftover, Scene, scenario};

impl Scene {
    async fn forget(&self, subject: Subject) -> forget::Forgotten {
        let events = forget::select(&self.db, &subject).await.unwrap();
        forget::forget(
            &self.db,
            &events,
            &Through::Command.into(),
            self.clock.now(),
        )
        .await
        .unwrap()
    }

    /// Every text in the store, to search it for what was erased.
    async fn everything(&self) -> String {
        let read = self.db.read(|sql| {
            let mut all = sql.query("SELECT title, reason, body FROM events", &[], |row| {
                let (title, reason): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
                let body: Vec<u8> = row.get(2)?;
                Ok(format!(
                    "{title:?} {reason:?} {}",
                    String::from_utf8_lossy(&body)
                ))
            })?;
            all.extend(
                sql.query("SELECT title, target, reason FROM actions", &[], |row| {
                    let title: Option<String> = row.get(0)?;
                    let (target, reason): (Option<String>, Option<String>) =
                        (row.get(1)?, row.get(2)?);
                    Ok(format!("{title:?} {target:?} {reason:?}"))
                })?,
            );
            all.extend(sql.query("SELECT reason FROM decisions", &[], |row| row.get(0))?);
            let ignored = "SELECT ignored FROM events WHERE ignored IS NOT NULL";
            all.extend(sql.query(ignored, &[], |row| row.get(0))?);
            Ok(all)
        });
        read.await.unwrap().join("\n").to_lowercase()
    }
}

#[tokio::test]
async fn the_list_says_what_was_done() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let list = printed(&scene.run(&["list"]));
        let done = format!("copy to folder {}: done; file", scene.internal.as_str());
        assert!(list.contains(&done), "{list}");
        let none = printed(&scene.run(&["list", "--rule", "invoice"]));
        assert!(none.contains("No such events."), "{none}");
        let copied = printed(&scene.run(&["list", "--rule", "copy", "--text", "PLAN"]));
        assert!(copied.contains("plan.docx"), "{copied}");
    })
    .await;
}

#[tokio::test]
async fn events_are_exported_as_csv() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "=SUM.docx");
        scene.work_to_the_end().await;
        let csv = printed(&scene.run(&["export", "--csv", "--trigger", "file.uploaded"]));
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 2, "{csv}");
        assert!(lines[0].starts_with("\"id\",\"received_at\""), "{csv}");
        assert!(lines[1].contains(",\"'=SUM.docx\",\"done\","), "{csv}");
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_file_is_not_handled_again() {
    scenario(async |scene| {
        let file = scene.upload(&scene.client_room, "Invoice of Anna.pdf");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert!(scene.everything().await.contains("invoice of anna"));
        let subject = Subject::File(file.as_str().to_owned());
        assert!(scene.forget(subject).await.events >= 1);
        // The copy is another file, which the portal reports with its title.
        for copy in scene.portal.files_in(&scene.internal) {
            scene
                .forget(Subject::File(copy.id.as_str().to_owned()))
                .await;
        }
        let left = scene.everything().await;
        assert!(!left.contains("invoice of anna"), "{left}");
        assert!(left.contains("plan.docx"), "{left}");
        assert_eq!(scene.state(FIRST).await, EventState::Done);

        // A redelivery, a replay and a backfill find that everything is done.
        let event = scene.portal.log()[0].event;
        scene.portal.retry_delivery(event);
        scene.work_to_the_end().await;
        scene.replay(FIRST).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["Invoice of Anna.pdf"]);
        assert_eq!(
            scene.titles(&scene.internal),
            ["Invoice of Anna.pdf", "plan.docx"]
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_done_yet_is_not_forgotten() {
    scenario(async |scene| {
        scene.portal.set_key_valid(false);
        scene.portal.upload(
            &scene.client_room,
            "plan.docx",
            b"content",
            UploadEvents::Uploaded,
        );
        scene.work().await;
        let before = Subject::Before(scene.clock.now() + std::time::Duration::from_secs(1));
        let forgotten = scene.forget(before).await;
        assert_eq!((forgotten.events, forgotten.open), (0, 1));
        scene.portal.set_key_valid(true);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn the_command_erases_only_after_a_confirmation() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        scene.refuse("fileops/move");
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        let log = scene.portal.log();
        let person = serde_json::from_slice::<serde_json::Value>(&scene.details(FIRST).await.body)
            .unwrap()["event"]["createBy"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(!log.is_empty());
        let shown = printed(&scene.run(&["forget", "--person", &person]));
        assert!(shown.contains("add --yes to erase it"), "{shown}");
        let erased = printed(&scene.run(&["forget", "--person", &person, "--yes"]));
        assert!(erased.contains("still wait or run"), "{erased}");
        let none = printed(&scene.run(&["forget", "--file", "12345678"]));
        assert!(none.contains("No such events."), "{none}");
        assert_eq!(scene.run(&["forget"]).status.code(), Some(2));
    })
    .await;
}
