//! `register`: one correct webhook, however often it runs.

use std::process::Output;
use std::time::Duration;

use docspace_courier::clock::Clock;
use docspace_courier::docspace::{Client, Error};
use docspace_courier::finding::Severity;
use docspace_courier::registration::{
    self, DesiredWebhook, Duplicates, NeededTriggers, Registered, RegistrationOutcome, SetSecret,
};
use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::WebhookView;

use crate::check::{Variables, check_with, finds, finds_only};
use crate::process::binary;
use crate::scene::{Leftover, Scene, scenario, webhook_id};

/// The triggers that the rules of a scene need.
const NEEDED: [&str; 2] = ["file.created", "file.uploaded"];

impl Scene {
    fn wanted(&self) -> DesiredWebhook {
        DesiredWebhook {
            url: self.address.clone(),
            name: None,
            triggers: NeededTriggers::of(&self.rules()).bits,
            secret: WebhookSecret::new(self.portal.secret()),
            set_secret: SetSecret::WithChanges,
            duplicates: Duplicates::Keep,
        }
    }

    async fn try_to_register(&self, wanted: &DesiredWebhook) -> Result<Registered, Error> {
        let key = self.portal.api_key().to_owned().into();
        let portal = Client::new(self.host(), key, Clock::system()).unwrap();
        registration::register(&portal, wanted).await
    }

    async fn register(&self) -> Registered {
        self.try_to_register(&self.wanted()).await.unwrap()
    }

    fn the_webhook(&self) -> WebhookView {
        let webhooks = self.portal.webhooks();
        assert_eq!(webhooks.len(), 1, "{webhooks:?}");
        webhooks.into_iter().next().unwrap()
    }

    /// Checks that there is one webhook, that it is correct, and that a delivery arrives.
    async fn has_one_good_webhook(&self) {
        let webhook = self.the_webhook();
        assert_eq!(webhook.triggers, NEEDED);
        assert!(webhook.enabled && !webhook.targeted, "{webhook:?}");
        self.upload(&self.client_room, "plan.docx");
        self.work_to_the_end().await;
        assert_eq!(self.titles(&self.internal), ["plan.docx"]);
    }
}

#[tokio::test]
async fn the_webhook_is_created_once() {
    scenario(async |scene| {
        scene.portal.delete_webhook(scene.webhook);
        let first = scene.register().await;
        assert_eq!(first.outcome, RegistrationOutcome::Created);
        assert_eq!(first.name, "docspace-courier");

        let again = scene.register().await;
        assert_eq!(
            (again.outcome, again.id),
            (RegistrationOutcome::Unchanged, first.id)
        );
        assert_eq!(scene.calls("PUT", "settings/webhook"), 0);
        assert_eq!(scene.calls("POST", "settings/webhook"), 1);
        scene.has_one_good_webhook().await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_webhook_is_repaired() {
    scenario(async |scene| {
        assert_eq!(
            scene.register().await.outcome,
            RegistrationOutcome::Repaired
        );
        let disable = || scene.portal.set_webhook_enabled(scene.webhook, false);
        let listen_to_everything = || scene.portal.set_webhook_triggers(scene.webhook, &[]);
        let narrow_down = || {
            let room = &scene.client_room;
            scene.portal.set_webhook_target(scene.webhook, room);
        };
        for (spoil, words) in [
            (&disable as &dyn Fn(), "enabled"),
            (&listen_to_everything, "before: all triggers"),
            (&narrow_down, "all entries"),
        ] {
            spoil();
            let registered = scene.register().await;
            assert_eq!(registered.outcome, RegistrationOutcome::Repaired, "{words}");
            let [change] = &registered.changes[..] else {
                panic!("{words}: {registered:?}");
            };
            assert!(change.contains(words), "{change}");
            assert_eq!(
                scene.register().await.outcome,
                RegistrationOutcome::Unchanged
            );
            assert_eq!(scene.the_webhook().name, "receiver-sandbox");
        }
        scene.has_one_good_webhook().await;
    })
    .await;
}

#[tokio::test]
async fn the_webhook_gets_the_configured_secret_on_demand() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        scene.leaving(Leftover::FailedDeliveries, 1);
        scene.register().await;
        let with = |secret: &str| DesiredWebhook {
            secret: WebhookSecret::new(secret),
            set_secret: SetSecret::Always,
            ..scene.wanted()
        };
        scene
            .try_to_register(&with("Another-Secret-2"))
            .await
            .unwrap();
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        assert!(!scene.portal.log()[0].delivered);

        scene
            .try_to_register(&with(scene.portal.secret()))
            .await
            .unwrap();
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        assert!(scene.portal.log()[1].delivered);
    })
    .await;
}

#[tokio::test]
async fn duplicates_are_reported_and_deleted_on_demand() {
    scenario(async |scene| {
        let duplicate = scene.portal.add_webhook(&scene.address, &NEEDED);
        scene.portal.set_webhook_enabled(scene.webhook, false);
        scene
            .portal
            .add_webhook("https://other.host/webhook", &NEEDED);

        let registered = scene.register().await;
        // The enabled webhook is kept.
        assert_eq!(
            (registered.id, registered.duplicates),
            (webhook_id(duplicate), vec![webhook_id(scene.webhook)])
        );
        assert_eq!(scene.portal.webhooks().len(), 3);

        let wanted = DesiredWebhook {
            duplicates: Duplicates::Delete,
            ..scene.wanted()
        };
        let registered = scene.try_to_register(&wanted).await.unwrap();
        assert_eq!(registered.removed, [webhook_id(scene.webhook)]);
        assert_eq!(registered.duplicates, []);
        let left: Vec<_> = scene
            .portal
            .webhooks()
            .into_iter()
            .map(|hook| hook.id)
            .collect();
        assert_eq!(left.len(), 2);
        assert!(!left.contains(&scene.webhook), "{left:?}");
    })
    .await;
}

fn run_register(variables: Variables, arguments: &[&str]) -> Output {
    let mut command = binary();
    let command = command.arg("register").args(arguments).envs(variables.0);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_reports_what_it_did() {
    scenario(async |scene| {
        scene.portal.delete_webhook(scene.webhook);
        let url = ["--url", scene.address.as_str()];
        for words in ["“docspace-courier”: it sends", "nothing was changed"] {
            let output = run_register(Variables::of(scene), &url);
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(0), "{text}");
            assert!(text.contains(words), "{text}");
        }
        let json = run_register(Variables::of(scene), &[&url[..], &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["outcome"], "unchanged");
        scene.has_one_good_webhook().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_explained() {
    scenario(async |scene| {
        let check = |variables: Variables, url: &str, code: i32, words: &str| {
            let output = run_register(variables, &["--url", url]);
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code), "{text}");
            assert!(text.contains(words), "{words}: {text}");
        };
        let address = scene.address.clone();
        let variables = || Variables::of(scene);
        check(variables(), "nonsense", 2, "not a valid address");
        check(variables(), "https://your.host/", 2, "must end in /webhook");
        let short = variables().with("DOCSPACE_WEBHOOK_SECRET", "short");
        check(
            short,
            &address,
            2,
            "DOCSPACE_WEBHOOK_SECRET  has 5 characters",
        );

        // The portal serves nothing at that path.
        let not_there = format!("{}/webhook", scene.host());
        check(variables(), &not_there, 1, "no 200 for HEAD");
        scene.portal.set_scopes(&["*:read"]);
        check(variables(), &address, 1, "it needs the scope *:write");
        scene.portal.set_scopes(&[]);
        scene.portal.delete_webhook(scene.webhook);
        scene.stop_receiving().await;
        let variables = Variables::of(scene);
        check(
            variables,
            &address,
            1,
            "make sure that the service is running",
        );
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_signs_with_another_secret_is_noticed_until_it_is_repaired() {
    scenario(async |scene| {
        const OTHER: &str = "Another-Secret-2";
        scene.leaving(Leftover::FailedDeliveries, 1);
        scene.register().await;
        // The portal's times have whole seconds.
        scene.clock.advance(Duration::from_secs(2));
        scene.stop_receiving().await;
        scene.start_receiving_with(OTHER);
        scene.upload(&scene.client_room, "plan.docx");
        scene.portal.wait_for_deliveries().await;
        let variables = || Variables::of(scene).with("DOCSPACE_WEBHOOK_SECRET", OTHER);
        let wanted = || DesiredWebhook {
            secret: WebhookSecret::new(OTHER),
            ..scene.wanted()
        };
        let registered = scene.try_to_register(&wanted()).await.unwrap();
        let rejected = registered.rejected.unwrap();
        assert!(rejected.has_other_secret && rejected.status == 401);
        let report = check_with(scene, variables()).await;
        finds_only(&report, "webhook 417", "uses a different secret");

        let repair = DesiredWebhook {
            set_secret: SetSecret::Always,
            ..wanted()
        };
        let repaired = scene.try_to_register(&repair).await.unwrap();
        assert_eq!(repaired.outcome, RegistrationOutcome::Repaired);
        assert!(repaired.secret_set);
        let report = check_with(scene, variables()).await;
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
        finds(
            &report,
            Severity::Warning,
            "webhook 417",
            "upload a file and check again",
        );
        let again = scene.try_to_register(&wanted()).await.unwrap();
        assert_eq!(again.rejected, None);
    })
    .await;
}
