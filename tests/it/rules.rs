//! Rules of a file, from their text to what the portal holds afterwards, and the recipes of the documentation
//! word for word.

use std::time::Duration;

use docspace_courier::config::Config;
use docspace_courier::event::Trigger;
use docspace_courier::ids::FolderId;
use docspace_courier::rules::Rule;
use docspace_sandbox::{Fault, FaultEffect, UploadEvents};

use crate::catch_up::deliver;
use crate::pipeline::Receiver;
use crate::scene::{Leftover, Scene, TRIGGERS, scenario};

/// The documentation with the recipes.
const PAGE: &str = include_str!("../../docs/RULES.md");

/// The rules file under a heading of the documentation.
pub fn recipe(heading: &str) -> &'static str {
    let (_, section) = PAGE.split_once(&format!("### {heading}\n")).expect(heading);
    let (_, block) = section.split_once("```toml\n").expect(heading);
    block.split_once("```").expect(heading).0
}

/// Parses a rules file as the service does.
pub fn read(text: &str) -> Vec<Rule> {
    config(text, &[]).rules
}

/// The same, with the pipelines.
pub fn config(text: &str, more: &[(&str, &str)]) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, text).unwrap();
    let mut pairs = vec![
        ("DOCSPACE_API_HOST", "https://portal.example"),
        ("DOCSPACE_API_KEY", "sk-1"),
        ("DOCSPACE_WEBHOOK_SECRET", "One-Secret-1"),
        ("NOTIFY_WEBHOOK_URL", "https://chat.example/hook"),
        ("CONTRACTS_SECRET", "a secret of the pipeline"),
        ("RULES_FILE", file.to_str().unwrap()),
    ];
    pairs.extend(more);
    let pairs: Vec<(String, String)> = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Config::from_pairs(&pairs).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

impl Scene {
    /// Makes these the rules, and lets the webhook send everything they listen to.
    pub fn use_rules(&mut self, text: &str) {
        self.listen_with(read(text));
    }

    /// The same for rules that are read already.
    pub fn listen_with(&mut self, rules: Vec<Rule>) {
        let mut triggers: Vec<String> = TRIGGERS.iter().map(|name| (*name).to_owned()).collect();
        for trigger in rules.iter().flat_map(|rule| &rule.triggers) {
            triggers.push(trigger.to_string());
        }
        triggers.push("folder.moved".to_owned());
        let triggers: Vec<&str> = triggers.iter().map(String::as_str).collect();
        self.portal.set_webhook_triggers(self.webhook, &triggers);
        self.change_rules(rules);
    }
}

/// A recipe with the ids of the scene's portal instead of those of the documentation.
pub fn with_ids_of(scene: &Scene, recipe: &str) -> String {
    let seed = scene.portal.seed();
    recipe
        .replace("539564", scene.client_room.as_str())
        .replace("539702", seed.other_room.as_str())
        .replace("341029", scene.internal.as_str())
        .replace("748239", scene.incoming.as_str())
}

/// How often the path of a folder was requested.
fn path_calls(scene: &Scene) -> usize {
    scene.calls("GET", "/path")
}

#[test]
fn every_file_of_the_documentation_is_valid() {
    let mut found = 0;
    for part in PAGE.split("```toml\n").skip(1) {
        let (text, _) = part.split_once("```").unwrap();
        assert!(!read(text).is_empty(), "{text}");
        found += 1;
    }
    assert_eq!(found, 13);
    for heading in [
        "Archive by file type",
        "By month and person",
        "Route by status",
        "Users of a domain",
        "Invoices by client",
        "Review comments",
        "Sanitise file names",
        "Forbidden extensions",
        "Archive finished rooms",
        "Lock signed contracts",
        "Critical folder",
        "Contract intake with a pipeline",
    ] {
        assert!(recipe(heading).starts_with("[[rule]]"), "{heading}");
    }
}

#[tokio::test]
async fn the_recipe_that_archives_by_file_type_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Archive by file type")));
        scene.upload(&scene.client_room, "house.DWG");
        scene.upload(&scene.subfolder, "Scan 7.tif");
        scene.upload(&scene.client_room, "letter.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["house.DWG"]);
        assert_eq!(scene.titles(&scene.incoming), ["Scan 7.tif"]);
        assert_eq!(
            scene.titles(&scene.client_room),
            ["house.DWG", "letter.docx"]
        );
    })
    .await;
}

#[tokio::test]
async fn the_recipe_by_month_and_person_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("By month and person")));
        scene.upload(&scene.client_room, "plan.docx");
        scene.upload(&scene.subfolder, "scan.pdf");
        scene.work_to_the_end().await;
        let mut folder = scene.internal.clone();
        for title in ["2026", "03", "Chris Client"] {
            let folders = scene.portal.folders_in(&folder);
            assert_eq!(folders.len(), 1, "{title}");
            folder = folders.into_iter().next().unwrap();
            assert_eq!(scene.portal.folder_title(&folder).unwrap(), title);
        }
        assert_eq!(scene.titles(&folder), ["plan.docx", "scan.pdf"]);
    })
    .await;
}

#[tokio::test]
async fn the_recipe_for_invoices_by_client_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Invoices by client")));
        let other = scene.portal.seed().other_room.clone();
        scene.upload(&scene.client_room, "Рахунок №42 — \"Müller\" & Söhne's.pdf");
        scene.upload(&other, "Facture.pdf");
        scene.upload(&other, "Rechnung.pdf");
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.incoming),
            ["Facture.pdf", "Рахунок №42 — _Müller_ & Söhne's.pdf"]
        );
        assert_eq!(scene.count("notify", "done").await, 2);
    })
    .await;
}

#[tokio::test]
async fn the_recipe_that_routes_by_status_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Route by status")));
        scene.upload(&scene.client_room, "Draft, SIGNED.docx");
        let draft = scene.upload(&scene.client_room, "Draft.docx");
        scene.upload(&scene.client_room, "Final.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["Draft, SIGNED.docx"]);
        assert_eq!(scene.titles(&scene.incoming), ["Final.docx"]);
        assert_eq!(scene.portal.file(&draft).unwrap().comment, "Draft");
        let decisions = scene.decisions().await;
        let by_first = "the rule “signed” matches, which comes first in the group “status”";
        let by_draft = "the rule “draft” matches, which comes first in the group “status”";
        let count = |expected: &str| {
            let reasons = decisions.iter().filter(|(_, _, reason)| reason == expected);
            reasons.count()
        };
        assert_eq!((count(by_first), count(by_draft)), (2, 1), "{decisions:?}");
    })
    .await;
}

/// Events about accounts need nothing from the portal.
#[tokio::test]
async fn the_recipe_for_users_of_a_domain_works() {
    scenario(async |scene| {
        let chat = Receiver::start().await;
        let text = recipe("Users of a domain").replace("email = \"owner@example.com\"", "chat = true");
        scene.change_rules_and_channels(read(&text), chat.as_chat());
        let event = |id: u32, trigger: &str, status: u32, email: &str| {
            format!(
                r#"{{"event":{{"id":{id},"createOn":"2026-03-02T08:00:0{id}Z","trigger":"{trigger}"}},"payload":{{"id":"c1a5b1de-0c61-4a7f-9a3d-8e1f40c2b7aa","firstName":"Dana","lastName":"Klein","status":{status},"email":"{email}"}},"webhook":{{"id":418}}}}"#
            )
        };
        for body in [
            event(1, "user.created", 1, "dana@Partner.example"),
            event(2, "user.created", 1, "dana@other.example"),
            event(3, "user.updated", 1, "dana@partner.example"),
            event(4, "user.updated", 2, "dana@partner.example"),
        ] {
            assert!(deliver(scene, &body).await.contains("accepted"));
        }
        scene.work_to_the_end().await;
        let lines = chat.calls().into_iter();
        let lines: Vec<String> = lines
            .map(|call| call.json()["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "Dana Klein has had an account since 2026-03-02 08:00 UTC.",
                "Dana Klein was disabled on 2026-03-02 08:00 UTC.",
            ]
        );
        // The portal is asked about neither the account nor a file.
        assert_eq!(scene.calls("GET", "c1a5b1de"), 0);
        assert_eq!(path_calls(scene), 0);
    })
    .await;
}

/// The vendor's first sample: every updated file is marked "Need Review".
#[tokio::test]
async fn the_recipe_for_review_comments_works() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Review comments")));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.portal.file(&file).unwrap().comment, "Uploaded");
        scene.portal.edit(&file, b"edited");
        scene.work_to_the_end().await;
        assert_eq!(scene.portal.file(&file).unwrap().comment, "Need Review");
        // The service's own comment raised an event, which the rule ignored.
        assert_eq!(scene.count("comment", "done").await, 1);
        assert_eq!(scene.calls("PUT", "/comment"), 1);
        let decisions = scene.decisions().await;
        assert!(
            decisions
                .iter()
                .any(|(_, outcome, reason)| outcome == "ignored" && reason.contains("own action")),
            "{decisions:?}"
        );
        scene.portal.edit(&file, b"edited again");
        scene.work_to_the_end().await;
        assert_eq!(scene.count("comment", "done").await, 2);
    })
    .await;
}

/// The vendor's second sample: changes in a critical folder are announced.
#[tokio::test]
async fn the_recipe_for_a_critical_folder_works() {
    scenario(async |scene| {
        let chat = Receiver::start().await;
        scene.use_rules(&with_ids_of(scene, recipe("Critical folder")));
        let rules = scene.parts.rules.get().rules().to_vec();
        scene.change_rules_and_channels(rules, chat.as_chat());
        let folder = scene.portal.create_folder(&scene.internal, "contracts");
        let file = scene.upload(&folder, "salaries @all.xlsx");
        scene.upload(&scene.client_room, "harmless.txt");
        scene.work_to_the_end().await;
        scene.portal.rename_folder(&folder, "legal");
        scene.portal.delete(&file);
        scene.work_to_the_end().await;
        let lines: Vec<String> = chat
            .calls()
            .iter()
            .map(|call| call.json()["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("@all")), "{lines:?}");
        // Without what keeps titles from becoming links and mentions.
        let plain = |line: &str| line.replace('\u{200b}', "");
        assert!(
            lines
                .iter()
                .any(|line| line.contains("The folder contracts")),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("The folder legal")),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| plain(line).contains("salaries @all.xlsx in contracts")),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.contains(&format!("filter?folder={folder}"))),
            "{lines:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_recipe_for_contract_intake_works() {
    scenario(async |scene| {
        let pipeline = Receiver::start().await;
        let text = with_ids_of(scene, recipe("Contract intake with a pipeline"))
            .replace("https://pipeline.example.com/contracts", &pipeline.url());
        let config = config(&text, &[]);
        let channels = docspace_courier::notify::Channels::default();
        channels
            .pipelines
            .load(config.pipelines, |_| false)
            .unwrap();
        scene.change_rules_and_channels(config.rules, channels);
        let file = scene.upload(&scene.client_room, "Our CONTRACT 7.pdf");
        scene.upload(&scene.client_room, "contractor.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["Our CONTRACT 7.pdf"]);
        assert_eq!(scene.portal.file(&file).unwrap().comment, "Taken in");
        let [call] = &pipeline.calls()[..] else {
            panic!("called more or less than once")
        };
        assert_eq!(call.json()["rule"], "contract intake");
        assert_eq!(call.json()["result"]["action"], "copy");
        assert!(!call.header("webhook-signature").is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_room_is_requested_once_and_again_after_a_change() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"keep\"\ntriggers = \"file.uploaded\"\n\
             room_title = {{ prefix = \"acme\" }}\nroom_type = \"custom\"\n\
             [[rule.action]]\ncopy = {}\n",
            scene.internal
        ));
        let rooms = |scene: &Scene| scene.calls("GET", "/files/rooms/");
        for number in 0..5 {
            scene.upload(&scene.subfolder, &format!("plan {number}.docx"));
            scene.upload(&scene.client_room, &format!("top {number}.docx"));
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 10);
        assert_eq!((path_calls(scene), rooms(scene)), (2, 1));

        let other = scene.portal.seed().other_room.clone();
        scene.upload(&other, "other.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 10);
        assert_eq!(rooms(scene), 2);

        scene.portal.move_folder(&scene.subfolder, &other);
        scene.work().await;
        scene.upload(&scene.subfolder, "elsewhere.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 10);
        let decisions = scene.decisions().await;
        let (_, _, reason) = decisions.last().unwrap();
        assert_eq!(reason, "the room's title does not start with “acme”");
    })
    .await;
}

#[tokio::test]
async fn the_size_is_asked_for_only_when_it_matters() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"small\"\ntriggers = \"file.uploaded\"\nroom = {}\nextension = \"txt\"\n\
             size = {{ at_most = 5 }}\n[[rule.action]]\ncopy = {}\n",
            scene.client_room, scene.internal
        ));
        // The content of a file is its title.
        scene.upload(&scene.client_room, "a.txt");
        scene.upload(&scene.client_room, "longer.txt");
        let looked_up = |scene: &Scene| scene.calls("GET", "/files/file/");
        let image = scene.upload(&scene.client_room, "a.png");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["a.txt"]);
        assert_eq!(looked_up(scene), 2);
        assert_eq!(scene.calls("GET", &format!("/files/file/{image}")), 0);
    })
    .await;
}

#[tokio::test]
async fn a_folder_path_is_requested_once_and_again_after_a_move() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"keep\"\ntriggers = \"file.uploaded\"\nroom = {}\n\
                 [[rule.action]]\ncopy = {}\n",
            scene.client_room, scene.internal
        ));
        for number in 0..10 {
            scene.upload(&scene.subfolder, &format!("plan {number}.docx"));
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 10);
        assert_eq!(path_calls(scene), 1);

        let other = scene.portal.seed().other_room.clone();
        scene.portal.move_folder(&scene.subfolder, &other);
        scene.work().await;
        scene.upload(&scene.subfolder, "elsewhere.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal).len(), 10);
        assert_eq!(path_calls(scene), 2);
    })
    .await;
}

#[tokio::test]
async fn events_wait_for_a_portal_that_is_down() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"keep\"\ntriggers = \"file.uploaded\"\n\
             folder_tree = {}\nby_not = \"self\"\n\
                 [[rule.action]]\ncopy = {}\n",
            scene.client_room, scene.internal
        ));
        scene.portal.set_down(true);
        scene.upload(&scene.subfolder, "plan.docx");
        scene.work().await;
        assert_eq!(scene.decisions().await, []);
        scene.clock.advance(Duration::from_hours(2));
        scene.work().await;
        assert_eq!(scene.decisions().await, []);
        scene.portal.set_down(false);
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

/// One rule copies to the internal folder, another from there; the copy back does not start the first again.
#[tokio::test]
async fn a_chain_of_rules_continues_and_ends() {
    for trouble in [
        None,
        Some(FaultEffect::DropAfter),
        Some(FaultEffect::OperationResultLost),
    ] {
        scenario(async |scene| {
            scene.use_rules(&format!(
                "[[rule]]\nname = \"first\"\n\
                 triggers = [\"file.uploaded\", \"file.copied\"]\nroom = {}\n\
                 [[rule.action]]\ncopy = {}\n\
                 [[rule]]\nname = \"second\"\ntriggers = [\"file.copied\"]\nfolder = {}\n\
                 [[rule.action]]\ncopy = {}\n",
                scene.client_room, scene.internal, scene.internal, scene.subfolder
            ));
            if let Some(effect) = &trouble {
                scene.portal.inject_fault(Fault {
                    method: Some("PUT"),
                    path_contains: "fileops/copy",
                    times: 2,
                    effect: effect.clone(),
                });
            }
            // The subfolder lies in the watched room, which the rules file does not show.
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.titles(&scene.internal), ["plan.docx"], "{trouble:?}");
            assert_eq!(scene.titles(&scene.subfolder), ["plan.docx"], "{trouble:?}");
            let decisions = scene.decisions().await;
            let ignored = decisions
                .iter()
                .filter(|(rule, _, reason)| rule == "first" && reason.contains("own action"));
            assert!(ignored.count() >= 1, "{trouble:?} {decisions:?}");
        })
        .await;
    }
}

/// During an upgrade, an instance of the version before may plan an action that this version has to recognise.
#[tokio::test]
async fn the_effect_of_an_action_that_an_earlier_version_planned_is_recognised() {
    for (raises, action) in [
        ("file.copied", "copy"),
        ("file.moved", "move"),
        ("file.updated", "comment"),
    ] {
        scenario(async |scene| {
            let value = match action {
                "comment" => "\"Seen\"".to_owned(),
                _ => scene.subfolder.to_string(),
            };
            let mut rules = read(&format!(
                "[[rule]]\nname = \"one\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\n{action} = {value}\n",
                scene.client_room
            ));
            // A rules file with a rule that would certainly trigger itself is refused.
            rules[0].triggers.push(Trigger::new(raises));
            let triggers = ["file.uploaded", raises];
            scene.portal.set_webhook_triggers(scene.webhook, &triggers);
            scene.change_rules(rules);
            scene.upload(&scene.client_room, "plan.docx");
            scene.portal.wait_for_deliveries().await;
            scene.worker.decide_next().await.unwrap();
            while scene.count(action, "done").await == 0 {
                scene.worker.process_next().await.unwrap();
            }
            let forgotten = scene.db.write(move |sql| {
                sql.execute(
                    "UPDATE actions SET raises = NULL, destination = NULL WHERE raises = :raises",
                    &[(":raises", raises.into())],
                )
            });
            assert_eq!(forgotten.await.unwrap(), 1);
            scene.work_to_the_end().await;
            assert_eq!(scene.actions().await.len(), 1, "{action}");
            let decisions = scene.decisions().await;
            let (_, outcome, reason) = decisions.last().unwrap();
            assert_eq!(outcome, "ignored");
            assert!(reason.contains("own action"), "{action}: {reason}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_move_by_one_rule_triggers_another_rule() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"tell\"\ntriggers = [\"file.moved\"]\nfolder = {}\n\
                 [[rule.action]]\nnotify = {{ email = \"a@x.example\" }}\n\
             [[rule]]\nname = \"move\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\nmove = {}\n",
            scene.incoming, scene.client_room, scene.incoming
        ));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.incoming), ["plan.docx"]);
        // The move of one rule triggers the other, which sends a notification.
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_comment_waits_for_a_locked_file_and_is_set_once() {
    scenario(async |scene| {
        scene.use_rules(&format!(
            "[[rule]]\nname = \"mark\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\ncomment = \"Seen\"\n",
            scene.client_room
        ));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.lock(&file, true);
        scene.work().await;
        assert_eq!(scene.count("comment", "waiting").await, 1);
        scene.portal.lock(&file, false);
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "/comment",
            times: 1,
            effect: FaultEffect::DropAfter,
        });
        scene.clock.advance(Duration::from_mins(1));
        let before = scene.calls("PUT", "/comment");
        scene.work_to_the_end().await;
        assert_eq!(scene.portal.file(&file).unwrap().comment, "Seen");
        assert_eq!(scene.calls("PUT", "/comment"), before + 1);
    })
    .await;
}

#[tokio::test]
async fn a_comment_that_can_never_be_set_is_a_dead_letter() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.use_rules(&format!(
            "[[rule]]\nname = \"mark\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\ncomment = \"Seen\"\n",
            scene.client_room
        ));
        let file = scene.upload(&scene.client_room, "plan.docx");
        scene.portal.make_file_read_only(&file);
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("no_right"));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_deleted_before_its_comment_is_set_is_gone() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.use_rules(&format!(
            "[[rule]]\nname = \"mark\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\ncomment = \"Seen\"\n",
            scene.client_room
        ));
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "/comment",
            times: 1,
            effect: FaultEffect::Status(404),
        });
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("file_gone"));
    })
    .await;
}

#[tokio::test]
async fn replaced_rules_apply_from_the_next_event_on() {
    scenario(async |scene| {
        scene.use_rules(&with_ids_of(scene, recipe("Archive by file type")));
        scene.portal.upload(
            &scene.client_room,
            "house.dwg",
            b"1",
            UploadEvents::Uploaded,
        );
        scene.work_to_the_end().await;
        scene.parts.rules.replace(Vec::new());
        scene.upload(&scene.client_room, "garden.dwg");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["house.dwg"]);
        assert_eq!(scene.parts.rules.watched_folders(), Vec::<FolderId>::new());
    })
    .await;
}

/// Instances of two versions may share a store, and a person may go back to the version before.
#[tokio::test]
async fn an_action_that_only_a_newer_version_supports_waits_for_it() {
    scenario(async |scene| {
        scene.portal.set_down(true);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        scene.portal.set_down(false);
        let rename = |from: &'static str, to: &'static str| {
            scene.db.write(move |sql| {
                let params = [(":from", from.into()), (":to", to.into())];
                let sql_text = "UPDATE actions SET kind = :to WHERE kind = :from";
                sql.execute(sql_text, &params).map(drop)
            })
        };
        rename("copy", "teleport").await.unwrap();
        for _ in 0..3 {
            scene.clock.advance(Duration::from_mins(2));
            scene.work().await;
        }
        assert_eq!(scene.titles(&scene.internal), [] as [&str; 0]);
        rename("teleport", "copy").await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}
