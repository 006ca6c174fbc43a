//! The store of a test: a database of its own in the cluster of the test process.

use std::path::Path;
use std::sync::Mutex;

use docspace_courier::config::Settings;
use docspace_courier::db::{Cell, Location};
use postgres::Client;

use crate::cluster::{self, Cluster};

/// A store that no other test has.
pub struct Store {
    name: String,
    cluster: &'static Cluster,
    folder: tempfile::TempDir,
    /// What questions are asked over, once there was one.
    asking: Mutex<Option<Client>>,
}

impl Store {
    /// A database that is empty yet.
    pub fn new() -> Self {
        Self::in_cluster(Cluster::shared())
    }

    /// The same in a cluster that a test has for itself.
    pub fn in_cluster(cluster: &'static Cluster) -> Self {
        let name = format!("courier_{:016x}", fastrand::u64(..));
        cluster.run("postgres", &format!("CREATE DATABASE {name}"));
        Self {
            name,
            cluster,
            folder: tempfile::tempdir().unwrap(),
            asking: Mutex::default(),
        }
    }

    /// Where it is, for code.
    pub fn location(&self) -> Location {
        location(&self.url())
    }

    /// Where it is, as `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// A folder for what else the test leaves behind.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder when a test has failed.
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// The first column of what a question gives, asked beside the service.
    pub fn ask(&self, question: &str) -> Result<Vec<Cell>, String> {
        let (url, question) = (self.url(), question.to_owned());
        let mut asking = self.asking.lock().unwrap();
        let client = asking.take();
        let (client, answer) = cluster::ask(client, url, question)?;
        *asking = Some(client);
        Ok(answer)
    }

    /// Runs statements beside the service.
    pub fn run(&self, statements: &str) {
        self.cluster.run(&self.name, statements);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(client) = self.asking.lock().unwrap().take() {
            // It waits for its end, which must not be on a thread that runs tests.
            let _ = std::thread::spawn(move || drop(client)).join();
        }
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A cluster that is down keeps it until its end, which is near.
        let _ = cluster::try_run(self.cluster.url("postgres"), drop_it);
    }
}

/// The location that an address names.
pub fn location(url: &str) -> Location {
    let pair = ("DATABASE_URL".to_owned(), url.to_owned());
    Settings::from_pairs(&[pair]).database().unwrap()
}
