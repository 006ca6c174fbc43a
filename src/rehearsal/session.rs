//! The session of a rehearsal: what it created, its calls to the portal, and its verdicts.
//!
//! Every change passes through here and is refused unless it is about something that this session created.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::docspace::{Conflict, Error, Exchange, Exchanges, OperationKind, TransferRequest};
use crate::ids::{FileId, FolderId};

use super::claim::{Claim, Verdict};
use super::evidence::Evidence;

/// How long an operation or its effect may take.
const BOUND: Duration = Duration::from_mins(1);

/// The wait between two reads.
const INTERVAL: Duration = Duration::from_millis(100);

/// The status of an operation that is completed; a greater one has failed (docs/DOCSPACE.md 4.4).
const COMPLETED: i64 = 2;

/// Why a rehearsal stops early.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Something is not what this rehearsal created.
    #[error("{0}")]
    NotOwn(String),
    /// The portal refused a call that the rest depends on.
    #[error("the portal refused to {what}: {status}")]
    Refused {
        /// What was to be done.
        what: &'static str,
        /// The status of the response.
        status: u16,
    },
    /// Something did not happen in time.
    #[error("{0} after a minute")]
    TooSlow(&'static str),
    /// A person stopped it.
    #[error("it was interrupted")]
    Interrupted,
    /// A call failed.
    #[error("a call failed: {0}")]
    Failed(#[from] Error),
}

/// A rehearsal under way.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) portal: Exchanges<'a>,
    /// Occurs in every title that this rehearsal gives.
    pub(super) token: String,
    /// The id of the key's account.
    pub(super) account: String,
    pub(super) evidence: Evidence,
    pub(super) verdicts: BTreeMap<Claim, Verdict>,
    folders: BTreeSet<FolderId>,
    files: BTreeSet<FileId>,
}

impl<'a> Session<'a> {
    pub(super) fn new(portal: Exchanges<'a>, token: String, account: String) -> Self {
        Self {
            portal,
            evidence: Evidence::new(&token),
            token,
            account,
            verdicts: BTreeMap::new(),
            folders: BTreeSet::new(),
            files: BTreeSet::new(),
        }
    }

    /// The title of a file that this rehearsal uploads.
    pub(super) fn title(&self, name: &str) -> String {
        format!("rehearsal-{}{name}", self.token)
    }

    /// Decides a claim: what the portal does instead is only named if the claim does not hold.
    pub(super) fn decide(&mut self, claim: Claim, holds: bool, instead: impl FnOnce() -> String) {
        let verdict = if holds {
            Verdict::Agreed
        } else {
            Verdict::Differs(instead())
        };
        self.verdicts.insert(claim, verdict);
    }

    /// Records an exchange as evidence.
    pub(super) fn record(&mut self, exchange: Result<Exchange, Error>) -> Result<Exchange, Stop> {
        let exchange = exchange?;
        self.evidence.add(&exchange);
        Ok(exchange)
    }

    /// Creates the folder or room in which everything happens, or a folder below it.
    pub(super) fn adopt_folder(
        &mut self,
        created: &Exchange,
        title: &str,
        what: &'static str,
    ) -> Result<FolderId, Stop> {
        let folder = created.response();
        let status = created.status;
        let id = folder_id(&folder["id"]).ok_or(Stop::Refused { what, status })?;
        let is_own = folder["title"] == title && folder["createdBy"]["id"] == *self.account;
        if !is_own {
            let sentence = "the portal answered with a folder of another title or owner when asked to create one";
            return Err(Stop::NotOwn(sentence.to_owned()));
        }
        self.folders.insert(id.clone());
        Ok(id)
    }

    /// Creates a folder in a folder of this rehearsal.
    pub(super) async fn create_folder(
        &mut self,
        parent: &FolderId,
        name: &str,
    ) -> Result<FolderId, Stop> {
        self.require_folder(parent)?;
        let title = self.title(name);
        let created = self.portal.create_folder(parent, &title).await;
        let created = self.record(created)?;
        self.adopt_folder(&created, &title, "create a folder")
    }

    /// Uploads a file into a folder of this rehearsal.
    pub(super) async fn upload(
        &mut self,
        folder: &FolderId,
        title: &str,
        text: &str,
    ) -> Result<Value, Stop> {
        self.require_folder(folder)?;
        let uploaded = self.portal.upload(folder, title, text).await;
        let uploaded = self.record(uploaded)?;
        let (status, what) = (uploaded.status, "upload a file");
        let file = match uploaded.response() {
            Value::Array(files) => files.first().cloned().unwrap_or_default(),
            file => file.clone(),
        };
        if file.is_null() {
            return Err(Stop::Refused { what, status });
        }
        self.adopt_file(&file)?;
        Ok(file)
    }

    /// Counts a file among those of this rehearsal, after checking that it is one.
    fn adopt_file(&mut self, file: &Value) -> Result<FileId, Stop> {
        let id = file_id(&file["id"]);
        let folder = folder_id(&file["folderId"]);
        let is_within = folder.is_some_and(|folder| self.folders.contains(&folder));
        let is_titled = file["title"]
            .as_str()
            .is_some_and(|title| title.contains(&self.token));
        match id {
            Some(id) if is_within && is_titled && file["createdBy"]["id"] == *self.account => {
                self.files.insert(id.clone());
                Ok(id)
            }
            _ => Err(Stop::NotOwn(
                "the portal answered with a file that this rehearsal did not create".to_owned(),
            )),
        }
    }

    /// Starts to copy or move a file of this rehearsal into one of its folders.
    pub(super) async fn transfer(
        &mut self,
        kind: OperationKind,
        file: &Value,
        to: &FolderId,
        conflict: Conflict,
    ) -> Result<Exchange, Stop> {
        let file = self.own_file(file)?;
        self.require_folder(to)?;
        let started = self.portal.transfer(TransferRequest {
            kind,
            file: &file,
            to,
            conflict,
            delete_after: false,
        });
        let started = started.await;
        self.record(started)
    }

    /// Copies or moves a file and waits for the end of the operation. Its results belong to this rehearsal, too.
    pub(super) async fn transfer_to_end(
        &mut self,
        kind: OperationKind,
        file: &Value,
        to: &FolderId,
        conflict: Conflict,
    ) -> Result<Value, Stop> {
        let started = self.transfer(kind, file, to, conflict).await?;
        self.end_of(&started).await
    }

    /// Waits for the end of an operation.
    pub(super) async fn end_of(&mut self, started: &Exchange) -> Result<Value, Stop> {
        let (status, what) = (started.status, "copy or move a file");
        let mut operation = started.response()[0].clone();
        let id = operation["id"].as_str().map(str::to_owned);
        let id = id.ok_or(Stop::Refused { what, status })?;
        let ended = async {
            while !is_completed(&operation) {
                tokio::time::sleep(INTERVAL).await;
                let read = self.portal.operation(&id).await;
                let read = self.record(read)?;
                // An operation that is not held, or that somebody else has read, is no longer listed.
                operation = match read.response().get(0) {
                    Some(found) => found.clone(),
                    None => return Ok(Value::Null),
                };
            }
            for file in operation["files"].as_array().into_iter().flatten() {
                self.adopt_file(file)?;
            }
            Ok(operation)
        };
        let ended = tokio::time::timeout(BOUND, ended).await;
        ended.unwrap_or(Err(Stop::TooSlow("an operation had not ended")))
    }

    /// The files in a folder of this rehearsal.
    pub(super) async fn files_in(&mut self, folder: &FolderId) -> Result<Vec<Value>, Stop> {
        self.require_folder(folder)?;
        let content = self.portal.content(folder).await;
        let content = self.record(content)?;
        let files = content.response()["files"].as_array();
        Ok(files.cloned().unwrap_or_default())
    }

    /// Waits until a folder has more files than before; false if it does not get any in time.
    pub(super) async fn gets_another_file(
        &mut self,
        folder: &FolderId,
        before: usize,
    ) -> Result<bool, Stop> {
        let appeared = async {
            while self.files_in(folder).await?.len() <= before {
                tokio::time::sleep(INTERVAL).await;
            }
            Ok(true)
        };
        tokio::time::timeout(BOUND, appeared)
            .await
            .unwrap_or(Ok(false))
    }

    /// The id of a file, which must be one of this rehearsal.
    pub(super) fn own_file(&self, file: &Value) -> Result<FileId, Stop> {
        let own = file_id(&file["id"]).filter(|id| self.files.contains(id));
        own.ok_or_else(|| Stop::NotOwn("a file is not one that this rehearsal created".to_owned()))
    }

    pub(super) fn require_folder(&self, folder: &FolderId) -> Result<(), Stop> {
        if self.folders.contains(folder) {
            return Ok(());
        }
        let sentence = "a folder is not one that this rehearsal created";
        Err(Stop::NotOwn(sentence.to_owned()))
    }
}

/// Whether an operation is completed. Before 3.7.1 it has no status.
fn is_completed(operation: &Value) -> bool {
    match operation["status"].as_i64() {
        Some(status) => status >= COMPLETED,
        None => operation["finished"] == true,
    }
}

/// The id of a file.
pub(super) fn file_id(id: &Value) -> Option<FileId> {
    serde_json::from_value(id.clone()).ok()
}

/// The id of a folder.
pub(super) fn folder_id(id: &Value) -> Option<FolderId> {
    serde_json::from_value(id.clone()).ok()
}
