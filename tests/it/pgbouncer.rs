//! `PgBouncer` in front of a cluster, which lends a connection to the server for one transaction at a time.

use std::process::Stdio;

use crate::cluster::{Cluster, as_server_user};
use crate::process::{Process, free_address};
use crate::programs::program;

pub struct PgBouncer {
    port: u16,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    /// Starts it with two connections to each database. `ignores_settings` makes it ignore the settings that a
    /// client sends with its connection, which it otherwise refuses.
    pub fn start(cluster: &Cluster, ignores_settings: bool) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_address().port());
        let ignored = if ignores_settings { "options" } else { "" };
        let file = folder.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = 2\n\
             ignore_startup_parameters = {ignored}\n",
            cluster.port()
        );
        std::fs::write(&file, settings).unwrap();
        readable_by_all(&folder);
        let mut command = program("pgbouncer");
        command.arg(&file);
        let mut command = as_server_user(command);
        let output = Stdio::from(std::fs::File::create(folder.path().join("log")).unwrap());
        let process = Process::spawn(command.stdout(Stdio::null()).stderr(output));
        Self {
            port,
            _process: process,
            _folder: folder,
        }
    }

    /// The address of a database through it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

/// Lets the user that `PgBouncer` runs as read its settings.
fn readable_by_all(folder: &tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).unwrap();
}
