//! Notifications to people who are looked up: the person who acted, the managers and members of the room, a group.

use docspace_courier::actions::failpoint::{Failpoint, Failpoints};
use docspace_courier::audit::Through;
use docspace_courier::db::Sql;
use docspace_courier::docspace::{Invitee, Role};
use docspace_courier::finding::Severity;
use docspace_courier::inbox;
use docspace_courier::outbox;
use docspace_courier::rules::Rule;
use docspace_sandbox::FaultEffect;

use crate::check::{Variables, check_with, finds};
use crate::mail_server::{Mail, MailServer};
use crate::notify::by_mail;
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// Who manages the client room, besides the account of the key.
const OWNER: &str = "olga.owner@sandbox.example.test";

const SERVICE: &str = "docflow.bot@sandbox.example.test";

/// The client, who uploads.
const CLIENT: &str = "chris.client@acme.example.test";

/// The only member of the group.
const COLLEAGUE: &str = "anna.archivist@sandbox.example.test";

/// A rule that notifies these people of each upload to the client room, after another action if there is one.
fn rule(scene: &Scene, notify: &str, before: &str) -> Vec<Rule> {
    let notify = notify.replace("GROUP", &scene.portal.seed().group);
    read(&format!(
        "[[rule]]\nname = \"news\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n{before}\n\
         [[rule.action]]\nnotify = {{ {notify} }}\n",
        scene.client_room
    ))
}

impl Scene {
    fn notify_people(&mut self, server: &MailServer, notify: &str) {
        let rules = rule(self, notify, "");
        self.change_rules_and_channels(rules, by_mail(server.mailer()));
    }

    /// Gives the group a role in the client room.
    async fn share_with_group(&self) {
        let group = Invitee::Id(self.portal.seed().group.clone());
        let members = self.parts.portal.members();
        let room = crate::scene::folder_id(&self.client_room);
        let shared = members.share(&room, (&group, Role::Viewer), false, async { true });
        shared.await.unwrap();
    }

    /// Why the notification ended as it did.
    async fn reason_of_notification(&self) -> String {
        let reason = self.db.read(|sql| {
            let query =
                "SELECT reason FROM actions WHERE kind = 'notify' AND state IN ('done', 'dead')";
            sql.query_one(query, &[], |row| row.get::<Option<String>>(0))
        });
        reason.await.unwrap().unwrap_or_default()
    }
}

/// The addresses of these emails, sorted.
fn addresses(mails: &[Mail]) -> Vec<&str> {
    let mut addresses: Vec<&str> = mails.iter().map(Mail::to).collect();
    addresses.sort_unstable();
    addresses
}

/// Who gets an email about an upload of the client.
async fn recipients(notify: &str, shared_with_group: bool, expected: &[&str]) {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        if shared_with_group {
            scene.share_with_group().await;
        }
        scene.notify_people(&server, notify);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let mails = server.mails(expected.len()).await;
        assert_eq!(addresses(&mails), expected, "{notify}");
        assert_eq!(scene.count("notify", "waiting").await, 0);
        if expected.is_empty() {
            let reason = scene.reason_of_notification().await;
            assert!(reason.contains("nobody was notified"), "{reason}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_managers_of_the_room() {
    recipients("email = \"managers\"", false, &[SERVICE, OWNER]).await;
}

#[tokio::test]
async fn the_members_of_the_room_but_not_who_uploaded() {
    let expected = [COLLEAGUE, SERVICE, OWNER];
    recipients("email = \"members\"", true, &expected).await;
}

#[tokio::test]
async fn the_person_who_acted() {
    recipients("email = \"actor\"", false, &[CLIENT]).await;
}

#[tokio::test]
async fn a_group_only_while_it_can_see_the_room() {
    recipients("group = \"GROUP\"", false, &[]).await;
    recipients("group = \"GROUP\"", true, &[COLLEAGUE]).await;
}

#[tokio::test]
async fn nobody_gets_two_emails() {
    let everybody = format!(
        "email = [\"Managers@x.example\", \"{OWNER}\", \"managers\", \"members\", \"actor\"]"
    );
    let expected = ["Managers@x.example", CLIENT, SERVICE, OWNER];
    recipients(&everybody, false, &expected).await;
}

#[tokio::test]
async fn the_person_who_acted_is_not_sent_to_a_room_that_they_cannot_see() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let copy = format!("[[rule.action]]\ncopy = {}", scene.internal);
        let rules = rule(scene, "email = [\"actor\", \"managers\"]", &copy);
        scene.change_rules_and_channels(rules, by_mail(server.mailer()));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        // The link leads to the copy.
        assert_eq!(addresses(&server.mails(2).await), [SERVICE, OWNER]);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_account_gets_nothing() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.share_with_group().await;
        let colleague = scene.portal.seed().colleague.clone();
        scene.portal.disable_account(&colleague);
        scene.notify_people(&server, "group = \"GROUP\"");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let reason = scene.reason_of_notification().await;
        assert!(reason.contains("nobody was notified"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn one_refused_address_stops_no_other_and_is_retried_alone() {
    scenario(async |scene| {
        let server = MailServer::start(&["--refuse", OWNER]);
        scene.notify_people(&server, "email = [\"managers\", \"actor\"]");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(addresses(&server.mails(2).await), [CLIENT, SERVICE]);
        let reason = scene.reason_of_notification().await;
        assert!(reason.starts_with("1 of 3 emails were refused"), "{reason}");

        let second = MailServer::start(&[]);
        scene.notify_people(&second, "email = [\"managers\", \"actor\"]");
        let now = scene.clock.now();
        let retry = move |sql: &Sql| {
            let event = sql.query_one("SELECT event FROM actions", &[], |row| row.get(0))?;
            outbox::retry_as_planned(sql, docspace_courier::ids::InboxId(event), now)
        };
        scene.db.write(retry).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(addresses(&second.mails(1).await), [OWNER]);
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_two_emails_repeats_none_that_was_sent() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let notify = "email = [\"managers\", \"actor\"]";
        let rules = rule(scene, notify, "");
        scene.notify_people(&server, notify);
        scene.upload(&scene.client_room, "plan.docx");
        for _ in 0..2 {
            let failpoints = Failpoints::stop_at(Failpoint::BeforeMessage);
            scene.replace_worker(rules.clone(), by_mail(server.mailer()), failpoints.clone());
            let now = scene.clock.now();
            let resume = move |sql: &Sql| {
                outbox::reset_due_times(sql, now)?;
                outbox::release_all_leases(sql)
            };
            scene.db.write(resume).await.unwrap();
            tokio::select! {
                () = scene.work_to_the_end() => panic!("nothing was sent"),
                () = failpoints.reached() => {}
            }
        }
        scene.replace_worker(rules, by_mail(server.mailer()), Failpoints::default());
        scene.db.write(outbox::release_all_leases).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(addresses(&server.mails(3).await), [CLIENT, SERVICE, OWNER]);
    })
    .await;
}

#[tokio::test]
async fn many_uploads_at_once_read_the_members_once() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_people(&server, "email = \"managers\"");
        for number in 0..20 {
            scene.upload(&scene.client_room, &format!("plan {number}.docx"));
        }
        scene.work_to_the_end().await;
        server.mails(40).await;
        assert_eq!(scene.calls("GET", "/share"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_is_down_delays_the_emails() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        scene.notify_people(&server, "email = \"managers\"");
        scene.fail("GET", "/share", 3, FaultEffect::Status(503));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(addresses(&server.mails(2).await), [SERVICE, OWNER]);
    })
    .await;
}

#[tokio::test]
async fn what_the_key_may_not_see_is_a_dead_letter_that_says_so() {
    for (notify, code, words) in [
        (
            "group = \"GROUP\"",
            "no_right",
            "may not see people and groups",
        ),
        (
            "group = \"00000000-0000-4000-8000-000000000000\"",
            "group_gone",
            "does not exist",
        ),
    ] {
        scenario(async |scene| {
            scene.leaving(Leftover::DeadLetters, 1);
            let server = MailServer::start(&[]);
            if code == "no_right" {
                scene.portal.make_service_account_plain();
            }
            scene.notify_people(&server, notify);
            scene.upload(&scene.client_room, "plan.docx");
            scene.work_to_the_end().await;
            assert_eq!(scene.dead_code().await.as_deref(), Some(code));
            let reason = scene.reason_of_notification().await;
            assert!(reason.contains(words), "{reason}");
        })
        .await;
    }
}

#[tokio::test]
async fn check_names_the_missing_scope() {
    scenario(async |scene| {
        let scopes = ["files:write", "rooms:read", "accounts.self:read"];
        scene.portal.set_scopes(&scopes);
        let path = scene.store.folder().join("rules.toml");
        for (to, is_needed) in [("members", true), ("managers", false)] {
            let rules = format!(
                "[[rule]]\nname = \"news\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
                 [[rule.action]]\nnotify = {{ email = \"{to}\" }}\n",
                scene.client_room
            );
            std::fs::write(&path, rules).unwrap();
            let variables = Variables::of(scene).with("RULES_FILE", path.to_str().unwrap());
            let report = check_with(scene, variables).await;
            if is_needed {
                let words = "lacks the scope accounts:read";
                finds(&report, Severity::Error, "DOCSPACE_API_KEY", words);
            } else {
                assert!(
                    !format!("{report:?}").contains("accounts:read"),
                    "{report:#?}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn one_busy_mailbox_holds_up_no_other() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let server = MailServer::start(&["--busy", SERVICE]);
        scene.notify_people(&server, "email = [\"managers\", \"actor\"]");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(addresses(&server.mails(2).await), [CLIENT, OWNER]);
        assert_eq!(scene.dead_code().await.as_deref(), Some("attempts_used_up"));
    })
    .await;
}

#[tokio::test]
async fn what_is_in_nobodys_room_concerns_no_group() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let group = &scene.portal.seed().group;
        let rules = read(&format!(
            "[[rule]]\nname = \"news\"\ntriggers = [\"file.uploaded\"]\n\
             [[rule.action]]\nnotify = {{ email = [\"managers\", \"members\"], group = \"{group}\" }}\n",
        ));
        scene.change_rules_and_channels(rules, by_mail(server.mailer()));
        scene.upload(&scene.portal.seed().my_documents.clone(), "diary.docx");
        scene.work_to_the_end().await;
        let reason = scene.reason_of_notification().await;
        assert!(reason.contains("nobody was notified"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn people_are_not_told_about_the_room_that_a_file_came_from() {
    scenario(async |scene| {
        let server = MailServer::start(&[]);
        let copy = format!("[[rule.action]]\ncopy = {}", scene.internal);
        let rules = rule(scene, "email = \"managers\"", &copy);
        scene.change_rules_and_channels(rules, by_mail(server.mailer()));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        for mail in server.mails(2).await {
            assert!(!mail.text().contains("Acme"), "{}", mail.text());
            assert!(
                mail.text().contains("Copied to    Inbox"),
                "{}",
                mail.text()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_replay_by_other_rules_looks_for_other_people() {
    scenario(async |scene| {
        let server = MailServer::start(&["--refuse", OWNER]);
        scene.notify_people(&server, "email = \"managers\"");
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(addresses(&server.mails(1).await), [SERVICE]);

        let second = MailServer::start(&[]);
        scene.notify_people(&second, "email = \"actor\"");
        let now = scene.clock.now();
        let replay = move |sql: &Sql| {
            let event = sql.query_one("SELECT event FROM actions", &[], |row| row.get(0))?;
            inbox::replay(
                sql,
                docspace_courier::ids::InboxId(event),
                &Through::Console.into(),
                now,
            )
        };
        scene.db.write(replay).await.unwrap();
        scene.work_to_the_end().await;
        assert_eq!(addresses(&second.mails(1).await), [CLIENT]);
    })
    .await;
}
