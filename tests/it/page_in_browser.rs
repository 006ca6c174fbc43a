//! The console as a real Chromium shows it.

use serde_json::Value;

use crate::browser::Browser;
use crate::page::TOKEN;
use crate::scene::{Leftover, scenario};

/// The smallest screen that WCAG 2.2 asks for, and a desktop.
const SCREENS: [(u32, u32); 2] = [(320, 740), (1280, 900)];

#[tokio::test]
async fn pages_fit_a_phone_and_a_desktop_without_console_errors() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::UndecidedEvents, 1);
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        let long = "Überweisungsbestätigung_".repeat(8) + ".pdf";
        scene.upload(&scene.client_room, &long);
        scene.upload(&scene.client_room, "Invoice 7.pdf");
        scene.work_to_the_end().await;
        let script = "<script>document.title = 'obeyed'</script><img src=x onerror=alert(1)>";
        scene.accept_title(script).await;

        let browser = Browser::start().await;
        for (width, height) in SCREENS {
            for scheme in ["light", "dark"] {
                browser.show_on(width, height, scheme).await;
                for path in [
                    "/",
                    "/?show=dead&rule=copy",
                    "/events/1",
                    "/events/2",
                    "/rules",
                    "/changes",
                    "/login",
                    "/nothing",
                ] {
                    browser.go(&format!("{}{path}", operator.address)).await;
                    let found = browser.violations().await;
                    assert_eq!(found, Vec::<String>::new(), "{path} in {scheme}");
                    let too_wide = browser.too_wide().await;
                    assert!(
                        too_wide <= 0,
                        "{path} is {too_wide} px too wide at {width} px"
                    );
                }
            }
        }
        let back = "return getComputedStyle(document.body).backgroundColor";
        assert_eq!(
            browser.run(back).await,
            "rgb(17, 21, 27)",
            "the dark is dark"
        );
        // The browser itself logs the status 404.
        let mut messages = browser.console().await;
        messages.retain(|message| !message["message"].to_string().contains("/nothing"));
        assert_eq!(messages, Vec::<Value>::new());
    })
    .await;
}

#[tokio::test]
async fn an_open_page_shows_new_events() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        let browser = Browser::start().await;
        browser.go(&operator.address).await;
        assert!(browser.text().await.contains("No events yet"));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        browser.run("return refresh()").await;
        let list = browser.text().await;
        assert!(list.contains("plan.docx"), "{list}");
        assert_eq!(browser.console().await, Vec::<Value>::new());
    })
    .await;
}

#[tokio::test]
async fn a_page_says_why_it_no_longer_changes() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        let browser = Browser::start().await;
        browser.go(&format!("{}/login", operator.address)).await;
        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        browser.go(&operator.address).await;
        let title = "return document.title";
        assert_eq!(browser.run(title).await, "Events · docspace-courier");
        scene.dead_copy("plan.docx").await;
        browser.run("return refresh()").await;
        assert_eq!(browser.run(title).await, "(1) Events · docspace-courier");

        browser
            .run("window.answering = fetch; fetch = () => Promise.reject()")
            .await;
        browser.run("return refresh()").await;
        let page = browser.text().await;
        assert!(
            page.contains("docspace-courier does not answer. This page shows what was known at"),
            "{page}"
        );
        assert_eq!(browser.violations().await, Vec::<String>::new());
        browser.run("fetch = answering").await;
        browser.run("return refresh()").await;
        let page = browser.text().await;
        assert!(!page.contains("does not answer"), "{page}");

        browser
            .run("return fetch('/logout', { method: 'POST' }).then(() => refresh())")
            .await;
        let page = browser.text().await;
        assert!(
            page.contains("You are signed out, so this page no longer changes. Sign in"),
            "{page}"
        );
        assert!(page.contains("plan.docx"), "what was known stays: {page}");
    })
    .await;
}

#[tokio::test]
async fn a_person_finds_a_dead_letter_and_replays_it() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        scene.upload(&scene.client_room, "Invoice 7.pdf");
        scene.work_to_the_end().await;

        let browser = Browser::start().await;
        browser.show_on(360, 740, "light").await;
        browser.go(&operator.address).await;
        browser.type_into("input[type=search]", "plan").await;
        browser.click("form[role=search] button").await;
        let list = browser.text().await;
        assert!(
            list.contains("plan.docx") && !list.contains("Invoice 7"),
            "{list}"
        );

        browser.click(".events .title").await;
        let story = browser.text().await;
        assert!(story.contains("the title does not start with"), "{story}");
        browser.click("a.button").await;
        browser.type_into("#token", "wrong").await;
        browser.click(".stack button").await;
        assert!(browser.text().await.contains("Wrong token"));
        // The browser itself logs the status 401.
        let refused = browser.console().await;
        assert_eq!(refused.len(), 1, "{refused:?}");

        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        browser.click("a.button").await;
        assert!(browser.text().await.contains("Replay this event?"));
        browser.click("form.buttons button").await;
        let story = browser.text().await;
        assert!(
            story.contains("The current rules evaluate the event again."),
            "{story}"
        );
        scene.work_to_the_end().await;
        browser.go(&format!("{}/events/1", operator.address)).await;
        let story = browser.text().await;
        assert!(story.contains("done") && !story.contains("dead"), "{story}");
        assert_eq!(browser.console().await, Vec::<Value>::new());
    })
    .await;
}

#[tokio::test]
async fn a_person_discards_all_dead_letters_with_a_phone() {
    scenario(async |scene| {
        scene.leaving(Leftover::Discarded, 2);
        let operator = scene.operator().await;
        scene.dead_copy("plan 1.docx").await;
        scene
            .dead_copy(&("Überweisungsbestätigung_".repeat(6) + ".pdf"))
            .await;
        let browser = Browser::start().await;
        browser.show_on(320, 740, "dark").await;
        browser.go(&format!("{}/login", operator.address)).await;
        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        browser
            .go(&format!("{}/?show=dead", operator.address))
            .await;
        assert_eq!(browser.violations().await, Vec::<String>::new());
        browser.click("#events a.danger").await;
        assert_eq!(browser.violations().await, Vec::<String>::new());
        assert!(browser.too_wide().await <= 0);
        browser.click("form.buttons button").await;
        let said = browser.text().await;
        assert!(said.contains("2 dead letters."), "{said}");
        assert_eq!(browser.violations().await, Vec::<String>::new());
        browser.click(".narrow a").await;
        let list = browser.text().await;
        assert!(list.contains("No dead letters."), "{list}");
    })
    .await;
}
