//! The whole service: store, receiver, worker, background tasks and both listeners.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::actions::failpoint::Failpoints;
use crate::admin::{self, Access};
use crate::alerts::AlertRecipients;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, NotificationConfig};
use crate::db::Db;
use crate::finding::Finding;
use crate::inbox;
use crate::instances::Instances;
use crate::metrics::Metrics;
use crate::notify::chat::Chat;
use crate::notify::mail::Mailer;
use crate::notify::{Channels, LocaleSource};
use crate::outbox;
use crate::pipeline::{Pipeline, Pipelines};
use crate::server::{self, file_limit, tls::Tls, tls::TlsFiles};
use crate::webhook::{self, Receiver};
use crate::worker::{RENEWAL_INTERVAL, WorkerSettings};

mod background;
mod parts;

pub use parts::{Parts, ReceiverSettings};

use background::Background;

/// A service that is ready to run.
#[derive(Debug)]
pub struct Service {
    parts: Parts,
    receiver: Arc<Receiver>,
    background: Background,
    public_listener: TcpListener,
    tls: Option<Arc<Tls>>,
    admin_listener: TcpListener,
    access: Access,
}

impl Service {
    /// Opens the store and binds the listeners.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        if let Err(low) = file_limit::raise() {
            warn!("the limit on open files (ulimit -n) {low}");
        }
        let tls = config
            .public
            .tls
            .clone()
            .map(|files| open_tls(files, &clock))
            .transpose()?;
        let db = Db::open_for_work(&config.database)?;
        let instances = Instances::join(&db, &clock).await?;
        let service = Self::assemble(config, clock, db.clone(), tls, instances).await;
        if service.is_err() {
            // Or the others would leave it a part of the portal's limits until its heartbeat is missing.
            Instances::leave(&db).await;
        }
        service
    }

    async fn assemble(
        config: Config,
        clock: Clock,
        db: Db,
        tls: Option<Arc<Tls>>,
        instances: Instances,
    ) -> anyhow::Result<Self> {
        resume(&db, &clock).await?;

        let mut parts = Parts::new(db, &config.portal, config.rules, clock)
            .context("cannot set up the client for the portal")?;
        let (channels, recipients) = channels(config.notifications)?;
        channels.pipelines.load(config.pipelines, |_| false)?;
        parts.channels = channels.clone();
        let settings = WorkerSettings {
            max_attempts: config.limits.max_attempts,
            retention: config.limits.retention,
            renewal_interval: RENEWAL_INTERVAL,
            failpoints: Failpoints::default(),
        };
        let background = Background {
            reload: Arc::new(parts.reload(config.rules_source, channels.pipelines.clone())),
            worker: parts.worker(channels, settings),
            alerts: parts.alerts(recipients),
            catch_up: parts.catch_up(config.secrets.clone(), config.limits.retention),
            catch_up_interval: config.limits.catch_up_interval,
            backfiller: parts.backfiller(),
            instances,
        };
        let receiver = parts.receiver(ReceiverSettings {
            secrets: config.secrets,
            unsigned: config.public.unsigned,
            transport: config.public.transport,
            retention: config.limits.retention,
        });
        Ok(Self {
            parts,
            receiver: Arc::new(receiver),
            background,
            public_listener: bind("LISTEN_ADDR", config.public.address)?,
            tls,
            admin_listener: bind("ADMIN_ADDR", config.admin.address)?,
            access: Access::new(config.admin.token, config.admin.address, config.admin.proxy)
                .with_viewer_token(config.admin.viewer_token),
        })
    }

    /// The address of the public listener.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.public_listener.local_addr()
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin_listener.local_addr()
    }

    /// Signals that the rules should be read again.
    pub fn reload(&self) -> Arc<Notify> {
        Arc::clone(&self.background.reload.requested)
    }

    /// Everything that is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.parts.metrics
    }

    /// The store.
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    /// Serves and works until `stop` is cancelled; then accepts nothing more and finishes running attempts.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let supervisor = self.parts.supervisor();
        let health = self.parts.health(supervisor.health(), stop.clone());
        let public = webhook::router(self.receiver, health.clone());
        let reload = Arc::clone(&self.background.reload);
        let console = self
            .parts
            .console(self.access, self.tls.clone(), health, reload);
        let admin = server::serve(
            self.admin_listener,
            admin::router(Arc::new(console)),
            stop.clone(),
        );
        let background = self
            .background
            .run(&self.parts, self.tls.clone(), &supervisor, &stop);
        let public = async {
            match self.tls {
                Some(tls) => {
                    server::serve_https(self.public_listener, tls, public, stop.clone()).await
                }
                None => server::serve(self.public_listener, public, stop.clone()).await,
            }
        };
        let (public, admin, ()) = tokio::join!(public, admin, background);
        public.and(admin)
    }
}

/// Prepares the store for this start.
async fn resume(db: &Db, clock: &Clock) -> anyhow::Result<()> {
    let (now, is_shared) = (clock.now(), db.is_shared());
    let released = db
        .write(move |sql| {
            // The portal may be available again, so what waited for it is decided now.
            inbox::make_due(sql, now)?;
            outbox::reset_due_times(sql, now)?;
            // In a shared store, leases can belong to instances that run.
            if is_shared {
                Ok(0)
            } else {
                outbox::release_all_leases(sql)
            }
        })
        .await?;
    if released > 0 {
        info!(
            actions = released,
            "actions that the last run left open are reconciled first"
        );
    }
    Ok(())
}

fn open_tls(files: TlsFiles, clock: &Clock) -> Result<Arc<Tls>, ConfigError> {
    let tls = Tls::open(files, clock.clone()).map_err(|error| ConfigError {
        problems: vec![Finding::error(error.variable(), error.to_string())],
        warnings: Vec::new(),
    })?;
    let validity = tls.validity();
    if validity.expires_soon(clock.wall()) {
        warn!(expires_at = %validity.not_after, "the certificate of TLS_CERT_FILE expires soon");
    }
    Ok(Arc::new(tls))
}

/// The channels of notifications, and the recipients of alerts.
fn channels(config: NotificationConfig) -> anyhow::Result<(Channels, AlertRecipients)> {
    let mailer = config.mail.map(Mailer::new).transpose()?;
    let chat = config.chat.map(Chat::new).transpose()?;
    let channels = Channels {
        mailer: mailer.clone(),
        chat: chat.clone(),
        pipeline: config.pipeline.map(Pipeline::new).transpose()?,
        pipelines: Pipelines::default(),
        locale: LocaleSource::new(config.locale),
    };
    let recipients = AlertRecipients {
        addresses: config.operators,
        mailer,
        chat,
    };
    Ok((channels, recipients))
}

fn bind(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    server::bind(address).with_context(|| format!("cannot listen on {variable} {address}"))
}
