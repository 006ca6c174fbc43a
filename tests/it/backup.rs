//! A backup of the running service, and what the service does after it was restored.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, binary};
use docspace_sandbox::{PortalSettings, UploadEvents};
use rusqlite::Connection;

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
        let copy_to = |to: &str| {
            let mut command = binary();
            command.envs(
                deployment
                    .variables
                    .iter()
                    .map(|(name, value)| (*name, value)),
            );
            command.args(["store", "backup", to]).output().unwrap()
        };
        let backed_up = copy_to(backup.to_str().unwrap());
        assert!(backed_up.status.success(), "{backed_up:?}");
        assert_eq!(mode(&backup), 0o600);
        // Into a pipe, as from a container.
        let piped = copy_to("-");
        assert!(piped.status.success(), "{piped:?}");
        let from_pipe = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(from_pipe.path(), piped.stdout).unwrap();
        let actions = Connection::open(from_pipe.path())
            .unwrap()
            .query_row("SELECT count(*) FROM actions", [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap();
        assert_eq!(actions, 1);
        // A backup that exists is never overwritten, and nothing is left of the attempt.
        let again = copy_to(backup.to_str().unwrap());
        assert_eq!(again.status.code(), Some(1), "{again:?}");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
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

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A backup neither creates a store nor hides that the store is damaged.
#[test]
fn what_cannot_be_backed_up_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup) = (
        folder.path().join("courier.db"),
        folder.path().join("backup"),
    );
    let refused = || {
        let mut command = binary();
        command.env("DATABASE_URL", format!("sqlite://{}", store.display()));
        let output = command
            .args(["store", "backup"])
            .arg(&backup)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!backup.exists());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused().contains("there is no store"));
    assert!(!store.exists());
    std::fs::write(
        &store,
        "this is not a database, however long it goes on".repeat(100),
    )
    .unwrap();
    let said = refused();
    assert!(said.contains("not a database"), "{said}");
}
