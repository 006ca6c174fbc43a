//! `docspace-courier demo`: the whole job, shown on a pretend portal in one process.
#![expect(clippy::print_stdout, reason = "the command line talks to a person")]

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

use super::paint::Paint;
use super::signal::shutdown_signal;

mod mailbox;
mod scenario;

use mailbox::Mailbox;
use scenario::{Chapter, Told};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave the portal and the service running afterwards, and say where they are.
    #[arg(long)]
    keep: bool,
}

/// How long one chapter may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often the store is asked whether all work is done.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long a queued copy or move takes on the pretend portal.
const OPERATION_TIME: Duration = Duration::from_millis(60);

/// What each call to the pretend portal takes.
const LATENCY: Duration = Duration::from_millis(15);

/// The address that is told of invoices.
const MANAGER: &str = "manager@example.com";

/// The portal and the service, running.
struct Stage {
    portal: Portal,
    portal_address: String,
    receiver_address: String,
    admin_address: String,
    mailbox: Mailbox,
    /// Mails that were shown already.
    shown: usize,
    db: Db,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// Runs the demo; 0 only if everything came out as it should.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let paint = Paint::for_stdout();
    let mut stage = Stage::set().await?;
    stage.introduce(paint);

    let begun = Instant::now();
    let mut told = Vec::new();
    for chapter in scenario::chapters(stage.portal.seed()) {
        told.extend(stage.perform(chapter, paint).await?);
    }
    let all_well = scenario::print_table(&told, begun.elapsed(), paint);
    if args.keep {
        stage.keep(paint).await;
    }
    stage.end().await?;
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(super::NOT_FINE)
    })
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
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
        let mailbox = Mailbox::open(stop.clone()).await?;
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
            shown: 0,
            db,
            running,
            stop,
            _folder: folder,
        })
    }

    fn introduce(&self, paint: Paint) {
        println!(
            "\n{}\n",
            paint.strong("docspace-courier, on a pretend portal in this process")
        );
        println!(
            "  portal    {}   {}",
            self.portal_address,
            paint.dim("(open it in a browser with --keep)")
        );
        println!("  receiver  {}", self.receiver_address);
        println!(
            "  rules     copy     every upload to the client room is copied to Internal Processing"
        );
        println!("            invoice  invoices in it move to Incoming, and {MANAGER} is told\n");
    }

    /// Lets one chapter happen, waits until all work is done, and says how it went.
    async fn perform(&mut self, chapter: Chapter, paint: Paint) -> anyhow::Result<Vec<Told>> {
        println!("  {} {}", paint.accent("▸"), chapter.heading);
        let begun = Instant::now();
        let uploads = chapter.begin(&self.portal);
        self.settled().await?;
        let took = begun.elapsed();
        let told = scenario::look(&uploads, &self.portal, &self.mailbox);
        for line in &told {
            let mark = if line.is_well() {
                paint.good("✓")
            } else {
                paint.bad("✗")
            };
            println!("      {mark} {}  {}", line.title, paint.dim(&line.happened));
        }
        println!("      {}", paint.dim(&format!("{} ms", took.as_millis())));
        self.show_first_mail(paint);
        Ok(told)
    }

    /// Shows the first mail as it arrived; the others look alike.
    fn show_first_mail(&mut self, paint: Paint) {
        let mails = self.mailbox.read_from(self.shown);
        if self.shown == 0
            && let Some(mail) = mails.first()
        {
            println!("\n      {}", paint.strong("The manager's mail"));
            for line in mail {
                println!("      {} {line}", paint.dim("│"));
            }
            println!();
        }
        self.shown += mails.len();
    }

    /// Waits until every delivery has arrived and everything owed is done.
    async fn settled(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            self.portal.wait_for_deliveries().await;
            let overview = self.db.read(overview).await?;
            if overview.events_waiting + overview.actions_owed == 0 {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "the work was not done within {PATIENCE:?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn keep(&self, paint: Paint) {
        println!("  {}", paint.strong("Still running; Ctrl-C ends it."));
        println!("  Upload files yourself at   {}", self.portal_address);
        println!(
            "  Health for the operator    {}/readyz\n",
            self.admin_address
        );
        shutdown_signal().await;
    }

    async fn end(self) -> anyhow::Result<()> {
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
