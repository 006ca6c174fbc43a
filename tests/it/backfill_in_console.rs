//! Backfill in the console, in a real Chromium.

use docspace_courier::backfill::BackfillStep;

use crate::browser::Browser;
use crate::page::{Operator, TOKEN, code};
use crate::scene::{Scene, scenario};

impl Operator {
    /// A form of the backfill page, sent by the operator.
    async fn backfill(&self, form: &str, body: &str) -> (u16, String) {
        let form = self.form(&format!("/backfill/{form}"), body.to_owned());
        let answer = form.bearer_auth(TOKEN).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

async fn shows(browser: &Browser, parts: &[&str]) {
    let text = browser.text().await;
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    for width in [320, 1280] {
        browser.show_on(width, 900, "light").await;
        assert_eq!(browser.violations().await, Vec::<String>::new(), "{text}");
        assert!(browser.too_wide().await <= 0, "{width} px: {text}");
    }
}

#[tokio::test]
async fn existing_files_are_previewed_copied_and_their_progress_is_shown() {
    scenario(async |scene| {
        scene.existing(120);
        let operator = scene.operator().await;
        let browser = Browser::start().await;
        browser
            .go(&format!("{}/login?next=%2Fbackfill", operator.address))
            .await;
        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        shows(
            &browser,
            &["Backfill", "copy", "in Acme - shared with client"],
        )
        .await;

        browser
            .run("document.querySelector('[value=copy]').click()")
            .await;
        browser.click(".backfill button").await;
        let counts = "Files read: 120 of 120. The rules apply to 120.";
        let cost = "Calls to the portal: about";
        shows(
            &browser,
            &[counts, "Copies and moves: 120.", "file 0.txt", cost],
        )
        .await;
        assert_eq!(scene.copies(), 0, "a preview changes nothing");

        browser.click("form[action='/backfill/start'] button").await;
        shows(
            &browser,
            &["Under way: copy", "the first files are being read"],
        )
        .await;
        assert_eq!(scene.backfiller().step().await.unwrap(), BackfillStep::Page);
        browser.run("return refresh()").await;
        shows(
            &browser,
            &["Files read: 100 of 120.", "it will be done about"],
        )
        .await;
        assert_eq!(operator.backfill("start", "rule=copy").await.0, 409);

        scene.backfill_to_the_end().await;
        browser.run("return refresh()").await;
        shows(&browser, &["Done: copy", "Files read: 120 of 120."]).await;
        assert_eq!(scene.copies(), 120);
    })
    .await;
}

#[tokio::test]
async fn a_backfill_is_stopped_and_what_cannot_be_ordered_is_explained() {
    scenario(async |scene: &mut Scene| {
        scene.existing(120);
        let operator = scene.operator().await;
        for form in ["preview", "start"] {
            for (body, why) in [
                ("", "Choose at least one rule."),
                ("rule=nobody", "there is no rule “nobody”"),
                ("rule=copy&since=yesterday", "From: use a date such as"),
            ] {
                let (status, page) = operator.backfill(form, body).await;
                assert_eq!(status, 422, "{body}");
                assert!(page.contains(why), "{why} is not in {page}");
            }
        }
        let (status, page) = operator.backfill("preview", "rule=copy&places=99").await;
        assert_eq!(status, 422);
        assert!(page.contains("There is no room or folder 99."), "{page}");
        let many = format!("rule=copy&places={}", "99,".repeat(4_000));
        let (status, _) = operator.backfill("preview", &many).await;
        assert_eq!(status, 422, "more than other forms may have");
        for form in ["preview", "start", "stop"] {
            let form = operator.form(&format!("/backfill/{form}"), "rule=copy");
            assert_eq!(code(form).await, 401, "only operators");
        }

        assert_eq!(operator.backfill("start", "rule=copy").await.0, 303);
        scene.backfiller().step().await.unwrap();
        assert_eq!(operator.backfill("stop", "").await.0, 303);
        scene.backfill_to_the_end().await;
        assert_eq!(scene.copies(), 100, "what was planned is carried out");
        let page = operator.page("/backfill").await;
        assert!(page.contains("Stopped: copy"), "{page}");
        let log = operator.page("/changes").await;
        let scope = format!("in {}", scene.client_room);
        for entry in ["Started a backfill of", &scope, "Stopped the backfill of"] {
            assert!(log.contains(entry), "{entry} is not in {log}");
        }
    })
    .await;
}
