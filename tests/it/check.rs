//! The findings of `check`: each test breaks one thing and expects the sentence that says how to fix it.

use std::time::Duration;

use docspace_courier::check::{self, CheckReport, Deployment};
use docspace_courier::clock::Clock;
use docspace_courier::finding::{Finding, Severity};
use docspace_sandbox::{Fault, FaultEffect, PortalSettings};

use crate::bounds::bounded;
use crate::process::{self, binary};
use crate::scene::{Leftover, Scene, scenario};

/// The variables of a scene, for tests that change one at a time.
pub struct Variables(pub Vec<(String, String)>);

impl Variables {
    pub fn of(scene: &Scene) -> Self {
        let seed = scene.portal.seed();
        let pairs = [
            ("DOCSPACE_API_HOST", scene.host().to_owned()),
            ("DOCSPACE_API_KEY", scene.portal.api_key().to_owned()),
            ("DOCSPACE_WEBHOOK_SECRET", scene.portal.secret().to_owned()),
            ("SHARED_WITH_CLIENT_ROOM_ID", seed.client_room.to_string()),
            (
                "INTERNAL_PROCESSING_FOLDER_ID",
                seed.internal_folder.to_string(),
            ),
            ("CLIENT_ROOT_ID", seed.client_room.to_string()),
            ("INCOMING_FOLDER_ID", seed.incoming_folder.to_string()),
            ("DATABASE_URL", scene.store.url()),
        ];
        Self(pairs.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    /// Replaces the value of one variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub async fn check_with(scene: &Scene, variables: Variables) -> CheckReport {
    let deployment = Deployment::from_pairs(&variables.0, None, scene.clock.clone());
    check::run(&deployment).await
}

async fn check(scene: &Scene) -> CheckReport {
    check_with(scene, Variables::of(scene)).await
}

fn findings(report: &CheckReport) -> Vec<&Finding> {
    report
        .sections
        .iter()
        .flat_map(|section| &section.findings)
        .collect()
}

/// Checks that a finding has this severity, and that its subject and message contain these words.
#[track_caller]
pub fn finds(report: &CheckReport, severity: Severity, subject: &str, words: &str) {
    let found = findings(report).into_iter().any(|finding| {
        finding.severity == severity
            && finding.subject.contains(subject)
            && finding.message.contains(words)
    });
    assert!(found, "{severity:?} {subject}: {words}\n{report:#?}");
}

/// Checks that this finding is the only one that is wrong.
#[track_caller]
pub fn finds_only(report: &CheckReport, subject: &str, words: &str) {
    finds(report, Severity::Error, subject, words);
    assert_eq!(report.count(Severity::Error), 1, "{report:#?}");
}

#[tokio::test]
async fn nothing_is_wrong_with_a_good_deployment_and_nothing_is_changed() {
    scenario(async |scene| {
        let report = check(scene).await;
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
        finds(&report, Severity::Ok, "DATABASE_URL", "is writable");
        finds(
            &report,
            Severity::Ok,
            "DOCSPACE_API_KEY",
            "belongs to Docflow Bot",
        );
        finds(
            &report,
            Severity::Ok,
            "DOCSPACE_API_KEY",
            "has all permissions",
        );
        finds(&report, Severity::Ok, "room 539564", "copied and moved");
        finds(&report, Severity::Ok, "folder 341029", "is writable");
        finds(&report, Severity::Ok, "folder 748239", "is writable");
        finds(
            &report,
            Severity::Ok,
            "DOCSPACE_API_HOST",
            "is DocSpace 3.7.2",
        );
        finds(&report, Severity::Ok, "webhook 417", "is enabled");
        finds(
            &report,
            Severity::Ok,
            "/webhook",
            "docspace-courier responds",
        );
        // Only the sandbox sends to a loopback address.
        finds(&report, Severity::Warning, "/webhook", "a private address");
        assert_eq!(scene.calls("PUT", ""), 0);
        assert_eq!(scene.calls("POST", ""), 0);
        assert_eq!(scene.calls("DELETE", ""), 0);
    })
    .await;
}

#[tokio::test]
async fn wrong_variables_do_not_end_the_check() {
    scenario(async |scene| {
        let variables = Variables::of(scene)
            .with("MAX_ATTEMPTS", "many")
            .with("PORT", "x");
        let report = check_with(scene, variables).await;
        finds(&report, Severity::Error, "MAX_ATTEMPTS", "whole number");
        finds(&report, Severity::Error, "PORT", "not a valid port number");
        finds(&report, Severity::Ok, "folder 341029", "is writable");
        assert_eq!(report.count(Severity::Error), 2, "{report:#?}");

        let nothing = check_with(scene, Variables(Vec::new())).await;
        finds(&nothing, Severity::Error, "DOCSPACE_API_HOST", "is not set");
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_docspace_does_not_accept() {
    scenario(async |scene| {
        let variables = Variables::of(scene).with("DOCSPACE_WEBHOOK_SECRET", "short");
        let report = check_with(scene, variables).await;
        finds_only(&report, "DOCSPACE_WEBHOOK_SECRET", "DocSpace takes 8 to 30");
    })
    .await;
}

#[tokio::test]
async fn a_trigger_that_docspace_does_not_know() {
    scenario(async |scene| {
        let variables =
            Variables::of(scene).with("ALLOWED_TRIGGERS", "file.uploaded,file.reviewed");
        let report = check_with(scene, variables).await;
        finds_only(&report, "ALLOWED_TRIGGERS", "file.reviewed");
    })
    .await;
}

#[tokio::test]
async fn a_store_that_cannot_be_created_or_opened() {
    scenario(async |scene| {
        let folder = tempfile::tempdir().unwrap();
        let check_store = async |path: &str| {
            let url = format!("sqlite://{}/{path}", folder.path().display());
            check_with(scene, Variables::of(scene).with("DATABASE_URL", &url)).await
        };
        finds_only(
            &check_store("no/folder/courier.db").await,
            "DATABASE_URL",
            "cannot be created",
        );

        let report = check_store("courier.db").await;
        finds(&report, Severity::Ok, "DATABASE_URL", "does not exist yet");
        assert!(!folder.path().join("courier.db").exists());

        std::fs::write(
            folder.path().join("courier.db"),
            "no store at all, but a letter",
        )
        .unwrap();
        finds_only(
            &check_store("courier.db").await,
            "DATABASE_URL",
            "courier.db",
        );
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_does_not_answer() {
    scenario(async |scene| {
        scene.portal.set_down(true);
        let report = check(scene).await;
        finds_only(&report, "DOCSPACE_API_HOST", "does not respond");
        finds(
            &report,
            Severity::Warning,
            "rooms, folders, webhook",
            "not checked",
        );
    })
    .await;
}

#[tokio::test]
async fn a_failing_portal_and_a_wrong_address() {
    scenario(async |scene| {
        for (status, words) in [(503, "check again"), (404, "no such portal")] {
            scene.portal.inject_fault(Fault {
                method: Some("GET"),
                path_contains: "people/@self",
                times: 1,
                effect: FaultEffect::Status(status),
            });
            finds_only(&check(scene).await, "DOCSPACE_API_HOST", words);
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_refused() {
    scenario(async |scene| {
        scene.portal.set_key_valid(false);
        let report = check(scene).await;
        finds(&report, Severity::Ok, "DOCSPACE_API_HOST", "responds");
        finds_only(&report, "DOCSPACE_API_KEY", "is rejected");
    })
    .await;
}

#[tokio::test]
async fn scopes_that_are_too_small() {
    scenario(async |scene| {
        scene
            .portal
            .set_scopes(&["files:read", "rooms:read", "accounts.self:read"]);
        let report = check(scene).await;
        finds_only(&report, "DOCSPACE_API_KEY", "lacks the scope files:write");
        finds(
            &report,
            Severity::Warning,
            "DOCSPACE_API_KEY",
            "lacks the scope *:read",
        );
        finds(
            &report,
            Severity::Warning,
            "webhook",
            "could not be checked",
        );

        scene.portal.set_scopes(&["files:write"]);
        let report = check(scene).await;
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
        finds(&report, Severity::Warning, "DOCSPACE_API_KEY", "rooms:read");
        finds(
            &report,
            Severity::Warning,
            "DOCSPACE_API_KEY",
            "accounts.self:read",
        );
    })
    .await;
}

#[tokio::test]
async fn a_key_that_ends_soon() {
    scenario(async |scene| {
        scene.clock.advance(Duration::from_hours(24 * 360));
        let report = check(scene).await;
        finds(
            &report,
            Severity::Warning,
            "DOCSPACE_API_KEY",
            "expires in 5 days",
        );
    })
    .await;
}

#[tokio::test]
async fn clocks_that_differ() {
    scenario(async |scene| {
        for (time, words) in [
            ("2026-03-02T09:00:45Z", "45 s ahead of the portal's"),
            ("2026-03-02T08:58:00Z", "120 s behind the portal's"),
        ] {
            let clock = Clock::manual(time.parse().unwrap());
            let deployment = Deployment::from_pairs(&Variables::of(scene).0, None, clock);
            finds(
                &check::run(&deployment).await,
                Severity::Warning,
                "clock",
                words,
            );
        }
    })
    .await;
}

#[tokio::test]
async fn rooms_and_folders_that_do_not_exist() {
    scenario(async |scene| {
        let variables = Variables::of(scene)
            .with("CLIENT_ROOT_ID", "99")
            .with("INCOMING_FOLDER_ID", "98");
        let report = check_with(scene, variables).await;
        finds(&report, Severity::Error, "room 99", "does not exist");
        finds(&report, Severity::Error, "folder 98", "does not exist");
        assert_eq!(report.count(Severity::Error), 2, "{report:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_client_root_that_is_the_section_or_a_folder() {
    scenario(async |scene| {
        let seed = scene.portal.seed();
        for (root, words) in [
            (&seed.rooms_section, "uploads in every room match"),
            (
                &seed.client_subfolder,
                "only uploads in it and its subfolders match",
            ),
        ] {
            let variables = Variables::of(scene).with("CLIENT_ROOT_ID", root.as_str());
            let report = check_with(scene, variables).await;
            finds(&report, Severity::Warning, &format!("room {root}"), words);
            assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_who_may_read_but_not_copy() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.make_file_read_only(&file);
        finds_only(&check(scene).await, "room 539564", "not copy or move them");
    })
    .await;
}

#[tokio::test]
async fn a_user_who_may_read_but_not_change_a_file() {
    for (action, done, verb) in [
        ("comment = \"New\"", "commented on", "comment on"),
        ("rename = \"{title.clean}\"", "renamed", "rename"),
        ("lock = true", "locked", "lock"),
        ("link = \"1 day\"", "made", "make links to"),
        ("trash = true", "deleted", "delete"),
    ] {
        scenario(async |scene| {
            scene.leaving(Leftover::WaitingActions, 1);
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("rules.toml");
            let room = &scene.client_room;
            let rules = format!(
                "[[rule]]\nname = \"change\"\ntriggers = [\"file.uploaded\"]\nroom = {room}\n\
                 [[rule.action]]\n{action}\n"
            );
            std::fs::write(&file, rules).unwrap();
            let variables = || Variables::of(scene).with("RULES_FILE", file.to_str().unwrap());
            let subject = format!("room {room}");
            let report = check_with(scene, variables()).await;
            let may = format!("can be {done} with this key");
            finds(&report, Severity::Ok, &subject, &may);

            let upload = scene.upload(&scene.client_room, "plan.docx");
            scene.portal.make_file_read_only(&upload);
            let report = check_with(scene, variables()).await;
            let may_not = format!("may not {verb} its files");
            finds(&report, Severity::Error, &subject, &may_not);
        })
        .await;
    }
}

#[tokio::test]
async fn an_administrator_who_is_not_a_member() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        scene.portal.remove_service_account(&scene.client_room);
        finds_only(&check(scene).await, "room 539564", "not a member");
        scene.upload(&scene.client_room, "plan.docx");
        finds_only(&check(scene).await, "room 539564", "not a member");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_reaches_more_than_the_rules_need() {
    const ADVICE: &str = "a member of the rooms that the rules use and of no others";

    scenario(async |scene| {
        let extra = |report: &CheckReport, words: &str| {
            finds(report, Severity::Warning, "DOCSPACE_API_KEY", words);
            finds(report, Severity::Warning, "DOCSPACE_API_KEY", ADVICE);
        };
        extra(
            &check(scene).await,
            "no rule uses (“Beta - shared with client”)",
        );
        let seed = scene.portal.seed().clone();
        let other = seed.other_room.to_string();
        let variables = || Variables::of(scene).with("SHARED_WITH_CLIENT_ROOM_ID", &other);
        let report = check_with(scene, variables()).await;
        assert!(!format!("{report:?}").contains(ADVICE), "{report:#?}");
        scene.portal.remove_service_account(&seed.internal_room);
        extra(
            &check_with(scene, variables()).await,
            "an administrator of the portal",
        );
    })
    .await;
}

#[tokio::test]
async fn a_destination_that_may_not_be_written() {
    scenario(async |scene| {
        scene.portal.make_folder_read_only(&scene.internal);
        finds_only(&check(scene).await, "folder 341029", "is not writable");
    })
    .await;
}

#[tokio::test]
async fn a_destination_in_a_form_room() {
    scenario(async |scene| {
        let room = scene.portal.seed().internal_room.clone();
        scene.portal.make_form_room(&room);
        let report = check(scene).await;
        finds(&report, Severity::Error, "folder 341029", "PDF forms");
        finds(&report, Severity::Error, "folder 748239", "PDF forms");
    })
    .await;
}

#[tokio::test]
async fn no_webhook() {
    scenario(async |scene| {
        scene.portal.delete_webhook(scene.webhook);
        finds_only(&check(scene).await, "webhook", "register --url");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_sends_elsewhere() {
    scenario(async |scene| {
        let url = scene.address.replace("/webhook", "/docspace/webhook");
        let pairs = Variables::of(scene).0;
        let deployment = Deployment::from_pairs(&pairs, Some(url.clone()), scene.clock.clone());
        let report = check::run(&deployment).await;
        finds_only(&report, "webhook", &format!("register --url {url}"));
        finds(
            &report,
            Severity::Warning,
            "webhook 417",
            "looks like one of this service",
        );
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_switched_off() {
    scenario(async |scene| {
        scene.portal.set_webhook_enabled(scene.webhook, false);
        finds_only(&check(scene).await, "webhook 417", "is disabled");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_without_the_triggers_of_the_rules() {
    scenario(async |scene| {
        scene
            .portal
            .set_webhook_triggers(scene.webhook, &["file.created", "file.moved"]);
        finds_only(
            &check(scene).await,
            "webhook 417",
            "does not send file.uploaded,",
        );
    })
    .await;
}

#[tokio::test]
async fn a_webhook_limited_to_one_room() {
    scenario(async |scene| {
        scene
            .portal
            .set_webhook_target(scene.webhook, &scene.client_room);
        finds_only(
            &check(scene).await,
            "webhook 417",
            "restricted to entry 539564",
        );
    })
    .await;
}

#[tokio::test]
async fn two_webhooks_with_the_same_address() {
    scenario(async |scene| {
        scene
            .portal
            .add_webhook(&scene.address, &["file.uploaded", "file.created"]);
        let report = check(scene).await;
        finds(
            &report,
            Severity::Warning,
            "webhook 418",
            "every event is delivered twice",
        );
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_close_to_being_switched_off() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 1);
        scene.clock.advance(Duration::from_hours(60));
        let report = check(scene).await;
        finds(
            &report,
            Severity::Warning,
            "webhook 417",
            "nothing was delivered for 2 days",
        );

        scene.stop_receiving().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        scene.start_receiving();
        let report = check(scene).await;
        finds(
            &report,
            Severity::Warning,
            "webhook 417",
            "the next failure disables it",
        );
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_signs_with_another_secret() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 1);
        scene.stop_receiving().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        scene.start_receiving();
        let report = check(scene).await;
        finds(
            &report,
            Severity::Warning,
            "webhook 417",
            "its last delivery failed",
        );
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");

        let variables = Variables::of(scene).with("DOCSPACE_WEBHOOK_SECRET", "Another-Secret-2");
        let report = check_with(scene, variables).await;
        finds_only(&report, "webhook 417", "uses a different secret");
    })
    .await;
}

#[tokio::test]
async fn deliveries_that_the_running_service_rejects() {
    scenario(async |scene| {
        scene.leaving(Leftover::FailedDeliveries, 1);
        scene.stop_receiving().await;
        scene.start_receiving_with("Another-Secret-2");
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        finds_only(&check(scene).await, "webhook 417", "rejected with 401");
        let (_, page) = scene.operator().await.get("/").await;
        assert!(page.contains("6 rejected"), "{page}");
        assert!(
            page.contains("does not match DOCSPACE_WEBHOOK_SECRET"),
            "{page}"
        );
        assert!(
            page.contains("Run docspace-courier register"),
            "it says what to do: {page}"
        );

        scene.stop_receiving().await;
        let secret = scene.portal.secret().to_owned();
        scene.start_receiving_with(&secret);
        scene.upload(&scene.client_room, "plan 2.docx");
        scene.portal.wait_for_deliveries().await;
        scene.work_to_the_end().await;
        let (_, page) = scene.operator().await.get("/").await;
        assert!(!page.contains("rejected"), "{page}");
        assert_eq!(check(scene).await.count(Severity::Error), 0);
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer() {
    scenario(async |scene| {
        scene.stop_receiving().await;
        finds_only(&check(scene).await, "/webhook", "does not respond");
    })
    .await;
}

#[tokio::test]
async fn another_server_at_the_webhook_address() {
    scenario(async |scene| {
        let check_url = async |path: &str| {
            scene.portal.delete_webhook(scene.webhook);
            let url = format!("{}{path}", scene.host());
            let pairs = Variables::of(scene).0;
            check::run(&Deployment::from_pairs(
                &pairs,
                Some(url),
                scene.clock.clone(),
            ))
            .await
        };
        let report = check_url("/webhook").await;
        finds(
            &report,
            Severity::Error,
            "/webhook",
            "responds to HEAD with 404",
        );
        let report = check_url("/").await;
        finds(&report, Severity::Error, "http", "is not docspace-courier");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_prints_marks_and_sets_its_exit_code() {
    bounded(async {
        let deployment = process::Deployment::new(PortalSettings::default()).await;
        let service = deployment.start();
        deployment.ready().await;
        let run = |arguments: &[&str]| {
            let mut command = binary();
            let command = command.arg("check").args(arguments);
            let output = command.envs(deployment.variables.iter().cloned()).output();
            let output = output.unwrap();
            (
                output.status.code(),
                String::from_utf8(output.stdout).unwrap(),
            )
        };
        let (code, text) = run(&[]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("✓ DOCSPACE_API_KEY: is valid"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");

        let (code, json) = run(&["--json"]);
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((code, &report["fine"]), (Some(0), &true.into()), "{json}");

        deployment.portal.set_key_valid(false);
        let (code, text) = run(&[]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("✗ DOCSPACE_API_KEY: is rejected"), "{text}");
        assert!(text.contains("1 problem"), "{text}");
        assert_eq!(run(&["--url", "nonsense"]).0, Some(2));
        service.kill();
    })
    .await;
}

/// A scene's variables with this rules file.
fn with_rules(scene: &Scene, text: &str) -> (tempfile::TempDir, Variables) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, text).unwrap();
    let variables = Variables::of(scene).with("RULES_FILE", file.to_str().unwrap());
    (folder, variables)
}

#[tokio::test]
async fn rules_of_the_file_are_checked_like_those_of_the_environment() {
    scenario(async |scene| {
        let text = "[[rule]]\nname = \"a\"\ntriggers = \"file.uploaded\"\nfolder = 777\n\
                    [[rule.action]]\ncopy = 888\n\
                    [[rule.action]]\ncall = { url = \"http://127.0.0.1:9/secret-path\" }\n";
        let (_folder, variables) = with_rules(scene, text);
        let report = check_with(scene, variables).await;
        finds(&report, Severity::Error, "folder 777", "does not exist");
        finds(&report, Severity::Error, "folder 888", "does not exist");
        finds(
            &report,
            Severity::Error,
            "rule a",
            "check that it is running",
        );
        assert!(!format!("{report:?}").contains("secret-path"));

        let (_folder, variables) = with_rules(scene, "[[rule]]\nname = \"a\"\n");
        let report = check_with(scene, variables).await;
        finds(
            &report,
            Severity::Error,
            "RULES_FILE",
            "line 1, rule “a”, triggers: is missing",
        );
    })
    .await;
}

#[tokio::test]
async fn rules_that_trigger_themselves_through_nested_folders() {
    scenario(async |scene| {
        let rule = |to: &docspace_sandbox::FolderId| {
            format!(
                "[[rule]]\nname = \"a\"\ntriggers = \"file.copied\"\nroom = {}\n[[rule.action]]\ncopy = {to}\n",
                scene.client_room
            )
        };
        let (_folder, variables) = with_rules(scene, &rule(&scene.subfolder));
        let report = check_with(scene, variables).await;
        finds(
            &report,
            Severity::Error,
            "rules",
            "raises file.copied for itself",
        );
        let (_folder, variables) = with_rules(scene, &rule(&scene.internal));
        let report = check_with(scene, variables).await;
        let feeds = findings(&report)
            .into_iter()
            .any(|it| it.message.contains("trigger themselves"));
        assert!(!feeds, "{report:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_service_that_has_not_run_yet_is_not_an_error() {
    scenario(async |scene| {
        scene.stop_receiving().await;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/courier.db", folder.path().display());
        let variables = || Variables::of(scene).with("DATABASE_URL", &url);
        let report = check_with(scene, variables()).await;
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
        finds(&report, Severity::Warning, "/webhook", "has not run yet");
        scene.portal.delete_webhook(scene.webhook);
        let report = check_with(scene, variables()).await;
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
        finds(&report, Severity::Warning, "webhook", "start the service");
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named_with_its_variable_and_rule() {
    scenario(async |scene| {
        let variables = Variables::of(scene).with("INCOMING_FOLDER_ID", "99999999");
        let report = check_with(scene, variables).await;
        let users = "(INCOMING_FOLDER_ID, rule invoice)";
        finds_only(&report, "folder 99999999", users);
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_does_not_speak_https() {
    scenario(async |scene| {
        let host = scene.host().replace("http:", "https:");
        let report = check_with(scene, Variables::of(scene).with("DOCSPACE_API_HOST", &host)).await;
        finds_only(
            &report,
            "DOCSPACE_API_HOST",
            "the server does not speak HTTPS on this port",
        );
    })
    .await;
}
