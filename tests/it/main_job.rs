//! Uploads of clients are copied once; invoices are moved once and announced once.

use docspace_sandbox::UploadEvents;

use crate::scene::{TRIGGERS, scenario};

#[tokio::test]
async fn every_upload_to_the_client_room_is_copied() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.upload(&scene.client_room, "Рахунок №42 — Müller & Söhne's.pdf");
        scene.work().await;
        let copies = scene.portal.files_in(&scene.internal);
        assert_eq!(
            scene.titles(&scene.internal),
            ["plan.docx", "Рахунок №42 — Müller & Söhne's.pdf"]
        );
        for copy in &copies {
            assert_eq!(copy.content, copy.title.as_bytes());
        }
        assert_eq!(scene.titles(&scene.client_room).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn the_room_of_a_nested_file_is_asked_for_once_per_folder() {
    scenario(async |scene| {
        let deeper = scene.portal.create_folder(&scene.subfolder, "March");
        for title in ["a.txt", "b.txt", "c.txt"] {
            scene.upload(&scene.subfolder, title);
            scene.upload(&deeper, &format!("deeper {title}"));
        }
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal).len(), 6);
        assert_eq!(scene.calls("GET", "/path"), 2);
    })
    .await;
}

#[tokio::test]
async fn other_rooms_and_own_documents_are_untouched() {
    scenario(async |scene| {
        let other = scene.portal.seed().other_room.clone();
        scene.upload(&other, "Invoice of another client.pdf");
        scene.upload(
            &scene.portal.create_folder(&other, "deep"),
            "Invoice deep.pdf",
        );
        scene.upload(&scene.internal, "Invoice inside.pdf");
        scene.work().await;
        assert_eq!(scene.actions().await, []);
        assert_eq!(scene.titles(&other), ["Invoice of another client.pdf"]);
        for (_, outcome, reason) in scene.decisions().await {
            assert_eq!(outcome, "ignored");
            assert!(!reason.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn files_of_one_title_are_all_copied() {
    scenario(async |scene| {
        for content in [b"first", b"other", b"third"] {
            scene.portal.upload(
                &scene.client_room,
                "plan.docx",
                content,
                UploadEvents::Uploaded,
            );
        }
        scene.work().await;
        assert_eq!(
            scene.contents(&scene.internal),
            [b"first", b"other", b"third"]
        );
        assert_eq!(
            scene.titles(&scene.internal),
            ["plan (1).docx", "plan (2).docx", "plan.docx"]
        );
    })
    .await;
}

#[tokio::test]
async fn an_invoice_is_copied_then_moved_then_announced() {
    scenario(async |scene| {
        let invoice = scene.upload(&scene.client_room, "Invoice-2026-0311.pdf");
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["Invoice-2026-0311.pdf"]);
        assert_eq!(scene.titles(&scene.client_room), Vec::<String>::new());
        assert_eq!(scene.portal.file(&invoice).unwrap().folder, scene.incoming);
        let done: Vec<_> = scene
            .actions()
            .await
            .into_iter()
            .map(|(kind, state, _)| (kind, state))
            .collect();
        assert_eq!(
            done,
            [("copy", "done"), ("move", "done"), ("notify", "done")]
                .map(|(kind, state)| (kind.to_owned(), state.to_owned()))
        );
    })
    .await;
}

#[tokio::test]
async fn an_upload_announced_twice_acts_once() {
    scenario(async |scene| {
        scene.portal.upload(
            &scene.client_room,
            "Invoice.pdf",
            b"1",
            UploadEvents::CreatedAndUploaded,
        );
        scene.work().await;
        assert_eq!(
            (
                scene.count("copy", "done").await,
                scene.count("move", "done").await
            ),
            (1, 1)
        );
        assert_eq!(scene.count("notify", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_second_webhook_on_the_same_address_changes_nothing() {
    scenario(async |scene| {
        scene.portal.add_webhook(&scene.address, &TRIGGERS);
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work().await;
        assert_eq!(
            (
                scene.count("copy", "done").await,
                scene.count("move", "done").await
            ),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_redelivery_under_a_new_id_changes_nothing() {
    scenario(async |scene| {
        scene.upload(&scene.client_room, "plan.docx");
        scene.work().await;
        let uploaded = scene
            .portal
            .log()
            .into_iter()
            .find(|row| row.trigger == "file.uploaded")
            .unwrap();
        scene.portal.retry_delivery(uploaded.event);
        scene.work().await;
        assert_eq!(scene.count("copy", "done").await, 1);
        let decisions = scene.decisions().await;
        assert!(
            decisions
                .iter()
                .any(|(_, outcome, _)| outcome == "duplicate"),
            "{decisions:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_same_file_overwritten_later_is_copied_again() {
    scenario(async |scene| {
        let file = scene.portal.upload(
            &scene.client_room,
            "plan.docx",
            b"one",
            UploadEvents::Uploaded,
        );
        scene.work().await;
        scene.clock.advance(std::time::Duration::from_mins(1));
        scene
            .portal
            .overwrite(&file, b"two", UploadEvents::CreatedAndUploaded);
        scene.work().await;
        assert_eq!(scene.contents(&scene.internal), [b"one", b"two"]);
    })
    .await;
}

#[tokio::test]
async fn a_moved_folder_is_noticed() {
    scenario(async |scene| {
        let outside = scene
            .portal
            .create_folder(&scene.portal.seed().other_room, "outside");
        scene.upload(&outside, "before.txt");
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), Vec::<String>::new());
        scene.portal.move_folder(&outside, &scene.client_room);
        scene.clock.advance(std::time::Duration::from_mins(10));
        scene.upload(&outside, "after.txt");
        scene.work().await;
        assert_eq!(scene.titles(&scene.internal), ["after.txt"]);
    })
    .await;
}
