//! The store of a test: its own database in the cluster of the test process.

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use docspace_courier::config::Settings;
use docspace_courier::db::Location;
use postgres::Client;
use rusqlite::types::Value as Cell;

use crate::cluster::{self, Cluster, run_checked};
use crate::process::binary;

/// How many services use the store at the same time in tests of processes that are killed.
pub const INSTANCES: usize = 3;

/// The database that is migrated once, and of which the databases of tests are copies.
const TEMPLATE: &str = "courier_migrated";

/// A store that no other test uses.
pub struct Store {
    name: String,
    cluster: &'static Cluster,
    folder: tempfile::TempDir,
    /// The connection for queries, once there was one.
    asking: Mutex<Option<Client>>,
}

impl Store {
    /// A migrated database without rows.
    pub fn new() -> Self {
        static MIGRATED: OnceLock<()> = OnceLock::new();
        let cluster = Cluster::shared();
        MIGRATED.get_or_init(|| {
            cluster.run("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
            // Every command that opens the store migrates it.
            let variables = [("DATABASE_URL", cluster.url(TEMPLATE))];
            run_checked(binary().args(["events", "list"]).envs(variables));
        });
        Self::created(cluster, &format!("TEMPLATE {TEMPLATE}"))
    }

    /// A database without tables.
    pub fn unmigrated() -> Self {
        Self::in_cluster(Cluster::shared())
    }

    /// A database without tables in a cluster of the test's own.
    pub fn in_cluster(cluster: &'static Cluster) -> Self {
        Self::created(cluster, "")
    }

    fn created(cluster: &'static Cluster, options: &str) -> Self {
        let name = format!("courier_{:016x}", fastrand::u64(..));
        cluster.run("postgres", &format!("CREATE DATABASE {name} {options}"));
        Self {
            name,
            cluster,
            folder: tempfile::tempdir().unwrap(),
            asking: Mutex::default(),
        }
    }

    /// The location of the store.
    pub fn location(&self) -> Location {
        location(&self.url())
    }

    /// The location as the value of `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A folder for other files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder when a test has failed.
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// The first column of a query's result, from a connection of the test.
    pub fn ask(&self, question: &str) -> Result<Vec<Cell>, String> {
        let (url, question) = (self.url(), question.to_owned());
        let mut asking = self.asking.lock().unwrap();
        let client = asking.take();
        let (client, answer) = cluster::ask(client, url, question)?;
        *asking = Some(client);
        Ok(answer)
    }

    /// Runs statements on a connection of the test.
    pub fn run(&self, statements: &str) {
        self.cluster.run(&self.name, statements);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(client) = self.asking.lock().unwrap().take() {
            // Dropping it blocks, which a thread of the runtime must not do.
            let _ = std::thread::spawn(move || drop(client)).join();
        }
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A stopped cluster keeps the database until the test process ends.
        let _ = cluster::try_run(self.cluster.url("postgres"), drop_it);
    }
}

/// The location with this address.
pub fn location(url: &str) -> Location {
    let pair = ("DATABASE_URL".to_owned(), url.to_owned());
    Settings::from_pairs(&[pair]).database().unwrap()
}
