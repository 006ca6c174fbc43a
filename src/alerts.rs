//! Alerts: tells the operator, by mail and in the chat, what needs a person.
//!
//! A [`AlertMonitor`] looks from time to time at what the others leave behind: dead letters in the store, a
//! portal that refuses the key, a webhook found switched off. So nobody waits for an alert, and nothing
//! has to remember to raise one. Messages that cannot be sent wait in memory and are tried again; the
//! loud lines of the log do not depend on them.

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
use crate::notify::chat::Chat;
use crate::notify::mail::Mailer;
use crate::outbox;

mod channel;
mod digest;

use channel::{AlertChannel, Way};
use digest::{Digest, Kind};

/// How often the watch looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// After this long, what another instance had to tell the operator has been told, or somebody else has
/// taken over its duty.
const TIME_TO_TELL: SignedDuration = SignedDuration::from_mins(1);

/// What an alert is told about one dead letter at the most, in characters.
const REASON_LENGTH: usize = 300;

/// Watches for what an operator must know.
#[derive(Debug)]
pub struct AlertMonitor {
    db: Db,
    portal: Arc<Client>,
    clock: Clock,
    /// Dead letters that were there at the last look, and what they are.
    dead: HashMap<DeadId, String>,
    /// Since when dead letters are known that another instance is to tell of.
    left_to_another: HashMap<DeadId, Timestamp>,
    digest: Digest,
    outlets: Vec<AlertChannel>,
}

/// One death of one action or event; after a replay it would be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum DeadId {
    Event(i64),
    Action(i64, u32),
}

/// The ways to the operator.
#[derive(Debug, Default)]
pub struct AlertRecipients {
    /// `OPERATOR_EMAIL`.
    pub addresses: Vec<String>,
    /// What mail is sent with; without it no address is told.
    pub mailer: Option<Mailer>,
    /// The chat is told, too.
    pub chat: Option<Chat>,
}

impl AlertMonitor {
    /// Begins to watch; what is dead already has been told of before.
    pub async fn begin(
        db: Db,
        portal: Arc<Client>,
        clock: Clock,
        operators: AlertRecipients,
    ) -> Result<Self, StoreError> {
        let dead = db.read(dead_letters).await?.into_iter().collect();
        let mailer = operators.mailer.map(Arc::new);
        let mut outlets: Vec<AlertChannel> = mailer
            .iter()
            .flat_map(|mailer| {
                let mail = |to| Way::Mail(Arc::clone(mailer), to);
                operators.addresses.iter().cloned().map(mail)
            })
            .map(AlertChannel::new)
            .collect();
        outlets.extend(operators.chat.map(Way::Chat).map(AlertChannel::new));
        Ok(Self {
            db,
            portal,
            clock,
            dead,
            left_to_another: HashMap::new(),
            digest: Digest::default(),
            outlets,
        })
    }

    /// Looks and tells until told to stop.
    pub async fn run(&mut self, stop: CancellationToken) {
        if self.outlets.is_empty() {
            stop.cancelled().await;
        }
        while !stop.is_cancelled() {
            self.turn().await;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Looks once, and sends what is due.
    pub async fn turn(&mut self) {
        if let Err(error) = self.look().await {
            let error: &dyn std::error::Error = &error;
            warn!(error, "looking for what the operator must know failed");
        }
        let now = self.clock.now();
        for message in self.digest.due(now) {
            for outlet in &mut self.outlets {
                outlet.push(message.clone());
            }
        }
        let host = self.portal.host();
        futures_util::future::join_all(
            self.outlets.iter_mut().map(|outlet| outlet.send(host, now)),
        )
        .await;
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let (dead, webhook_off) = self
            .db
            .read(|sql| Ok((dead_letters(sql)?, catch_up::webhook_is_off(sql)?)))
            .await?;
        if !instances::holds_role(&self.db, LeaderRole::Alerts).await? {
            self.stand_by(dead);
            return Ok(());
        }
        for (id, what) in &dead {
            if !self.dead.contains_key(id) {
                self.digest.note(Kind::DeadLetter, what.clone());
            }
        }
        self.dead = dead.into_iter().collect();
        self.left_to_another.clear();
        if self.dead.is_empty() {
            self.digest.well(Kind::DeadLetter);
        }
        let refused = self
            .portal
            .open_reason()
            .map(|why| why == OpenReason::KeyRefused);
        let state = [
            // While the portal is down or pauses, nobody knows about the key.
            (
                Kind::KeyRefused,
                refused.map_or(Some(false), |refused| refused.then_some(true)),
            ),
            (Kind::WebhookOff, Some(webhook_off)),
        ];
        for (kind, bad) in state {
            match bad {
                Some(true) => self.digest.begin(kind),
                Some(false) => self.digest.well(kind),
                None => {}
            }
        }
        Ok(())
    }
}

impl AlertMonitor {
    /// Notes what another instance tells the operator of; what that one may have had no time for is told
    /// when the duty comes here.
    fn stand_by(&mut self, dead: BTreeMap<DeadId, String>) {
        let now = self.clock.now();
        self.dead.retain(|id, _| dead.contains_key(id));
        self.left_to_another.retain(|id, _| dead.contains_key(id));
        for (id, what) in dead {
            let since = *self.left_to_another.entry(id).or_insert(now);
            if now.duration_since(since) > TIME_TO_TELL {
                self.dead.insert(id, what);
            }
        }
    }
}

fn dead_letters(sql: &Sql) -> Result<BTreeMap<DeadId, String>, SqlError> {
    let reason = |reason: Option<String>| {
        let reason = reason.unwrap_or_else(|| "for no known reason".to_owned());
        crate::notify::mail::one_line(&reason, REASON_LENGTH)
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
