//! A new rule from a recipe, in the console.

use docspace_sandbox::FaultEffect;
use reqwest::Method;

use crate::browser::Browser;
use crate::page::{TOKEN, code};
use crate::rules_in_console::Editor;
use crate::scene::scenario;

#[tokio::test]
async fn a_person_makes_a_rule_from_a_recipe_and_saves_it() {
    scenario(async |scene| {
        let before = "# Our own remark.\nother_triggers = [\"file.starred\"]\n";
        let editor = Editor::open(scene, before).await;
        let address = &editor.operator.address;
        let browser = Browser::start().await;
        browser.show_on(360, 740, "light").await;
        browser.go(&format!("{address}/login?next=%2Frules")).await;
        browser.type_into("#token", TOKEN).await;
        browser.click(".stack button").await;
        browser.click("a[href='/rules/new']").await;
        browser
            .click("a[href='/rules/new?recipe=copy-uploads']")
            .await;
        let page = browser.text().await;
        assert!(page.contains("for room = 539564"), "{page}");

        // One is entered as an id, the other one as DocSpace shows it in the address bar.
        browser
            .type_into("#blank1", &scene.client_room.to_string())
            .await;
        let folder = format!(
            "http://portal.example/rooms/shared/1/filter?folder={}&sortBy=DateAndTime",
            scene.internal
        );
        browser.type_into("#blank2", &folder).await;
        browser.click(".stack button").await;
        assert!(browser.text().await.contains("is at the end of the text"));
        browser.click("button[value=save]").await;
        assert!(
            browser
                .text()
                .await
                .contains("The rules are saved and active.")
        );

        let recipe = include_str!("../../recipes/copy-uploads.toml");
        let filled = recipe
            .replace("539564", scene.client_room.as_str())
            .replace("341029", scene.internal.as_str());
        assert_eq!(editor.text(), format!("{}\n\n{filled}", before.trim_end()));
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.titles(&scene.internal), ["plan.docx"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said_and_what_is_right_stays() {
    scenario(async |scene| {
        let editor = Editor::open(scene, "").await;
        let fill = async |body: &str| {
            let form = editor.operator.form("/rules/new", body.to_owned());
            let answer = form.bearer_auth(TOKEN).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let (status, page) = fill("recipe=copy-uploads&539564=17&341029=the+folder").await;
        assert_eq!(status, 422, "{page}");
        assert!(
            page.contains("This is neither the id of a room or folder"),
            "{page}"
        );
        assert!(page.contains("value=\"17\""), "{page}");
        let room = scene.portal.room(&scene.client_room).unwrap();
        assert!(
            page.contains(&format!(">{}</option>", room.title)),
            "{page}"
        );
        let (status, page) = fill("recipe=copy-uploads&539564=17").await;
        assert_eq!(status, 422, "{page}");
        assert!(page.contains("This is missing."), "{page}");
        assert_eq!(fill("recipe=no-such").await.0, 404);
        assert_eq!(fill("539564=17").await.0, 404);
        assert_eq!(editor.text(), "");

        for path in ["/rules/new", "/rules/new?recipe=invoices"] {
            let anonymous = editor.operator.request(Method::GET, path);
            assert_eq!(code(anonymous).await, 401, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_form_is_shown_although_the_portal_is_down() {
    scenario(async |scene| {
        let editor = Editor::open(scene, "").await;
        scene.fail("GET", "files/rooms", 100, FaultEffect::Status(503));
        let page = editor.page("/rules/new?recipe=invoices").await;
        assert!(page.contains("Room or folder"), "{page}");
        assert!(!page.contains("<datalist"), "{page}");
    })
    .await;
}
