//! A backup of the running service, and what the service does after it was restored.

use std::path::PathBuf;

use docspace_sandbox::{PortalSettings, UploadEvents};
use rusqlite::Connection;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::Deployment;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_service_catches_up_with_uploads_after_the_backup() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let (portal, seed) = (&deployment.portal, deployment.portal.seed());
        let upload = async |title: &str| {
            portal.upload(&seed.client_room, title, b"text", UploadEvents::Uploaded);
            deployment.all_done(STATE_BOUND).await;
        };
        let copies = || portal.files_in(&seed.internal_folder).len();
        let store = deployment
            .variables
            .iter()
            .find_map(|(name, value)| {
                Some(PathBuf::from(value.strip_prefix("sqlite://")?))
                    .filter(|_| *name == "DATABASE_URL")
            })
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup.db");

        let service = deployment.start();
        deployment.ready().await;
        upload("before.docx").await;
        let beside = Connection::open(&store).unwrap();
        beside
            .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
            .unwrap();
        drop(beside);
        upload("after.docx").await;
        assert_eq!(copies(), 2);
        service.kill();

        for name in ["courier.db-wal", "courier.db-shm"] {
            let _ = std::fs::remove_file(store.with_file_name(name));
        }
        std::fs::copy(&backup, &store).unwrap();
        let service = deployment.start();
        deployment.ready().await;
        until(STATE_BOUND, "what came later is found", async || {
            copies() == 3
        })
        .await;
        let mut titles: Vec<_> = portal
            .files_in(&seed.internal_folder)
            .into_iter()
            .map(|file| file.title)
            .collect();
        titles.sort();
        assert_eq!(titles, ["after (1).docx", "after.docx", "before.docx"]);
        service.kill();
    })
    .await;
}
