//! The set-up in a real Chromium: from an empty folder to the first copied file.

use serde_json::Value;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::browser::Browser;
use crate::setup::SettingUp;

/// The widths of the smallest screen that WCAG 2.2 asks for, and of a desktop.
const WIDTHS: [u32; 2] = [320, 1280];

/// Checks that the page has these words, fits every screen, and made no error.
async fn shows(browser: &Browser, words: &[&str]) {
    let text = browser.text().await;
    for words in words {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    for width in WIDTHS {
        for scheme in ["light", "dark"] {
            browser.show_on(width, 900, scheme).await;
            assert_eq!(browser.violations().await, Vec::<String>::new(), "{text}");
            let too_wide = browser.too_wide().await;
            assert!(
                too_wide <= 0,
                "{too_wide} px too wide at {width} px: {text}"
            );
        }
    }
    // Below that are recommendations, such as one password in a form.
    let mut messages = browser.console().await;
    messages.retain(|message| message["level"] != "DEBUG");
    assert_eq!(messages, Vec::<Value>::new());
}

async fn replace(browser: &Browser, selector: &str, text: &str) {
    browser
        .run(&format!("document.querySelector({selector:?}).value = ''"))
        .await;
    browser.type_into(selector, text).await;
}

#[tokio::test]
async fn from_an_empty_folder_to_the_first_copied_file() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let link = setting_up.start().await;
        let browser = Browser::start().await;
        browser.go(&link).await;
        shows(&browser, &["Set up docspace-courier"]).await;

        browser.click("a.button").await;
        shows(&browser, &["Connect to your portal"]).await;
        browser.type_into("#host", &setting_up.host).await;
        let key = setting_up.portal.api_key();
        browser.type_into("#key", key).await;
        browser.click(".buttons button").await;
        shows(&browser, &["is valid and belongs to", "DocSpace 3.7.2"]).await;

        browser.click(".buttons a.button").await;
        let url = format!("http://{}/webhook", setting_up.address);
        browser.type_into("#url", &url).await;
        browser.click(".buttons button").await;
        shows(&browser, &["a private address", "blacklist"]).await;

        browser.click(".buttons a.button").await;
        shows(&browser, &["What should happen", "not chosen yet"]).await;
        browser.click("[value=copy-from]").await;
        shows(&browser, &["Acme - shared with client", "Beta"]).await;
        browser.type_into("[type=search]", "ACME").await;
        browser.click("[role=search] button").await;
        shows(&browser, &["Acme - shared with client"]).await;
        assert!(!browser.text().await.contains("Beta"));
        browser.click(".places button").await;
        browser.click("[value=copy-to]").await;
        let internal = setting_up.portal.seed().internal_room.to_string();
        browser
            .click(&format!(".places a[href$='{internal}']"))
            .await;
        shows(&browser, &["Internal Processing", "Inbox", "Incoming"]).await;
        browser.click("[aria-label='Choose Inbox']").await;
        shows(&browser, &["Internal Processing / Inbox"]).await;
        browser.click(".buttons [value=next]").await;

        shows(&browser, &["Email and chat"]).await;
        browser.click(".buttons a[href='/setup/summary']").await;
        let sentence = "is copied to “Internal Processing / Inbox”";
        shows(&browser, &[sentence, "DOCSPACE_API_KEY=••••"]).await;
        assert!(!setting_up.path("courier.env").exists());
        browser.click(".buttons button").await;
        shows(&browser, &["The webhook is created", "Now upload any file"]).await;
        assert_eq!(setting_up.mode("courier.env"), 0o600);

        setting_up.upload("plan.docx");
        until(STATE_BOUND, "the page shows the copy", async || {
            browser.text().await.contains("It works")
        })
        .await;
        let steps = ["Signature verified", "Rule matched: copy", "Copied to “"];
        shows(&browser, &steps).await;
        let inbox = setting_up.portal.seed().internal_folder.clone();
        setting_up.has(&inbox, &["plan.docx"]).await;

        browser.click("form[action='/setup/done'] button").await;
        shows(
            &browser,
            &["docspace-courier serve --env-file courier.env", "is set up"],
        )
        .await;
        assert!(!setting_up.path("courier.env.draft").exists());
        setting_up.stop().await;

        let service = setting_up.serve().await;
        setting_up.upload("second.docx");
        setting_up.has(&inbox, &["plan.docx", "second.docx"]).await;
        service.kill();
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_or_portal_is_explained_and_nothing_is_lost() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let link = setting_up.start().await;
        let browser = Browser::start().await;
        browser.go(&link).await;
        browser.click("a.button").await;
        browser.type_into("#host", &setting_up.host).await;
        browser.type_into("#key", "sk-wrong").await;
        browser.click(".buttons button").await;
        shows(&browser, &["is rejected", "Developer Tools → API keys"]).await;
        let host = "return document.getElementById('host').value";
        assert_eq!(browser.run(host).await, setting_up.host.as_str());

        // The address stays when the key is replaced, and the key when the address is.
        setting_up.portal.set_scopes(&["rooms:read"]);
        browser.type_into("#key", setting_up.portal.api_key()).await;
        browser.click(".buttons button").await;
        shows(&browser, &["lacks the scope files:write"]).await;
        setting_up.portal.set_scopes(&[]);
        replace(&browser, "#host", "http://127.0.0.1:9").await;
        browser.click(".buttons button").await;
        shows(&browser, &["does not respond"]).await;
        assert_eq!(browser.run(host).await, "http://127.0.0.1:9");
        replace(&browser, "#host", &setting_up.host).await;
        browser.click(".buttons button").await;
        shows(&browser, &["is valid and belongs to"]).await;
        setting_up.stop().await;
    })
    .await;
}
