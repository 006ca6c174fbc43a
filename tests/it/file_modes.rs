//! The files of the service are closed to other users of the machine, whatever the umask.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use docspace_sandbox::PortalSettings;
use serde_json::Value;

use crate::bounds::bounded;
use crate::certificates::Authority;
use crate::process::{Deployment, Process, binary};

/// The modes of the files in a folder.
fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let entries = folder.read_dir().unwrap().map(Result::unwrap);
    let mode = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, entry.metadata().unwrap().permissions().mode() & 0o777)
    };
    entries.map(mode).collect()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The service with a store in this folder, under a umask that forbids nothing.
fn start(deployment: &Deployment, folder: &Path) -> Process {
    let store = format!("sqlite://{}", folder.join("courier.db").display());
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"umask 000; exec "$0" serve"#])
        .arg(env!("CARGO_BIN_EXE_docspace-courier"))
        .env_clear()
        .envs(deployment.variables.iter().cloned())
        .env("DATABASE_URL", store);
    Process::spawn(&mut command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_closed_to_others() {
    bounded(async {
        let folder = tempfile::tempdir().unwrap();
        let deployment = Deployment::new(PortalSettings::default()).await;
        let closed =
            ["courier.db", "courier.db-shm", "courier.db-wal"].map(|name| (name.to_owned(), 0o600));
        let closed = BTreeMap::from(closed);
        let service = start(&deployment, folder.path());
        deployment.ready().await;
        assert_eq!(modes(folder.path()), closed, "created");
        service.kill();
        for name in closed.keys() {
            set_mode(&folder.path().join(name), 0o644);
        }
        // As a restored backup may be.
        let service = start(&deployment, folder.path());
        deployment.ready().await;
        assert_eq!(modes(folder.path()), closed, "opened");
        service.kill();
    })
    .await;
}

#[tokio::test]
async fn check_warns_of_files_that_others_can_read() {
    bounded(async {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let tls = Authority::new().sign().write_to(folder.path());
        // Any database will do, as check does not migrate one that it cannot open.
        std::fs::write(path("courier.db"), "store").unwrap();
        let variables = format!(
            "DATABASE_URL=sqlite://{}\nTLS_CERT_FILE={}\nTLS_KEY_FILE={}\n",
            path("courier.db").display(),
            tls.certificate.display(),
            tls.key.display()
        );
        std::fs::write(path("courier.env"), variables).unwrap();
        let warnings = || {
            let env_file = path("courier.env");
            let mut check = binary();
            let output = check.args(["check", "--json", "--env-file"]).arg(env_file);
            let report: Value = serde_json::from_slice(&output.output().unwrap().stdout).unwrap();
            let sections = report["sections"].as_array().unwrap().iter();
            let findings = sections.flat_map(|section| section["findings"].as_array().unwrap());
            let about_modes = findings.filter(|finding| {
                let sentence = finding["sentence"].as_str().unwrap();
                finding["mark"] == "warning" && sentence.contains("can be read by other users")
            });
            let subjects = about_modes.map(|finding| finding["subject"].as_str().unwrap());
            subjects.map(str::to_owned).collect::<Vec<_>>()
        };
        let secret = ["courier.db", "courier.env", "tls.key"];
        for name in secret {
            set_mode(&path(name), 0o600);
        }
        assert_eq!(warnings(), [""; 0]);
        for name in secret {
            set_mode(&path(name), 0o604);
            assert_eq!(warnings(), [path(name).to_str().unwrap()]);
            // A group is chosen deliberately.
            set_mode(&path(name), 0o640);
            assert_eq!(warnings(), [""; 0]);
        }
    })
    .await;
}
