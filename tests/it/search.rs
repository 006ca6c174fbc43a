//! Searching events by title, the same on every store.

use docspace_courier::inbox;
use docspace_courier::journal::{self, EventFilter};

use crate::scene::{Scene, scenario};

impl Scene {
    async fn titles_found(&self, search: &str) -> Vec<String> {
        let filter = EventFilter {
            search: Some(search.to_owned()),
            ..EventFilter::default()
        };
        let found = self.db.read(move |sql| journal::list(sql, &filter, 50));
        let mut titles: Vec<String> = found
            .await
            .unwrap()
            .into_iter()
            .filter_map(|event| event.title)
            .collect();
        titles.sort();
        titles.dedup();
        titles
    }
}

#[tokio::test]
async fn a_search_ignores_case_in_every_script() {
    scenario(async |scene| {
        for title in ["Рахунок №42.pdf", "Straße 5.docx", "u\u{308}bersicht.xlsx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.portal.wait_for_deliveries().await;

        assert_eq!(scene.titles_found("рахунок").await, ["Рахунок №42.pdf"]);
        assert_eq!(scene.titles_found("РАХУНОК").await, ["Рахунок №42.pdf"]);
        assert_eq!(scene.titles_found("STRASSE").await, ["Straße 5.docx"]);
        assert_eq!(
            scene.titles_found("Übersicht").await,
            ["u\u{308}bersicht.xlsx"]
        );
        assert_eq!(scene.titles_found("%").await, Vec::<String>::new());
        scene.work_to_the_end().await;
    })
    .await;
}

#[tokio::test]
async fn titles_that_an_older_version_stored_are_found_too() {
    scenario(async |scene| {
        for title in ["Рахунок.pdf", "Plan.docx"] {
            scene.upload(&scene.client_room, title);
        }
        scene.portal.wait_for_deliveries().await;
        let forget = scene
            .db
            .write(|sql| sql.execute("UPDATE events SET title_key = NULL", &[]));
        let without_key = forget.await.unwrap();
        assert_eq!(scene.titles_found("PLAN").await, ["Plan.docx"]);

        let mut filled = 0;
        loop {
            let fill = scene.db.write(|sql| inbox::fill_title_keys(sql, 1));
            match fill.await.unwrap() {
                0 => break,
                some => filled += some,
            }
        }
        assert_eq!(filled, without_key);
        assert_eq!(scene.titles_found("РАХУНОК").await, ["Рахунок.pdf"]);
        scene.work_to_the_end().await;
    })
    .await;
}
