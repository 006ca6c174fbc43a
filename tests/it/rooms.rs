//! `rooms`: lists the ids for the configuration.

use std::process::Output;

use crate::process::binary;
use crate::scene::{Leftover, Scene, scenario};

impl Scene {
    /// Runs the command with only the portal and its key configured.
    fn list_rooms(&self, arguments: &[&str]) -> Output {
        let mut command = binary();
        command
            .arg("rooms")
            .args(arguments)
            .env("DOCSPACE_API_HOST", self.host())
            .env("DOCSPACE_API_KEY", self.portal.api_key())
            .env("PORT", "nonsense")
            .output()
            .unwrap()
    }

    fn rooms_printed(&self, arguments: &[&str]) -> String {
        let output = self.list_rooms(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_and_folders_are_listed() {
    scenario(async |scene| {
        let rooms = "\
ID      KIND    TITLE
539564  custom  Acme - shared with client
539610  custom  Beta - shared with client
340988  custom  Internal Processing

86193 is the Rooms section; as CLIENT_ROOT_ID it matches every room.
";
        assert_eq!(scene.rooms_printed(&[]), rooms);

        let deeper = scene
            .portal
            .create_folder(&scene.subfolder, "March\u{1b}[31m");
        scene.portal.create_folder(&deeper, "Week 1");
        let folders = "\
ID      KIND    TITLE
539564  custom  Acme - shared with client
539702  folder    2026 uploads
760001  folder      March[31m
760002  folder        Week 1
539610  custom  Beta - shared with client
340988  custom  Internal Processing
341029  folder    Inbox
748239  folder    Incoming

86193 is the Rooms section; as CLIENT_ROOT_ID it matches every room.
";
        assert_eq!(scene.rooms_printed(&["--folders"]), folders);

        let json = scene.rooms_printed(&["--folders", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 8);
        assert_eq!(json[3]["title"], "Week 1");
        assert_eq!(json[3]["depth"], 3);
        assert_eq!(json[0]["id"], 539_564);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_a_listing_is_read() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        for number in 0..250 {
            scene
                .portal
                .create_folder(&scene.client_room, &format!("folder {number}"));
        }
        scene.upload(&scene.client_room, "plan.docx");
        let text = scene.rooms_printed(&["--folders"]);
        assert_eq!(text.matches("  folder  ").count(), 253, "{text}");
        assert_eq!(
            scene.calls("GET", &format!("files/{}", scene.client_room)),
            3
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_settings_and_scopes_are_reported() {
    scenario(async |scene| {
        let output = binary().arg("rooms").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("2 problems"), "{text}");

        scene.portal.set_scopes(&["files:write"]);
        let output = scene.list_rooms(&[]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("needs the scope rooms:read"), "{text}");
    })
    .await;
}
