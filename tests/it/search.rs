//! Searching events by title, the same on every store.

use docspace_courier::inbox;
use docspace_courier::journal::{self, EventFilter};

use crate::scene::{Scene, scenario};

impl Scene {
    async fn titles_found(&self, search: &str) -> Vec<String> {
        self.titles_of(EventFilter {
            search: Some(search.to_owned()),
            ..EventFilter::default()
        })
        .await
    }

    async fn titles_of(&self, filter: EventFilter) -> Vec<String> {
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

#[tokio::test]
async fn events_of_a_room_and_of_a_person_are_found() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "in the room.docx");
        scene.upload(&scene.subfolder, "below it.docx");
        scene.upload(&scene.portal.seed().other_room, "elsewhere.docx");
        scene.portal.wait_for_deliveries().await;
        scene.work_to_the_end().await;

        let room = EventFilter {
            room: Some(scene.client_room.to_string()),
            ..EventFilter::default()
        };
        let in_room = ["below it.docx", "in the room.docx"];
        assert_eq!(scene.titles_of(room.clone()).await, in_room);

        let list = scene.db.read(move |sql| journal::list(sql, &room, 50));
        let client = list.await.unwrap()[0].actor.clone();
        assert!(client.is_some());
        // The copies, which the key's user made, are events, too.
        let of_client = EventFilter {
            person: client.clone(),
            ..EventFilter::default()
        };
        let uploads = ["below it.docx", "elsewhere.docx", "in the room.docx"];
        assert_eq!(scene.titles_of(of_client.clone()).await, uploads);
        let by_client = scene.db.read(move |sql| journal::list(sql, &of_client, 50));
        let folders = by_client.await.unwrap();
        let internal = scene.portal.seed().internal_folder.to_string();
        assert!(
            folders
                .iter()
                .all(|it| it.folder_id.as_ref() != Some(&internal))
        );
    })
    .await;
}
