//! Alerts: notifies the operator, by email and chat, of problems that need a person.
//!
//! An [`AlertMonitor`] polls for problems: dead letters in the store, a refused API key, a disabled webhook,
//! a channel that is out of use.
//! No other code waits for an alert or has to raise one. Alerts that cannot be sent wait in memory and are
//! retried; the warnings and errors in the log do not depend on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::db::{Sql, SqlError};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::catch_up;
use crate::clock::Clock;
use crate::db::{Db, StoreError};
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

use channel::{AlertChannel, Recipient};
use digest::{Digest, Kind};
use outages::OutageWatch;

/// Time between two scans.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// Grace period after which this instance assumes that the leader has reported a dead letter.
const LEADER_GRACE: SignedDuration = SignedDuration::from_mins(1);

/// The longest reason of one dead letter in an alert, in characters.
const REASON_LENGTH: usize = 300;

/// Polls for problems and sends alerts.
#[derive(Debug)]
pub struct AlertMonitor {
    db: Db,
    portal: Arc<Client>,
    clock: Clock,
    /// Dead letters that need no alert any more, with their descriptions.
    reported: HashMap<DeadId, String>,
    /// When this instance first saw dead letters that the leader is to report.
    seen_as_standby: HashMap<DeadId, Timestamp>,
    digest: Digest,
    outages: OutageWatch,
    channels: Vec<AlertChannel>,
}

/// A dead letter; after a replay it would get another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum DeadId {
    Event(i64),
    Action(i64, u32),
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
    /// Starts monitoring the store, the portal and the `watched` channels. Dead letters that exist already were reported before.
    pub async fn start(
        db: Db,
        portal: Arc<Client>,
        clock: Clock,
        watched: Channels,
        recipients: AlertRecipients,
    ) -> Result<Self, StoreError> {
        let dead = db.read(dead_letters).await?.into_iter().collect();
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
        Ok(Self {
            db,
            portal,
            clock,
            reported: dead,
            seen_as_standby: HashMap::new(),
            digest: Digest::default(),
            outages: OutageWatch::new(watched),
            channels,
        })
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
        if let Err(error) = self.scan().await {
            warn!(error = %ErrorChain(&error), "scanning for alerts failed");
        }
        let now = self.clock.now();
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
    }

    async fn scan(&mut self) -> Result<(), StoreError> {
        let (dead, webhook_off) = self
            .db
            .read(|sql| Ok((dead_letters(sql)?, catch_up::webhook_is_off(sql)?)))
            .await?;
        if !instances::holds_role(&self.db, LeaderRole::Alerts).await? {
            self.note_as_standby(dead);
            return Ok(());
        }
        for (id, what) in &dead {
            if !self.reported.contains_key(id) {
                self.digest.record(Kind::DeadLetter, what.clone());
            }
        }
        self.reported = dead.into_iter().collect();
        self.seen_as_standby.clear();
        if self.reported.is_empty() {
            self.digest.resolve(Kind::DeadLetter);
        }
        for outage in self.outages.new_outages(self.clock.now()) {
            self.digest.record(Kind::ChannelDown, outage);
        }
        if self.outages.all_resolved() {
            self.digest.resolve(Kind::ChannelDown);
        }
        let refused = self
            .portal
            .open_reason()
            .map(|why| why == OpenReason::KeyRefused);
        let state = [
            // While the portal is down or asks for a pause, the state of the key is unknown.
            (
                Kind::KeyRefused,
                refused.map_or(Some(false), |refused| refused.then_some(true)),
            ),
            (Kind::WebhookOff, Some(webhook_off)),
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

    /// Remembers dead letters that the leader is to report. Those it may not have reported yet are reported
    /// here if this instance becomes the leader.
    fn note_as_standby(&mut self, dead: BTreeMap<DeadId, String>) {
        let now = self.clock.now();
        self.reported.retain(|id, _| dead.contains_key(id));
        self.seen_as_standby.retain(|id, _| dead.contains_key(id));
        for (id, what) in dead {
            let since = *self.seen_as_standby.entry(id).or_insert(now);
            if now.duration_since(since) > LEADER_GRACE {
                self.reported.insert(id, what);
            }
        }
    }
}

fn dead_letters(sql: &Sql) -> Result<BTreeMap<DeadId, String>, SqlError> {
    let reason = |reason: Option<String>| {
        let reason = reason.unwrap_or_else(|| "unknown reason".to_owned());
        without_links(&mail::one_line(&reason, REASON_LENGTH))
    };
    let actions = outbox::dead_letters(sql)?.into_iter().map(|dead| {
        let id = DeadId::Action(dead.claim.action.0, dead.claim.attempt);
        let what = format!(
            "event {}, rule {}, {}: {}",
            dead.event,
            dead.rule,
            dead.kind,
            reason(dead.reason)
        );
        (id, what)
    });
    let decisions = inbox::dead_decisions(sql)?.into_iter().map(|(event, why)| {
        let what = format!("event {event} could not be decided: {}", reason(why));
        (DeadId::Event(event.0), what)
    });
    Ok(actions.chain(decisions).collect())
}
