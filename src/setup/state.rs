//! What the set-up pages share.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use crate::admin::Access;
use crate::clock::Clock;
use crate::edited_file::EditedFile;

use super::draft::{Draft, DraftFile};
use super::installation::{is_in_image, start_command};
use super::proposal::Proposal;
use super::report::StartReport;
use super::running::RunningService;
use super::session::SetupSession;

/// The set-up of one env file.
pub struct Setup {
    env_file: EditedFile,
    /// The command that runs the service with the env file.
    start_command: String,
    /// The address of the pages, which is that of the console later.
    listener: SocketAddr,
    draft: DraftFile,
    session: SetupSession,
    access: Arc<Access>,
    clock: Clock,
    /// The service, once it was started in this process.
    service: tokio::sync::Mutex<Option<RunningService>>,
    /// What became of the last start.
    report: Mutex<Option<Arc<StartReport>>>,
}

impl Setup {
    /// The set-up of this env file by this program, with pages at this address. Also returns the token of the link.
    pub fn open(
        env_file: PathBuf,
        program: &str,
        listener: SocketAddr,
        clock: Clock,
    ) -> anyhow::Result<(Self, String)> {
        let draft = DraftFile::beside(&env_file).context("cannot read the draft")?;
        let (session, token) = SetupSession::new()
            .map_err(|_| io::Error::other("the system has no random numbers"))?;
        let setup = Self {
            start_command: start_command(program, &env_file, is_in_image()),
            env_file: EditedFile::private(env_file),
            listener,
            draft,
            session,
            access: Arc::new(Access::new(None, listener, None)),
            clock,
            service: tokio::sync::Mutex::default(),
            report: Mutex::default(),
        };
        // A file that cannot be read is reported before any page is shown.
        setup.proposal()?;
        Ok((setup, token))
    }

    /// Stops the service, if it was started.
    pub async fn stop(&self) {
        if let Some(service) = self.service.lock().await.take() {
            service.stop().await;
        }
    }

    /// The command that runs the service with the env file.
    pub(super) fn start_command(&self) -> &str {
        &self.start_command
    }

    pub(super) fn listener(&self) -> SocketAddr {
        self.listener
    }

    pub(super) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access)
    }

    pub(super) fn session(&self) -> &SetupSession {
        &self.session
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn env_file(&self) -> &EditedFile {
        &self.env_file
    }

    pub(super) fn draft(&self) -> &DraftFile {
        &self.draft
    }

    /// Changes the draft. Returns whether anything changed.
    pub(super) fn change(&self, change: impl FnOnce(&mut Draft)) -> anyhow::Result<bool> {
        let mut draft = self.draft.get();
        change(&mut draft);
        // A value that cannot be written would prevent every page, also the one that corrects it.
        self.proposal_of(draft.clone())?;
        let changed = self.draft.replace(draft);
        changed.with_context(|| {
            let path = self.draft.path().display();
            format!("what was entered cannot be kept in {path}")
        })
    }

    /// The env file as it is now, and as it will be.
    pub(super) fn proposal(&self) -> anyhow::Result<Proposal> {
        self.proposal_of(self.draft.get())
    }

    fn proposal_of(&self, draft: Draft) -> anyhow::Result<Proposal> {
        let file = &self.env_file;
        let content = file.read();
        let content = content.with_context(|| format!("cannot read {}", file.name()))?;
        Ok(Proposal::new(file.path(), content, draft)?)
    }

    pub(super) fn service(&self) -> &tokio::sync::Mutex<Option<RunningService>> {
        &self.service
    }

    fn lock_report(&self) -> MutexGuard<'_, Option<Arc<StartReport>>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of the last start.
    pub(super) fn report(&self) -> Option<Arc<StartReport>> {
        self.lock_report().clone()
    }

    pub(super) fn set_report(&self, report: StartReport) {
        *self.lock_report() = Some(Arc::new(report));
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let env_file = &self.env_file;
        // The rest includes secrets.
        formatter
            .debug_struct("Setup")
            .field("env_file", env_file)
            .finish_non_exhaustive()
    }
}
