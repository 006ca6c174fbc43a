//! Rehearsal: compares a real portal with docs/DOCSPACE.md.
//!
//! In a room of its own, or in a folder of its own in a given room, a rehearsal uploads, copies and moves files,
//! receives its own deliveries and reads their log. It changes nothing that it did not create
//! (`rehearsal/session.rs`), and removes all of it at the end. What a killed rehearsal leaves is removed by the
//! next one of the same account (`rehearsal/leftovers.rs`).

use std::net::SocketAddr;

use serde::Serialize;

use crate::docspace::{Client, Exchanges, WebhookSettings, triggers};
use crate::ids::{FolderId, WebhookId};
use crate::signature::WebhookSecret;

mod claim;
mod deliveries;
mod events;
mod evidence;
mod leftovers;
mod operations;
mod redaction;
mod session;

pub use claim::{Claim, Verdict};
pub use evidence::Record;
pub use session::Stop;

use deliveries::Receiver;
use leftovers::Leftover;
use session::Session;

/// The triggers of the rehearsal's webhook.
const TRIGGERS: [&str; 4] = ["file.created", "file.uploaded", "file.copied", "file.moved"];

/// Where a rehearsal happens, and how the portal reaches it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The room in which it creates a folder; `None` to create a room.
    pub room: Option<FolderId>,
    /// How it receives deliveries; `None` to do without.
    pub receiver: Option<ReceiverOptions>,
}

/// How a rehearsal receives deliveries.
#[derive(Clone, Debug)]
pub struct ReceiverOptions {
    /// The address to which the portal sends.
    pub url: String,
    /// The address at which this process listens.
    pub listen: SocketAddr,
}

/// A rehearsal that has changed nothing yet.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    client: &'a Client,
    options: Options,
    token: String,
    account: String,
    version: Option<String>,
    leftovers: Vec<Leftover>,
}

/// How a rehearsal ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The portal's version, as far as it says.
    pub version: Option<String>,
    /// Every claim, and what became of it.
    pub verdicts: Vec<(Claim, Verdict)>,
    /// Why it stopped early.
    pub stopped: Option<String>,
    /// What could not be removed, and why.
    pub left: Vec<String>,
    /// What was called and received, without data of the portal.
    pub evidence: Vec<Record>,
}

impl Outcome {
    /// How many claims have such a verdict.
    pub fn count(&self, is_counted: impl Fn(&Verdict) -> bool) -> usize {
        let verdicts = self.verdicts.iter();
        verdicts.filter(|(_, verdict)| is_counted(verdict)).count()
    }

    /// Whether no claim differs, nothing stopped it and nothing is left.
    pub fn is_success(&self) -> bool {
        let differing = self.count(|verdict| matches!(verdict, Verdict::Differs(_)));
        differing == 0 && self.stopped.is_none() && self.left.is_empty()
    }
}

impl<'a> Rehearsal<'a> {
    /// Reads what is needed to say beforehand what a rehearsal will do.
    pub async fn prepare(client: &'a Client, options: Options) -> Result<Self, Stop> {
        let portal = client.exchanges();
        let account = portal.account().await?;
        let (status, what) = (account.status, "read the account of the key");
        let account = account.response()["id"].as_str().map(str::to_owned);
        let account = account.ok_or(Stop::Refused { what, status })?;
        let leftovers = leftovers::find(portal, &account, options.room.as_ref()).await?;
        Ok(Self {
            client,
            version: version(portal).await,
            token: format!("{:08x}", fastrand::u32(..)),
            account,
            options,
            leftovers,
        })
    }

    /// What it will do, in sentences.
    pub fn plan(&self) -> Vec<String> {
        let title = leftovers::title_of(&self.token);
        let mut plan = vec![match &self.options.room {
            None => format!("Create the room “{title}”, and work in it only."),
            Some(room) => {
                format!("Create the folder “{title}” in room {room}, and work in it only.")
            }
        }];
        plan.push("Upload, comment, copy and move small text files in it.".to_owned());
        match &self.options.receiver {
            Some(receiver) => plan.push(format!(
                "Create the webhook “{title}”, which sends {} of the whole portal to {}. What is not about the \
                 files of this rehearsal is answered and forgotten.",
                TRIGGERS.join(", "),
                receiver.url
            )),
            None => plan.push("Receive no deliveries, as there is no --url.".to_owned()),
        }
        for leftover in &self.leftovers {
            let name = leftover.name();
            plan.push(format!("Remove {name}, which an earlier rehearsal left."));
        }
        plan.push(
            "Remove all of it again. That takes 18 writes of the day's limit, and some dozens of reads.".to_owned(),
        );
        plan
    }

    /// Rehearses. If it is interrupted, it still removes what it created.
    pub async fn run(self, interrupted: impl Future<Output = ()>) -> Outcome {
        let portal = self.client.exchanges();
        let mut session = Session::new(portal, self.token.clone(), self.account.clone());
        let mut no_deliveries = None;
        let work = async {
            for leftover in &self.leftovers {
                leftovers::remove(self.client, &self.account, leftover).await?;
            }
            self.work(&mut session, &mut no_deliveries).await
        };
        let ended = tokio::select! {
            ended = work => ended,
            () = interrupted => Err(Stop::Interrupted),
        };
        let stopped = ended.err().map(|stop| stop.to_string());
        let left = self.clean_up().await;
        let reason = no_deliveries.unwrap_or_else(|| {
            "it needs an address at which the portal reaches this command (--url)".to_owned()
        });
        let verdicts = Claim::ALL.map(|claim| {
            let decided = session.verdicts.remove(&claim);
            let verdict = decided.unwrap_or_else(|| {
                Verdict::NotTried(match &stopped {
                    Some(_) => "the rehearsal stopped before".to_owned(),
                    None if claim.needs_deliveries() => reason.clone(),
                    None => "what it is about did not happen".to_owned(),
                })
            });
            (claim, verdict)
        });
        Outcome {
            version: self.version,
            verdicts: verdicts.into(),
            stopped,
            left,
            evidence: session.evidence.records,
        }
    }

    async fn work(
        &self,
        session: &mut Session<'_>,
        no_deliveries: &mut Option<String>,
    ) -> Result<(), Stop> {
        let title = leftovers::title_of(&self.token);
        let (created, what) = match &self.options.room {
            None => (session.portal.create_room(&title).await, "create a room"),
            Some(room) => (
                session.portal.create_folder(room, &title).await,
                "create a folder in the room",
            ),
        };
        let created = session.record(created)?;
        let scratch = session.adopt_folder(&created, &title, what)?;
        let receiver = match self.receive(&title).await {
            None => None,
            Some(Ok(receiver)) => Some(receiver),
            Some(Err(reason)) => {
                *no_deliveries = Some(reason);
                None
            }
        };
        let done = operations::try_all(session, &scratch).await?;
        if let Some((receiver, webhook)) = &receiver {
            *no_deliveries = Some("the delivery that it is about did not arrive".to_owned());
            events::try_all(session, receiver, *webhook, &done).await?;
        }
        Ok(())
    }

    /// Creates the webhook and listens for its deliveries; `None` if that is not wanted. An error is a reason why
    /// nothing can be received.
    async fn receive(&self, name: &str) -> Option<Result<(Receiver, WebhookId), String>> {
        let options = self.options.receiver.as_ref()?;
        let secret = WebhookSecret::new(random_secret());
        let receiver = match Receiver::listen(options.listen, secret.clone(), &self.token) {
            Ok(receiver) => receiver,
            Err(error) => {
                return Some(Err(format!("cannot listen on {}: {error}", options.listen)));
            }
        };
        let settings = WebhookSettings {
            name: name.to_owned(),
            url: options.url.clone(),
            triggers: TRIGGERS.iter().map(|name| triggers::bit(name)).sum(),
            enabled: true,
            secret: Some(secret),
        };
        let created = self.client.webhooks().create(&settings).await;
        Some(match created {
            Ok(webhook) => Ok((receiver, webhook.id)),
            Err(error) => Err(format!("the webhook could not be created: {error}")),
        })
    }

    /// Removes everything that rehearsals of this account created; returns what stays, and why.
    async fn clean_up(&self) -> Vec<String> {
        let (portal, room) = (self.client.exchanges(), self.options.room.as_ref());
        let found = match leftovers::find(portal, &self.account, room).await {
            Ok(found) => found,
            Err(stop) => {
                let title = leftovers::title_of(&self.token);
                return vec![format!(
                    "perhaps “{title}”, as it could not be looked for: {stop}"
                )];
            }
        };
        let mut left = Vec::new();
        for leftover in found {
            if let Err(stop) = leftovers::remove(self.client, &self.account, &leftover).await {
                left.push(format!("{}: {stop}", leftover.name()));
            }
        }
        left
    }
}

async fn version(portal: Exchanges<'_>) -> Option<String> {
    let version = portal.version().await.ok()?;
    Some(version.response()["docSpace"].as_str()?.to_owned())
}

/// A secret for the minutes of a rehearsal. It satisfies the strictest password policy (docs/DOCSPACE.md 1.8).
fn random_secret() -> String {
    let random: String = (0..20).map(|_| fastrand::alphanumeric()).collect();
    format!("Rh7-{random}")
}
