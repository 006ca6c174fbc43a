//! Alerts: notifies the operator, by email and chat, of problems that need a person.
//!
//! An [`AlertMonitor`] polls for problems: dead letters in the store, a refused API key, a disabled webhook,
//! a channel that is out of use.
//! No other code waits for an alert or has to raise one. Alerts that cannot be sent wait in memory and are
//! retried. The store knows which dead letters were reported, so a restart loses no alert about one. The warnings
//! and errors in the log do not depend on alerts.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::catch_up;
use crate::clock::Clock;
use crate::db::{Db, Sql, SqlError, StoreError};
use crate::docspace::{Client, OpenReason};
use crate::inbox;
use crate::instances::{self, LeaderRole};
use crate::notify::Channels;
use crate::notify::chat::Chat;
use crate::notify::mail::{self, Mailer};
use crate::outbox;
use crate::telemetry::ErrorChain;
use crate::text::without_links;

mod channel;
mod digest;
mod outages;
mod progress;

use channel::{AlertChannel, Recipient};
use digest::{AlertDigest, AlertKind, MAX_LISTED};
use outages::OutageWatch;
use progress::SentAlerts;

/// Time between two scans.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// The longest reason of one dead letter in an alert, in characters.
const REASON_LENGTH: usize = 300;

/// Polls for problems and sends alerts.
#[derive(Debug)]
pub struct AlertMonitor {
    db: Db,
    portal: Arc<Client>,
    clock: Clock,
    /// What is stored, while this instance leads; `None` before it has read that.
    stored: Option<SentAlerts>,
    digest: AlertDigest,
    outages: OutageWatch,
    channels: Vec<AlertChannel>,
}

/// Where alerts are sent.
#[derive(Debug, Default)]
pub struct AlertRecipients {
    /// `OPERATOR_EMAIL`.
    pub addresses: Vec<String>,
    /// Sends the emails; without it the addresses get none.
    pub mailer: Option<Mailer>,
    /// The chat, which gets all alerts too.
    pub chat: Option<Chat>,
}

impl AlertMonitor {
    /// A monitor of the store, the portal and the `watched` channels.
    pub fn new(
        db: Db,
        portal: Arc<Client>,
        clock: Clock,
        watched: Channels,
        recipients: AlertRecipients,
    ) -> Self {
        let mut channels: Vec<AlertChannel> = recipients
            .mailer
            .iter()
            .flat_map(|mailer| {
                let email = |to| Recipient::Email(mailer.clone(), to);
                recipients.addresses.iter().cloned().map(email)
            })
            .map(AlertChannel::new)
            .collect();
        channels.extend(recipients.chat.map(Recipient::Chat).map(AlertChannel::new));
        Self {
            db,
            portal,
            clock,
            stored: None,
            digest: AlertDigest::default(),
            outages: OutageWatch::new(watched),
            channels,
        }
    }

    /// Scans and sends until stopped.
    pub async fn run(&mut self, stop: CancellationToken) {
        if self.channels.is_empty() {
            stop.cancelled().await;
        }
        while !stop.is_cancelled() {
            self.run_once().await;
            tokio::select! {
                () = tokio::time::sleep(SCAN_INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Scans once and sends the alerts that are due.
    pub async fn run_once(&mut self) {
        let now = self.clock.now();
        if let Err(error) = self.scan(now).await {
            warn!(error = %ErrorChain(&error), "scanning for alerts failed");
        }
        for message in self.digest.due(now) {
            for channel in &mut self.channels {
                channel.push(message.clone());
            }
        }
        let host = self.portal.host();
        futures_util::future::join_all(
            self.channels
                .iter_mut()
                .map(|channel| channel.send(host, &self.clock)),
        )
        .await;
        if let Err(error) = self.store_progress().await {
            warn!(error = %ErrorChain(&error), "alerts that were sent may be repeated after a restart");
        }
    }

    async fn scan(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if !instances::holds_role(&self.db, LeaderRole::Alerts).await? {
            self.stored = None;
            return Ok(());
        }
        if self.stored.is_none() {
            self.load_progress(now).await?;
        }
        self.scan_dead_letters(now).await?;
        let outages = self.outages.new_outages(now);
        self.digest
            .record(AlertKind::ChannelDown, outages.len(), outages);
        if self.outages.all_resolved() {
            self.digest.resolve(AlertKind::ChannelDown);
        }
        let refused = self
            .portal
            .open_reason()
            .map(|why| why == OpenReason::KeyRefused);
        let webhook_disabled = self.db.read(catch_up::webhook_is_disabled).await?;
        let state = [
            // While the portal is down or asks for a pause, the state of the key is unknown.
            (
                AlertKind::KeyRefused,
                refused.map_or(Some(false), |refused| refused.then_some(true)),
            ),
            (AlertKind::WebhookDisabled, Some(webhook_disabled)),
        ];
        for (kind, bad) in state {
            match bad {
                Some(true) => self.digest.raise(kind),
                Some(false) => self.digest.resolve(kind),
                None => {}
            }
        }
        Ok(())
    }

    /// Reports dead letters when an alert may be sent, and not when they are found: a process that ends before
    /// that has not reported them.
    async fn scan_dead_letters(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let reported = self.digest.open_since(AlertKind::DeadLetter);
        let reported = reported.unwrap_or(Timestamp::UNIX_EPOCH);
        let (any, unreported) = self
            .db
            .read(move |sql| {
                Ok((
                    outbox::has_dead(sql)? || inbox::has_dead(sql)?,
                    outbox::has_unreported_dead(sql, reported)?
                        || inbox::has_unreported_dead(sql, reported)?,
                ))
            })
            .await?;
        if !any {
            self.digest.resolve(AlertKind::DeadLetter);
        } else if unreported && self.digest.may_send(AlertKind::DeadLetter, now) {
            let report = move |sql: &Sql| report_dead_letters(sql, reported, now);
            let (count, texts) = self.db.write(report).await?;
            self.digest.record(AlertKind::DeadLetter, count, texts);
        }
        Ok(())
    }

    /// Continues where the last leader stopped. What it did not store was not accepted by every recipient.
    async fn load_progress(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let progress = self.db.read(SentAlerts::load).await?;
        // A time ahead was stored before the clock stepped back.
        let past = |at: Option<Timestamp>| at.map(|at| at.min(now));
        let (dead_letters, webhook_disabled) =
            (progress.dead_letters(), progress.webhook_disabled());
        self.digest
            .restore(AlertKind::DeadLetter, past(dead_letters));
        self.digest
            .restore(AlertKind::WebhookDisabled, past(webhook_disabled));
        self.stored = Some(progress);
        Ok(())
    }

    /// Stores which alerts were sent, once no recipient waits for one.
    async fn store_progress(&mut self) -> Result<(), StoreError> {
        let progress = SentAlerts::new(
            self.digest.open_since(AlertKind::DeadLetter),
            self.digest.open_since(AlertKind::WebhookDisabled),
        );
        let is_new = self.stored.as_ref().is_some_and(|it| *it != progress);
        if is_new && self.channels.iter().all(AlertChannel::is_empty) {
            let to_store = progress.clone();
            self.db.write(move |sql| to_store.save(sql)).await?;
            self.stored = Some(progress);
        }
        Ok(())
    }
}

/// Notes that dead letters are reported now, unless an alert up to `reported` did so. Returns how many there are,
/// with texts about the first.
fn report_dead_letters(
    sql: &Sql,
    reported: Timestamp,
    now: Timestamp,
) -> Result<(usize, Vec<String>), SqlError> {
    let reason = |reason: Option<String>| {
        let reason = reason.unwrap_or_else(|| "unknown reason".to_owned());
        without_links(&mail::one_line(&reason, REASON_LENGTH))
    };
    let count = outbox::report_dead(sql, reported, now)? + inbox::report_dead(sql, reported, now)?;
    let actions = outbox::reported_dead(sql, now, MAX_LISTED)?;
    let actions = actions.into_iter().map(|dead| {
        let (event, rule, kind) = (dead.event, dead.rule, dead.kind);
        let reason = reason(dead.reason);
        format!("event {event}, rule {rule}, {kind}: {reason}")
    });
    let decisions = inbox::reported_dead(sql, now, MAX_LISTED)?;
    let decisions = decisions.into_iter().map(|(event, why)| {
        let reason = reason(why);
        format!("event {event} could not be decided: {reason}")
    });
    Ok((count, decisions.chain(actions).collect()))
}
