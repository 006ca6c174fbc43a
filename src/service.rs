//! The whole service, put together: store, receiver, worker, both listeners.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::admin::{self, Access, Console};
use crate::alerts::{AlertMonitor, AlertRecipients};
use crate::catch_up::CatchUp;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, NotificationConfig, Problem};
use crate::db::{Db, Queue};
use crate::docspace::Client;
use crate::inbox;
use crate::instances::Instances;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::notify::chat::Chat;
use crate::notify::mail::Mailer;
use crate::outbox;
use crate::pipeline::{Pipeline, Pipelines};
use crate::reload::Reload;
use crate::server::{self, tls::Tls, tls::TlsFiles};
use crate::webhook::{self, Receiver};
use crate::worker::Worker;

/// A service that is ready to run.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    admin_listener: TcpListener,
    receiver: Arc<Receiver>,
    access: Access,
    worker: Arc<Worker>,
    catch_up: CatchUp,
    catch_up_interval: Duration,
    watch: AlertMonitor,
    instances: Instances,
    reload: Reload,
}

impl Service {
    /// Opens the store and binds the listeners.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let tls = config
            .public
            .tls
            .map(|files| open_tls(files, &clock))
            .transpose()?;
        let db = Db::open_for_work(&config.database)?;
        let instances = Instances::join(&db, &clock).await?;
        let (now, shared) = (clock.now(), db.is_shared());
        let released = db
            .write(move |sql| {
                // What waited for the portal asks again: it may be well by now.
                inbox::expedite(sql, now)?;
                // The leases of a shared store may be those of the living.
                if shared {
                    Ok(0)
                } else {
                    outbox::release_all_leases(sql)
                }
            })
            .await?;
        if released > 0 {
            info!(
                actions = released,
                "actions of the last run are settled first"
            );
        }
        let metrics = Arc::new(Metrics::default());
        let portal = Client::new(&config.portal.host, config.portal.key, clock.clone())
            .context("cannot set up the client for the portal")?
            .with_metrics(Arc::clone(&metrics));
        let portal = Arc::new(portal);
        let worker = Worker::new(
            db.clone(),
            Arc::clone(&portal),
            config.rules,
            config.limits.max_attempts,
            config.limits.retention,
            clock.clone(),
        )
        .with_metrics(Arc::clone(&metrics));
        let (channels, operators) = ways_out(config.notifications)?;
        channels.pipelines.add(config.pipelines)?;
        let reload = Reload {
            source: config.rules_source,
            rules: worker.rules(),
            pipelines: channels.pipelines.clone(),
            metrics: Arc::clone(&metrics),
            requested: Arc::default(),
        };
        let worker = worker.with_channels(channels);
        let watch =
            AlertMonitor::start(db.clone(), Arc::clone(&portal), clock.clone(), operators).await?;
        let catch_up = CatchUp {
            db: db.clone(),
            portal,
            rules: worker.rules(),
            secrets: config.secrets.clone(),
            retention: config.limits.retention,
            clock: clock.clone(),
            wake: worker.wake(),
        };
        let receiver = Receiver {
            secrets: config.secrets,
            unsigned: config.public.unsigned,
            transport: config.public.transport,
            db,
            clock,
            wake: worker.wake(),
            metrics,
            body_memory: Receiver::body_memory(),
        };
        Ok(Self {
            listener: bind("LISTEN_ADDR", config.public.address)?,
            tls,
            admin_listener: bind("ADMIN_ADDR", config.admin.address)?,
            access: Access::new(config.admin.token, config.admin.address),
            receiver: Arc::new(receiver),
            worker: Arc::new(worker),
            catch_up,
            catch_up_interval: config.limits.catch_up_interval,
            watch,
            instances,
            reload,
        })
    }

    /// Where deliveries arrive.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where the operator looks.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin_listener.local_addr()
    }

    /// Asks for the rules to be read again.
    pub fn reload(&self) -> Arc<Notify> {
        Arc::clone(&self.reload.requested)
    }

    /// The store.
    pub fn db(&self) -> &Db {
        &self.receiver.db
    }

    /// Serves and works until told to stop; then accepts nothing more and ends what is in hand.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let console = Console {
            db: self.receiver.db.clone(),
            portal: Arc::clone(self.worker.portal()),
            metrics: Arc::clone(&self.receiver.metrics),
            clock: self.receiver.clock.clone(),
            wake: self.worker.wake(),
            access: self.access,
            tls: self.tls.clone(),
            stop: stop.clone(),
        };
        let wake = self.worker.wake();
        let told = move |work| match work {
            Queue::Inbox => wake.inbox.notify_one(),
            Queue::Outbox => wake.outbox.notify_one(),
        };
        let (db, portal) = (self.receiver.db.clone(), Arc::clone(self.worker.portal()));
        db.listen(told).map_err(io::Error::other)?;
        let living = CancellationToken::new();
        let newcomer = self.instances.clone();
        let instances = self
            .instances
            .run(portal, self.worker.wake(), living.clone());
        let instances = tokio::spawn(instances);
        let public = receive(self.listener, self.tls, self.receiver, stop.clone());
        let operator = server::serve(
            self.admin_listener,
            admin::router(Arc::new(console)),
            stop.clone(),
        );
        let (catch_up, interval) = (self.catch_up, self.catch_up_interval);
        let (joining, until) = (newcomer.clone(), stop.clone());
        let catching_up = tokio::spawn(async move {
            joining.wait_for_rebalance(&until).await;
            catch_up.run(interval, until).await;
        });
        let watching = tokio::spawn(self.watch.run(stop.clone()));
        let working = async {
            newcomer.wait_for_rebalance(&stop).await;
            self.worker.run(stop.clone()).await;
        };
        let reloading = tokio::spawn(self.reload.run(stop.clone()));
        let (public, operator, ()) = tokio::join!(public, operator, working);
        // What a turn had in hand is looked at again by the next one.
        catching_up.abort();
        watching.abort();
        reloading.abort();
        // What still runs is left to the others from here on.
        living.cancel();
        let _ = instances.await;
        Instances::leave(&db).await;
        public.and(operator)
    }
}

/// Serves the public listener, over HTTPS where there is a certificate.
async fn receive(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    receiver: Arc<Receiver>,
    stop: CancellationToken,
) -> io::Result<()> {
    let router = webhook::router(receiver);
    let Some(tls) = tls else {
        return server::serve(listener, router, stop).await;
    };
    let watching = tokio::spawn(Arc::clone(&tls).watch(stop.clone()));
    let served = server::serve_https(listener, tls, router, stop).await;
    watching.abort();
    served
}

fn open_tls(files: TlsFiles, clock: &Clock) -> Result<Arc<Tls>, ConfigError> {
    let tls = Tls::open(files, clock.clone()).map_err(|error| ConfigError {
        problems: vec![Problem {
            variable: error.variable(),
            what: error.to_string(),
        }],
    })?;
    Ok(Arc::new(tls))
}

/// The ways to people and programs, and those to the operator.
fn ways_out(tell: NotificationConfig) -> anyhow::Result<(Channels, AlertRecipients)> {
    let mailer = || tell.mail.clone().map(Mailer::new).transpose();
    let chat = tell.chat.map(Chat::new).transpose()?;
    let channels = Channels {
        mailer: mailer()?,
        chat: chat.clone(),
        pipeline: tell.pipeline.map(Pipeline::new).transpose()?,
        pipelines: Pipelines::default(),
    };
    let operators = AlertRecipients {
        addresses: tell.operators,
        mailer: mailer()?,
        chat,
    };
    Ok((channels, operators))
}

fn bind(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    server::bind(address).with_context(|| format!("cannot listen on {variable} {address}"))
}
