//! A listing of the watched rooms that takes longer than one run.

use std::time::Duration;

use docspace_courier::catch_up::{CatchUp, CatchUpReport, ListRooms};
use docspace_courier::finding::Severity;
use docspace_sandbox::{FileId, FolderId, UploadEvents};
use serde_json::Value;

use crate::check::{Variables, check_with, finds};
use crate::scene::{Scene, scenario};

/// The most runs of a listing in one test.
const MAX_RUNS: usize = 100;

impl Scene {
    /// Catches up once, so that later listings begin now; then an hour passes and the webhook is switched off.
    async fn switch_off(&self) {
        self.upload(&self.client_room, "before.txt");
        self.work().await;
        self.catch_up().run_once(ListRooms::Always).await.unwrap();
        self.clock.advance(Duration::from_hours(1));
        self.portal.set_webhook_enabled(self.webhook, false);
    }

    /// Catch-up with runs of this many calls.
    fn short_runs(&self, calls_per_run: u32) -> CatchUp {
        CatchUp {
            calls_per_run,
            ..self.catch_up()
        }
    }

    /// Catches up until a listing is complete, and does what is to do. Returns the number of runs.
    async fn list_to_the_end(&self, catch_up: &CatchUp) -> usize {
        for run in 1..=MAX_RUNS {
            if list(catch_up).await.listing.is_none() {
                self.work_to_the_end().await;
                return run;
            }
        }
        panic!("the listing does not end");
    }

    /// Uploads files to a folder, each of them this long after the one before.
    fn upload_many(&self, folder: &FolderId, count: usize, step: Duration) -> Vec<FileId> {
        let upload = |number: usize| {
            self.clock.advance(step);
            let title = format!("file {number}.txt");
            self.portal
                .upload(folder, &title, b"content", UploadEvents::Uploaded)
        };
        (0..count).map(upload).collect()
    }

    /// Checks that the console, the API and `check` show how far the listing is.
    async fn shows_listing(&self, words: &str) {
        let operator = self.operator().await;
        let page = operator.page("/").await;
        assert!(page.contains(words), "{page}");
        let status: Value = serde_json::from_str(&operator.page("/api/status").await).unwrap();
        assert_eq!(status["listing"]["pages"], 2, "{status}");
        assert_eq!(status["listing"]["folders_left"], 3, "{status}");
        let report = check_with(self, Variables::of(self)).await;
        finds(&report, Severity::Ok, "catch-up", words);
    }

    /// How many pages of a folder were read.
    fn pages_of(&self, folder: &FolderId) -> usize {
        self.calls("GET", &format!("files/{folder}?"))
    }
}

async fn list(catch_up: &CatchUp) -> CatchUpReport {
    catch_up.run_once(ListRooms::IfNeeded).await.unwrap()
}

#[tokio::test]
async fn a_listing_of_more_than_a_thousand_pages_reaches_its_end() {
    scenario(async |scene| {
        let create = |number| {
            let title = format!("folder {number}");
            scene.portal.create_folder(&scene.client_room, &title)
        };
        let folders: Vec<FolderId> = (0..1_010).map(create).collect();
        scene.switch_off().await;
        scene.upload(&folders[0], "in the first folder.txt");
        scene.upload(&folders[1_009], "in the last folder.txt");
        let runs = scene.list_to_the_end(&scene.catch_up()).await;
        assert_eq!(runs, 5);
        assert_eq!(
            scene.titles(&scene.internal),
            [
                "before.txt",
                "in the first folder.txt",
                "in the last folder.txt"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_listing_continues_after_a_restart_and_says_how_far_it_is() {
    scenario(async |scene| {
        let folder = scene.portal.create_folder(&scene.client_room, "folder");
        scene.switch_off().await;
        scene.upload_many(&scene.client_room, 350, Duration::from_secs(1));
        scene.upload(&folder, "in the folder.txt");
        let mut pages = Vec::new();
        while let Some(listing) = list(&scene.short_runs(1)).await.listing {
            pages.push((listing.pages, listing.folders_left));
            if pages.len() == 2 {
                scene.shows_listing("Pages read: 2. Folders left: 3.").await;
            }
            scene.crash_and_restart().await;
            assert!(pages.len() < MAX_RUNS, "{pages:?}");
        }
        // Four pages of the room, as each repeats a few entries of the one before, and one of each folder.
        assert_eq!(pages.len(), 6, "{pages:?}");
        assert_eq!(pages.last(), Some(&(6, 0)));
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 352);
    })
    .await;
}

#[tokio::test]
async fn what_changes_while_a_listing_is_under_way_is_found_by_the_next() {
    scenario(async |scene| {
        scene.switch_off().await;
        scene.upload_many(&scene.client_room, 250, Duration::ZERO);
        let catch_up = scene.short_runs(1);
        list(&catch_up).await;
        scene.clock.advance(Duration::from_hours(1));
        scene.upload(&scene.client_room, "uploaded meanwhile.txt");
        scene.clock.advance(Duration::from_hours(1));
        scene.portal.set_webhook_enabled(scene.webhook, true);
        scene.clock.advance(Duration::from_hours(1));
        scene.list_to_the_end(&catch_up).await;
        scene.list_to_the_end(&catch_up).await;
        assert_eq!(scene.titles(&scene.internal).len(), 252);
        assert_eq!(list(&catch_up).await.found, None);
    })
    .await;
}

#[tokio::test]
async fn files_that_leave_between_two_pages_hide_no_others() {
    for step in [Duration::ZERO, Duration::from_secs(1)] {
        scenario(async |scene| {
            scene.switch_off().await;
            let files = scene.upload_many(&scene.client_room, 400, step);
            let catch_up = scene.short_runs(1);
            // The newest are listed first, and copied before they are deleted.
            let mut newest = files.iter().rev();
            for run in 1..=MAX_RUNS {
                if list(&catch_up).await.listing.is_none() {
                    break;
                }
                assert!(run < MAX_RUNS, "the listing does not end");
                scene.work_to_the_end().await;
                for file in newest.by_ref().take(40) {
                    scene.portal.delete(file);
                }
            }
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal).len(), 401, "{step:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_folder_that_disappears_does_not_end_a_listing() {
    scenario(async |scene| {
        let create = |number| {
            let title = format!("folder {number}");
            scene.portal.create_folder(&scene.client_room, &title)
        };
        let folders: Vec<FolderId> = (0..10).map(create).collect();
        scene.switch_off().await;
        scene.upload(&folders[0], "one.txt");
        scene.upload(&folders[9], "other.txt");
        let catch_up = scene.short_runs(1);
        list(&catch_up).await;
        for folder in &folders[1..9] {
            scene.portal.delete_folder(folder);
        }
        scene.list_to_the_end(&catch_up).await;
        assert_eq!(
            scene.titles(&scene.internal),
            ["before.txt", "one.txt", "other.txt"]
        );
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_the_same_time_share_a_listing() {
    scenario(async |scene| {
        scene.switch_off().await;
        scene.upload_many(&scene.client_room, 350, Duration::from_secs(1));
        let (one, other) = (scene.short_runs(2), scene.short_runs(2));
        for run in 1..=MAX_RUNS {
            let (one, other) = tokio::join!(list(&one), list(&other));
            if one.listing.is_none() || other.listing.is_none() {
                break;
            }
            assert!(run < MAX_RUNS, "the listing does not end");
        }
        scene.list_to_the_end(&one).await;
        assert_eq!(scene.titles(&scene.internal).len(), 351);
    })
    .await;
}

#[tokio::test]
async fn old_files_are_not_listed() {
    scenario(async |scene| {
        scene.upload_many(&scene.client_room, 350, Duration::ZERO);
        scene.clock.advance(Duration::from_hours(1));
        scene.switch_off().await;
        scene.upload(&scene.client_room, "new.txt");
        let pages_before = scene.pages_of(&scene.client_room);
        assert_eq!(scene.list_to_the_end(&scene.catch_up()).await, 1);
        assert_eq!(scene.titles(&scene.internal).len(), 352);
        assert_eq!(scene.pages_of(&scene.client_room) - pages_before, 1);
    })
    .await;
}
