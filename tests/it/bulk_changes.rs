//! Replay and discard of all events in a list of the console.

use reqwest::Method;
use reqwest::Url;

use crate::page::{EVERYWHERE, Operator, TOKEN, code};
use crate::scene::{Leftover, scenario};

const REPLAY: &str = "/events/matching/replay";
const DISCARD: &str = "/events/matching/discard";

impl Operator {
    /// A page as an operator sees it, with its status.
    async fn seen(&self, path: &str) -> (u16, String) {
        let request = self.request(Method::GET, path).bearer_auth(TOKEN);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends the form of a page as it is; returns the page that follows.
    async fn confirm(&self, path: &str, page: &str) -> (u16, String) {
        let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
        let fields = fields.map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name, rest.split_once('"').unwrap().0)
        });
        let form = Url::parse_with_params("http://localhost", fields).unwrap();
        let form = form.query().unwrap().to_owned();
        let answer = self.form(path, form).bearer_auth(TOKEN).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn all_dead_letters_of_a_list_are_replayed_after_a_preview() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        for title in ["plan 1.docx", "plan 2.docx", "plan 3.docx"] {
            scene.dead_copy(title).await;
        }
        let list = operator.page("/?show=dead").await;
        let link = format!("href=\"{REPLAY}?show=dead\"");
        assert!(list.contains(&link), "{list}");
        assert!(!operator.page("/").await.contains(REPLAY));

        let path = format!("{REPLAY}?show=dead");
        let (_, question) = operator.seen(&path).await;
        assert!(question.contains("Replay 3 events?"), "{question}");
        assert!(
            question.contains("<strong>3</strong> <bdi>copy: copy to folder"),
            "{question}"
        );
        assert_eq!(
            scene.count("copy", "dead").await,
            3,
            "asking changes nothing"
        );

        scene.dead_copy("later.docx").await;
        let (code, said) = operator.confirm(REPLAY, &question).await;
        assert_eq!(code, 200, "{said}");
        assert!(said.contains("evaluated again for 3 events"), "{said}");
        scene.work_to_the_end().await;
        assert_eq!(
            scene.titles(&scene.internal),
            ["plan 1.docx", "plan 2.docx", "plan 3.docx"]
        );
        assert_eq!(
            scene.count("copy", "dead").await,
            1,
            "what failed after the preview is not part of it"
        );
        let changes = operator.page("/changes").await;
        assert!(changes.contains("3 events, 1 to 3"), "{changes}");
    })
    .await;
}

#[tokio::test]
async fn dead_letters_are_discarded_as_the_list_is_filtered() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::Discarded, 2);
        let operator = scene.operator().await;
        for title in ["plan 1.docx", "plan 2.docx", "other.docx"] {
            scene.dead_copy(title).await;
        }
        let list = operator.page("/?show=dead&search=plan").await;
        let link = format!("href=\"{DISCARD}?show=dead&#38;search=plan\"");
        assert!(list.contains(&link), "{list}");

        let path = format!("{DISCARD}?show=dead&search=plan");
        let (_, question) = operator.seen(&path).await;
        assert!(
            question.contains("Discard the failed actions of 2 events?"),
            "{question}"
        );
        assert!(
            question.contains("<strong>2</strong> <bdi>copy to folder"),
            "the reasons are counted: {question}"
        );
        let (_, said) = operator.confirm(DISCARD, &question).await;
        assert!(said.contains("2 dead letters."), "{said}");
        assert_eq!(scene.count("copy", "discarded").await, 2);

        let (code, said) = operator.confirm(DISCARD, &question).await;
        assert_eq!(code, 409, "{said}");
        assert!(said.contains("No event matches"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_changed_if_an_older_event_has_come_into_the_list() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 2);
        let operator = scene.operator().await;
        scene.dead_copy("older.docx").await;
        scene.dead_copy("plan.docx").await;
        let discard = operator.form("/events/1/discard", "");
        assert_eq!(code(discard.bearer_auth(TOKEN)).await, 303);
        let (_, question) = operator.seen(&format!("{DISCARD}?show=dead")).await;
        assert!(question.contains("of 1 event?"), "{question}");

        // The older event fails again.
        scene.refuse("copy");
        let replay = operator.form("/events/1/replay", "");
        assert_eq!(code(replay.bearer_auth(TOKEN)).await, 303);
        scene.work_to_the_end().await;
        assert_eq!(scene.count("copy", "dead").await, 2);
        let (status, said) = operator.confirm(DISCARD, &question).await;
        assert_eq!(status, 409, "{said}");
        assert!(said.contains("The list has changed"), "{said}");
        let all = operator.form(DISCARD, "show=dead");
        assert_eq!(
            code(all.bearer_auth(TOKEN)).await,
            409,
            "without a confirmation"
        );
        assert_eq!(scene.count("copy", "dead").await, 2);
    })
    .await;
}

#[tokio::test]
async fn ignored_events_are_evaluated_again_under_changed_rules() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        scene.upload(&scene.portal.seed().other_room, "elsewhere.docx");
        scene.work_to_the_end().await;
        let mut rule = scene.rules().remove(0);
        rule.conditions.clear();
        scene.parts.rules.replace(vec![rule]);

        let (_, question) = operator.seen(&format!("{REPLAY}?show=ignored")).await;
        assert!(question.contains("Replay 1 event?"), "{question}");
        assert!(question.contains("copy to folder"), "{question}");
        operator.confirm(REPLAY, &question).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["elsewhere.docx"]);
    })
    .await;
}

#[tokio::test]
async fn only_an_operator_changes_many_events_and_only_those_of_a_list() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator_with(Some(TOKEN), EVERYWHERE.into()).await;
        scene.dead_copy("plan.docx").await;
        let form = |path| operator.form(path, "show=dead");
        assert_eq!(code(form(REPLAY)).await, 401);
        assert_eq!(code(form(DISCARD)).await, 401);
        let foreign = operator.request(Method::POST, DISCARD);
        let foreign = foreign.header("sec-fetch-site", "cross-site");
        assert_eq!(code(foreign.bearer_auth(TOKEN)).await, 403);

        for path in [
            REPLAY.to_owned(),
            format!("{REPLAY}?show=waiting"),
            format!("{DISCARD}?show=ignored"),
            format!("{DISCARD}?show=nothing"),
        ] {
            let (code, said) = operator.seen(&path).await;
            assert_eq!(code, 400, "{path}: {said}");
            assert!(said.contains("show must be"), "{path}: {said}");
        }
        assert_eq!(scene.count("copy", "dead").await, 1);
    })
    .await;
}
