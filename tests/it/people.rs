//! Conditions on groups and guests, about which the portal is asked.

use std::time::Duration;

use docspace_courier::finding::Severity;
use docspace_sandbox::{FaultEffect, UploadEvents};

use crate::catch_up::deliver;
use crate::check::{Variables, check_with, finds};
use crate::scene::{Leftover, Scene, scenario};

impl Scene {
    /// Rules that copy what is uploaded in the client room, each with a condition.
    fn copy_if(&mut self, conditions: &[&str]) {
        let rules = conditions.iter().enumerate().map(|(number, condition)| {
            format!(
                "[[rule]]\nname = \"rule {number}\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n{condition}\n\
                 [[rule.action]]\ncopy = {}\n",
                self.client_room, self.internal
            )
        });
        let rules: String = rules.collect();
        self.use_rules(&rules);
    }

    /// An event about a file that somebody else than the client has uploaded.
    async fn uploaded_by(&self, actor: &str, number: u8) {
        let room = &self.client_room;
        let title = format!("plan {number}.docx");
        let content = title.as_bytes();
        let file = self
            .portal
            .upload(room, &title, content, UploadEvents::None);
        let event = format!(
            r#""event":{{"id":{number},"createOn":"2026-03-02T09:00:01Z","createBy":"{actor}","trigger":"file.uploaded"}}"#
        );
        let payload = format!(
            r#""payload":{{"id":{file},"parentId":{room},"title":"{title}","createOn":"2026-03-02T09:00:00Z","modifiedOn":"2026-03-02T09:00:00Z","fileEntryType":2}}"#
        );
        let body = format!(r#"{{{event},{payload},"webhook":{{"id":418}}}}"#);
        deliver(self, &body).await;
    }
}

#[tokio::test]
async fn what_guests_upload() {
    scenario(async |scene| {
        scene.copy_if(&["by_guest = true", "by_guest = false"]);
        scene.upload(&scene.client_room, "offer.pdf");
        scene.upload(&scene.client_room, "plan.docx");
        let colleague = scene.portal.seed().colleague.clone();
        scene.uploaded_by(&colleague, 1).await;
        scene.work_to_the_end().await;
        let mut reasons = scene.decisions().await;
        reasons.retain(|(_, outcome, _)| outcome == "planned");
        let planned: Vec<&str> = reasons.iter().map(|(rule, ..)| rule.as_str()).collect();
        assert_eq!(planned, ["rule 0", "rule 0", "rule 1"]);
        assert!(
            reasons[0].2.contains("the acting user is a guest"),
            "{reasons:?}"
        );
        // One call for each person.
        assert_eq!(scene.calls("GET", "/people/"), 2);
    })
    .await;
}

#[tokio::test]
async fn what_members_of_a_group_upload() {
    scenario(async |scene| {
        let group = format!("by_group = \"{}\"", scene.portal.seed().group);
        scene.copy_if(&[
            "by_group = \"ACCOUNTING\"",
            "by_group_not = [\"Sales\", \"Accounting\"]",
            &group,
        ]);
        let colleague = scene.portal.seed().colleague.clone();
        scene.uploaded_by(&colleague, 1).await;
        scene.upload(&scene.client_room, "offer.pdf");
        scene.work_to_the_end().await;
        let mut decisions = scene.decisions().await;
        decisions.retain(|(_, outcome, _)| outcome == "planned");
        let mut planned: Vec<&str> = decisions.iter().map(|(rule, ..)| rule.as_str()).collect();
        planned.sort_unstable();
        assert_eq!(planned, ["rule 0", "rule 1", "rule 2"], "{decisions:?}");
        assert_eq!(scene.calls("GET", "/group/user/"), 2);
    })
    .await;
}

/// What the portal said is used for five minutes, or until an event reports a change.
#[tokio::test]
async fn people_are_looked_up_again_when_they_have_changed() {
    scenario(async |scene| {
        scene.copy_if(&["by_guest = true"]);
        let calls = |scene: &Scene| scene.calls("GET", "/people/");
        for (wait, expected) in [(0, 1), (60, 1), (300, 2), (0, 2)] {
            scene.clock.advance(Duration::from_secs(wait));
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(calls(scene), expected);
        }
        let event =
            r#""event":{"id":9,"createOn":"2026-03-02T09:00:01Z","trigger":"user.updated"}"#;
        let payload = r#""payload":{"id":"x-1","firstName":"Dana"}"#;
        deliver(
            scene,
            &format!(r#"{{{event},{payload},"webhook":{{"id":418}}}}"#),
        )
        .await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(calls(scene), 3);
    })
    .await;
}

#[tokio::test]
async fn an_event_waits_until_the_portal_can_be_asked() {
    for (condition, path) in [
        ("by_guest = true", "/people/"),
        ("by_group_not = \"Accounting\"", "/group/user/"),
    ] {
        for effect in [
            FaultEffect::DropBefore,
            FaultEffect::Status(500),
            FaultEffect::Gateway(502),
            FaultEffect::Status(429),
        ] {
            scenario(async |scene| {
                scene.copy_if(&[condition]);
                scene.fail("GET", path, 2, effect.clone());
                scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                let copies = scene.titles(&scene.internal);
                assert_eq!(copies, ["plan.docx"], "{condition} {effect:?}");
                assert_eq!(scene.calls("GET", path), 3, "{condition} {effect:?}");
            })
            .await;
        }
    }
}

/// Such an account may not ask about others. The event is not ignored.
#[tokio::test]
async fn an_account_that_may_not_ask_about_people() {
    for condition in ["by_guest = true", "by_group = \"Accounting\""] {
        scenario(async |scene| {
            scene.leaving(Leftover::DeadLetters, 1);
            scene.portal.make_service_account_plain();
            scene.copy_if(&[condition]);
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            let reason = scene.db.read(|sql| {
                let dead = "SELECT reason FROM events WHERE state = 'dead'";
                sql.query_one(dead, &[], |row| row.get::<String>(0))
            });
            let reason = reason.await.unwrap();
            assert!(reason.contains("denies access"), "{condition}: {reason}");
        })
        .await;
    }
}

/// Somebody whose account is gone is neither a guest nor a member of a group.
#[tokio::test]
async fn an_account_that_is_gone() {
    scenario(async |scene| {
        scene.copy_if(&[
            "by_guest = true",
            "by_guest = false",
            "by_group = \"Accounting\"",
        ]);
        scene
            .uploaded_by("00000000-aaaa-bbbb-cccc-000000000000", 1)
            .await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
        let decisions = scene.decisions().await;
        let gone = |(_, _, reason): &&(String, String, String)| reason.contains("no longer exists");
        assert_eq!(decisions.iter().filter(gone).count(), 2, "{decisions:?}");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_may_not_ask_about_people() {
    for (trigger, rule, scope) in [
        (
            "file.uploaded",
            "by_guest = true\n[[rule.action]]\ncomment = \"Guest\"",
            "accounts:read",
        ),
        (
            "user.created",
            "[[rule.action]]\nadd_to_group = \"7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10\"",
            "accounts:write",
        ),
    ] {
        scenario(async |scene| {
            scene
                .portal
                .set_scopes(&["files:write", "rooms:read", "accounts.self:read"]);
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("rules.toml");
            let text = format!("[[rule]]\nname = \"people\"\ntriggers = [\"{trigger}\"]\n{rule}\n");
            std::fs::write(&file, text).unwrap();
            let variables = Variables::of(scene).with("RULES_FILE", file.to_str().unwrap());
            let report = check_with(scene, variables).await;
            let lacks = format!("lacks the scope {scope}");
            finds(&report, Severity::Error, "DOCSPACE_API_KEY", &lacks);
        })
        .await;
    }
}
