//! `check` of rules that share, tag and archive rooms.

use docspace_courier::finding::Severity;

use crate::check::{Variables, check_with, finds, finds_only};
use crate::scene::{Scene, scenario};

/// The variables with a rule that shares, tags and archives the client room.
fn variables(scene: &Scene, folder: &tempfile::TempDir) -> Variables {
    let file = folder.path().join("rules.toml");
    let rules = format!(
        "[[rule]]\nname = \"close\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\ntag = \"done\"\n\
         [[rule.action]]\nshare = {{ email = \"a@x.example\", role = \"viewer\" }}\n\
         [[rule.action]]\narchive = true\n",
        scene.client_room
    );
    std::fs::write(&file, rules).unwrap();
    Variables::of(scene).with("RULES_FILE", file.to_str().unwrap())
}

#[tokio::test]
async fn a_room_manager_may_tag_a_room_and_an_administrator_may_archive_it() {
    scenario(async |scene| {
        let folder = tempfile::tempdir().unwrap();
        let subject = format!("room {}", scene.client_room);
        let report = check_with(scene, variables(scene, &folder)).await;
        finds(&report, Severity::Ok, &subject, "it can be tagged");
        finds(&report, Severity::Ok, &subject, "it can be shared");
        finds_only(
            &report,
            &subject,
            "may not archive it: make that user its owner",
        );

        scene.portal.make_service_account_administrator();
        let report = check_with(scene, variables(scene, &folder)).await;
        finds(&report, Severity::Ok, &subject, "it can be archived");
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_may_not_change_rooms() {
    scenario(async |scene| {
        scene.portal.make_service_account_administrator();
        scene
            .portal
            .set_scopes(&["files:write", "rooms:read", "accounts.self:read", "*:read"]);
        let folder = tempfile::tempdir().unwrap();
        let report = check_with(scene, variables(scene, &folder)).await;
        finds_only(&report, "DOCSPACE_API_KEY", "lacks the scope rooms:write");
    })
    .await;
}
