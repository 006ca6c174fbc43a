//! `docspace-courier demo`: shows the service at work on a simulated portal, in one process.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use docspace_sandbox::{DEFAULT_TRIGGERS, Portal, PortalSettings};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::journal::overview::overview;
use crate::service::Service;
use crate::text::clean;

use super::exit::success_if;
use super::output::{ACCENT, DIM, STRONG, print_lines, styled};
use super::signal::shutdown_signal;

mod mailbox;
mod scenario;

use mailbox::DemoMailbox;
use scenario::{DemoStep, UploadOutcome};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 0: every result is as expected; 1: at least one is not.")]
pub struct Args {
    /// Leave the portal and the service running afterwards and print their addresses.
    #[arg(long)]
    keep: bool,
}

/// How long one step may take before the demo fails.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);

/// How often the store is checked for remaining work.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How long a queued copy or move takes on the simulated portal.
const OPERATION_TIME: Duration = Duration::from_millis(60);

/// How long each call to the simulated portal takes.
const LATENCY: Duration = Duration::from_millis(15);

/// The address that is notified of invoices.
const MANAGER: &str = "manager@example.com";

/// The running portal, mail server and service.
struct DemoDeployment {
    portal: Portal,
    portal_address: String,
    receiver_address: String,
    admin_address: String,
    mailbox: DemoMailbox,
    /// How many emails the mailbox had when it was last looked at.
    emails_seen: usize,
    db: Db,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// Runs the demo.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut deployment = DemoDeployment::start().await?;
    deployment.print_introduction();

    let started = Instant::now();
    let mut outcomes = Vec::new();
    for step in scenario::steps(deployment.portal.seed()) {
        outcomes.extend(deployment.run_step(step).await?);
    }
    print_lines(scenario::render_summary(&outcomes, started.elapsed()));
    if args.keep {
        deployment.keep_running().await;
    }
    deployment.shut_down().await?;
    Ok(success_if(outcomes.iter().all(UploadOutcome::is_expected)))
}

impl DemoDeployment {
    async fn start() -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let portal = Portal::new(PortalSettings {
            latency: LATENCY,
            operation_time: OPERATION_TIME,
            ..PortalSettings::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port on loopback")?;
        let portal_address = format!("http://{}", listener.local_addr()?);
        let (serving, token) = (portal.clone(), stop.clone());
        tokio::spawn(async move { serving.serve(listener, token).await });

        let folder = tempfile::tempdir().context("no folder for a temporary store")?;
        let store = folder.path().join("courier.db");
        let mailbox = DemoMailbox::open(stop.clone()).await?;
        let store = store.to_string_lossy();
        let config = configuration(&portal, &portal_address, &mailbox.url(), &store);
        let service = Service::start(Config::from_pairs(&config)?, Clock::system()).await?;
        let receiver_address = format!("http://{}/webhook", service.address()?);
        let admin_address = format!("http://{}", service.admin_address()?);
        let db = service.db().clone();
        let running = tokio::spawn(service.run(stop.clone()));
        portal.add_webhook(&receiver_address, &DEFAULT_TRIGGERS);
        Ok(Self {
            portal,
            portal_address,
            receiver_address,
            admin_address,
            mailbox,
            emails_seen: 0,
            db,
            running,
            stop,
            _folder: folder,
        })
    }

    fn print_introduction(&self) {
        let heading = styled(
            STRONG,
            "docspace-courier with a simulated portal, in this process",
        );
        let hint = styled(DIM, "(open it in a browser with --keep)");
        print_lines([
            String::new(),
            heading,
            String::new(),
            format!("  portal    {}   {hint}", self.portal_address),
            format!("  receiver  {}", self.receiver_address),
            "  rules     copy     copies every upload in the client room to Internal Processing"
                .to_owned(),
            format!("            invoice  moves invoices in it to Incoming and notifies {MANAGER}"),
            String::new(),
        ]);
    }

    /// Runs one step, waits until all work is done, and prints the outcomes.
    async fn run_step(&mut self, step: DemoStep) -> anyhow::Result<Vec<UploadOutcome>> {
        print_lines([format!("  {} {}", styled(ACCENT, "▸"), step.heading)]);
        let started = Instant::now();
        let uploads = step.perform(&self.portal);
        self.wait_until_done().await?;
        let duration = format!("{} ms", started.elapsed().as_millis());
        let outcomes = scenario::inspect(&uploads, &self.portal, &self.mailbox);
        print_lines(outcomes.iter().map(|outcome| {
            let (mark, title) = (outcome.mark(), &outcome.title);
            format!("      {mark} {title}  {}", styled(DIM, &outcome.actual))
        }));
        print_lines([format!("      {}", styled(DIM, &duration))]);
        self.print_first_email();
        Ok(outcomes)
    }

    /// Prints the first email as it arrived; the others are similar.
    fn print_first_email(&mut self) {
        let emails = self.mailbox.read_from(self.emails_seen);
        if self.emails_seen == 0
            && let Some(email) = emails.first()
        {
            let heading = styled(STRONG, "The email to the manager");
            print_lines(["", &format!("      {heading}")]);
            let bar = styled(DIM, "│");
            print_lines(
                email
                    .iter()
                    .map(|line| format!("      {bar} {}", clean(line))),
            );
            print_lines([""]);
        }
        self.emails_seen += emails.len();
    }

    /// Waits until every delivery has arrived and all actions are done.
    async fn wait_until_done(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            self.portal.wait_for_deliveries().await;
            let overview = self.db.read(overview).await?;
            if overview.events_waiting + overview.actions_open == 0 {
                return Ok(());
            }
            ensure!(
                started.elapsed() < STEP_TIMEOUT,
                "the work was not done within {STEP_TIMEOUT:?}"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn keep_running(&self) {
        print_lines([
            format!(
                "  {}",
                styled(STRONG, "Still running; press Ctrl-C to stop.")
            ),
            format!("  Upload files at   {}", self.portal_address),
            format!("  Console           {}", self.admin_address),
            String::new(),
        ]);
        shutdown_signal().await;
    }

    async fn shut_down(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.running.await??)
    }
}

fn configuration(portal: &Portal, address: &str, smtp: &str, store: &str) -> Vec<(String, String)> {
    let seed = portal.seed();
    let database = format!("sqlite://{store}");
    [
        ("DOCSPACE_API_HOST", address),
        ("DOCSPACE_API_KEY", portal.api_key()),
        ("DOCSPACE_WEBHOOK_SECRET", portal.secret()),
        ("SHARED_WITH_CLIENT_ROOM_ID", seed.client_room.as_str()),
        (
            "INTERNAL_PROCESSING_FOLDER_ID",
            seed.internal_folder.as_str(),
        ),
        ("CLIENT_ROOT_ID", seed.client_room.as_str()),
        ("INCOMING_FOLDER_ID", seed.incoming_folder.as_str()),
        ("MANAGER_EMAIL", MANAGER),
        ("SMTP_URL", smtp),
        ("MAIL_FROM", "docspace-courier <courier@example.com>"),
        ("DATABASE_URL", &database),
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("ADMIN_ADDR", "127.0.0.1:0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
