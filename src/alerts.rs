//! Alerts: notifies the operator, by email and chat, of problems that need a person.
//!
//! An [`AlertMonitor`] polls for problems: dead letters in the store, a refused API key, a disabled webhook,
//! a channel that is out of use.
//! No other code waits for an alert or has to raise one. Alerts that cannot be sent wait in memory and are
//! retried. The store knows which alerts were sent, so a restart neither repeats nor loses one, and a problem counts as
//! resolved only once that is seen. The warnings and errors in the log do not depend on alerts.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::catch_up;
use crate::clock::Clock;
use crate::db::{Db, Sql, StoreError};
use crate::docspace::{Client, OpenReason};
use crate::instances::{self, LeaderRole};
use crate::notify::chat::Chat;
use crate::notify::mail::Mailer;
use crate::notify::{Channels, Locale, LocaleSource};
use crate::telemetry::ErrorChain;

mod channel;
mod dead_letters;
mod digest;
mod outages;
mod progress;

use channel::{AlertChannel, Recipient};
use digest::{AlertDigest, AlertKind};
use outages::OutageWatch;
use progress::SentAlerts;

/// Time between two scans.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

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
    locale: LocaleSource,
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
            locale: watched.locale.clone(),
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
        self.send().await;
        if let Err(error) = self.store_progress().await {
            warn!(error = %ErrorChain(&error), "alerts that were sent may be repeated after a restart");
        }
    }

    async fn send(&mut self) {
        if self.channels.iter().all(AlertChannel::is_empty) {
            return;
        }
        let Locale { language, .. } = self.locale.get(&self.portal, &self.clock).await;
        let host = self.portal.host();
        let channels = self.channels.iter_mut();
        let sends = channels.map(|channel| channel.send(host, language, &self.clock));
        futures_util::future::join_all(sends).await;
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
        self.scan_outages(now);
        let webhook_disabled = self.db.read(catch_up::webhook_is_disabled).await?;
        let key_refused = match self.portal.open_reason() {
            Some(OpenReason::KeyRefused) => Some(true),
            None if self.portal.has_accepted_key() => Some(false),
            // While the portal is down or asks for a pause, and before its first response, this is unknown.
            _ => None,
        };
        for (kind, persists) in [
            (AlertKind::KeyRefused, key_refused),
            (AlertKind::WebhookDisabled, Some(webhook_disabled)),
        ] {
            match persists {
                Some(true) => self.digest.raise(kind),
                Some(false) => self.digest.resolve(kind),
                None => {}
            }
        }
        Ok(())
    }

    /// Like dead letters, outages are reported when an alert may be sent.
    fn scan_outages(&mut self, now: Timestamp) {
        self.outages.forget_recovered();
        if self.digest.may_send(AlertKind::ChannelDown, now) {
            let outages = self.outages.new_outages(now);
            self.digest
                .record(AlertKind::ChannelDown, outages.len(), outages);
        }
        if self.outages.reported.is_empty() {
            self.digest.resolve(AlertKind::ChannelDown);
        }
    }

    /// Reports dead letters when an alert may be sent, and not when they are found: a process that ends before
    /// that has not reported them.
    async fn scan_dead_letters(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let reported = self.digest.open_since(AlertKind::DeadLetter);
        let reported = reported.unwrap_or(Timestamp::UNIX_EPOCH);
        let read = move |sql: &Sql| {
            let unreported = dead_letters::unreported_exist(sql, reported)?;
            Ok((dead_letters::exist(sql)?, unreported))
        };
        let (any, unreported) = self.db.read(read).await?;
        if !any {
            self.digest.resolve(AlertKind::DeadLetter);
        } else if unreported && self.digest.may_send(AlertKind::DeadLetter, now) {
            let report = move |sql: &Sql| dead_letters::report(sql, reported, now);
            let (count, texts) = self.db.write(report).await?;
            self.digest.record(AlertKind::DeadLetter, count, texts);
        }
        Ok(())
    }

    /// Continues where the last leader stopped. What it did not store was not accepted by every recipient.
    async fn load_progress(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let sent = self.db.read(SentAlerts::load).await?;
        for kind in AlertKind::ALL {
            // A time ahead was stored before the clock stepped back.
            let sent_at = sent.sent_at(kind).map(|at| at.min(now));
            self.digest.restore(kind, sent_at);
        }
        self.outages.reported.clone_from(&sent.channels);
        self.stored = Some(sent);
        Ok(())
    }

    /// Stores which alerts were sent, once no recipient waits for one.
    async fn store_progress(&mut self) -> Result<(), StoreError> {
        let sent_at = |kind| self.digest.open_since(kind);
        let progress = SentAlerts::new(sent_at, self.outages.reported.clone());
        let is_new = self.stored.as_ref().is_some_and(|it| *it != progress);
        if is_new && self.channels.iter().all(AlertChannel::is_empty) {
            let to_store = progress.clone();
            self.db.write(move |sql| to_store.save(sql)).await?;
            self.stored = Some(progress);
        }
        Ok(())
    }
}
