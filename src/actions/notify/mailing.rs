//! Emails to several people: one to each, and one that is refused does not stop the others.
//!
//! Who gets one is looked up once and stored before the first email, and so is whom it was sent to, so that an attempt after
//! a crash repeats at most the one that was being sent, with the same id. An address that is refused for the moment is tried
//! again after the others.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::notify::mail::Mailer;
use crate::outbox::{self, Action, ActionResult, ClaimStatus};
use crate::template::MessageTemplates;

use super::super::attempt::{AttemptOutcome, Context};
use super::super::kind::PLAIN_DATA;
use super::super::message;
use super::audience::{self, Audience};
use super::contents::notification;
use super::log_instead;

/// The most emails that one attempt sends, so that a large room does not hold up other messages for long.
const EMAILS_AN_ATTEMPT: usize = 20;

/// The wait after an attempt that has sent emails, but not all that it tried to send.
const RETRY_WAIT: Duration = Duration::from_mins(1);

/// How far the emails of one notification are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mailing {
    /// The addresses that still get one, the next one first.
    waiting: VecDeque<String>,
    /// How many were sent.
    sent: usize,
    /// The addresses that were refused.
    refused: VecDeque<String>,
    /// Why the last of them was refused.
    refusal: Option<String>,
}

/// Sends the emails that were not sent yet.
pub(super) async fn mail(
    context: &Context<'_>,
    action: &Action,
    audiences: &[Audience],
    except: &[String],
    templates: &MessageTemplates,
) -> Result<AttemptOutcome, StoreError> {
    let Some(mailer) = &context.channels.mailer else {
        let people: Vec<String> = audiences.iter().map(ToString::to_string).collect();
        return log_instead(context, action, &people.join(", "), "SMTP_URL").await;
    };
    let mailing = match action.progress.as_deref().map(serde_json::from_str) {
        Some(Ok(mailing)) => mailing,
        Some(Err(_)) => return Ok(unknown_recipients()),
        None => match audience::addresses(context, action, audiences, except).await? {
            Ok(addresses) => Mailing {
                waiting: addresses.into(),
                ..Mailing::default()
            },
            Err(outcome) => return Ok(outcome),
        },
    };
    if mailing.store(context, action).await? == ClaimStatus::Lost {
        return Ok(AttemptOutcome::ClaimLost);
    }
    mailing.send(context, action, mailer, templates).await
}

/// The outcome if it is no longer known who has got an email. To look everybody up again would send second ones.
fn unknown_recipients() -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "recipients_unknown",
        reason: "who has been notified is unknown: events forget has erased it, or another version has stored it"
            .to_owned(),
        intent: None,
    }
}

impl Mailing {
    async fn store(
        &self,
        context: &Context<'_>,
        action: &Action,
    ) -> Result<ClaimStatus, StoreError> {
        let stored = serde_json::to_string(self).expect(PLAIN_DATA);
        let claim = action.claim;
        let write = context
            .db
            .write(move |sql| outbox::store_progress(sql, claim, &stored));
        write.await
    }

    async fn send(
        mut self,
        context: &Context<'_>,
        action: &Action,
        mailer: &Mailer,
        templates: &MessageTemplates,
    ) -> Result<AttemptOutcome, StoreError> {
        let notification = notification(context, action).await?.without_origin();
        let sent_before = self.sent;
        let mut failed = None;
        for _ in 0..self.waiting.len().min(EMAILS_AN_ATTEMPT) {
            let Some(to) = self.waiting.pop_front() else {
                break;
            };
            let id = message::message_id(context, action, &to);
            let email = notification.email_with(templates, id);
            let send = mailer.send(&email, &to, context.clock);
            match message::send(context, action, send).await {
                AttemptOutcome::Done(_) => self.sent += 1,
                AttemptOutcome::Dead { reason, .. } => {
                    self.refused.push_back(to);
                    self.refusal = Some(reason);
                }
                // A mailbox that is full for a while does not hold up the others.
                outcome @ AttemptOutcome::Retry { .. } => {
                    self.waiting.push_back(to);
                    failed = Some(outcome);
                }
                other => return Ok(other),
            }
            if self.store(context, action).await? == ClaimStatus::Lost {
                return Ok(AttemptOutcome::ClaimLost);
            }
        }
        if self.waiting.is_empty() {
            return self.end(context, action).await;
        }
        match failed {
            // Attempts that get nowhere are limited.
            Some(failed) if self.sent == sent_before => Ok(failed),
            failed => Ok(self.go_on(failed.map_or(Duration::ZERO, |_| RETRY_WAIT))),
        }
    }

    /// The outcome of an attempt that has sent some of the emails.
    fn go_on(&self, wait: Duration) -> AttemptOutcome {
        let (sent, left) = (self.sent, self.waiting.len());
        AttemptOutcome::Postponed {
            reason: format!("{sent} emails were sent, and {left} are left"),
            wait: Some(wait),
            intent: None,
        }
    }

    /// The outcome once every email was sent or refused.
    async fn end(
        mut self,
        context: &Context<'_>,
        action: &Action,
    ) -> Result<AttemptOutcome, StoreError> {
        let Some(refusal) = self.refusal.take() else {
            let note = match self.sent {
                0 => "nobody was notified: there is nobody whom the rule names, or none of them can see the room"
                    .to_owned(),
                1 => "1 email was sent".to_owned(),
                many => format!("{many} emails were sent"),
            };
            return Ok(AttemptOutcome::Done(ActionResult {
                note: Some(note),
                ..ActionResult::default()
            }));
        };
        let refused = self.refused.len();
        let reason = format!(
            "{refused} of {} emails were refused: {refusal}",
            refused + self.sent
        );
        // If a person retries the dead letter, only these are sent.
        self.waiting = std::mem::take(&mut self.refused);
        if self.store(context, action).await? == ClaimStatus::Lost {
            return Ok(AttemptOutcome::ClaimLost);
        }
        Ok(AttemptOutcome::Dead {
            code: "refused",
            reason,
            intent: None,
        })
    }
}
