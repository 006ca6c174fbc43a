//! The portal's delivery log: what DocSpace tried to deliver and could not.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::docspace::{self, LogRow, WebhookConfig};
use crate::event::Event;
use crate::ids::{EventId, WebhookId};
use crate::inbox::{self, Source};
use crate::signature::{self, SIGNATURE_HEADER};
use crate::telemetry::ErrorChain;
use crate::webhook::WEBHOOK_PATH;

use super::{CatchUp, CatchUpError, CatchUpReport};

/// How far before the last reading the next one goes: a series of attempts against a receiver that
/// hangs takes ten minutes (docs/DOCSPACE.md 1.5).
pub(super) const REACH_BACK: SignedDuration = SignedDuration::from_mins(15);

/// How long DocSpace goes on trying by itself: 31 s of waits, and some time for the attempts.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(35);

/// Rows that two pages share, so that rows which leave the list between two reads are noticed.
const OVERLAP: usize = 10;

/// How often a reading begins again because the list moved under it.
const READINGS: usize = 5;

/// Which of the portal's webhooks are ours: those that have delivered to us, and those that point at a
/// path like ours. Only when there are none, whose deliveries were signed with our secret.
pub(super) async fn ours(
    context: &CatchUp,
    webhooks: &[WebhookConfig],
    seen: &[WebhookId],
) -> Result<Vec<WebhookConfig>, docspace::Error> {
    let ours: Vec<WebhookConfig> = webhooks
        .iter()
        .filter(|webhook| seen.contains(&webhook.id) || webhook.has_path(WEBHOOK_PATH))
        .cloned()
        .collect();
    if !ours.is_empty() {
        return Ok(ours);
    }
    let mut signed = Vec::new();
    for webhook in webhooks {
        let page = context.portal.undelivered_page(webhook.id, 0).await?;
        if page.rows.iter().any(|row| is_signed_by_us(context, row)) {
            signed.push(webhook.clone());
        }
    }
    Ok(signed)
}

fn is_signed_by_us(context: &CatchUp, row: &LogRow) -> bool {
    let value = row.header(SIGNATURE_HEADER);
    let body = row.request_payload.as_bytes();
    signature::verify(&context.secrets, value.as_deref().map(str::as_bytes), body).is_ok()
}

/// Puts what was not delivered to a webhook since this time into the inbox.
pub(super) async fn fetch(
    context: &CatchUp,
    webhook: WebhookId,
    since: Timestamp,
    now: Timestamp,
    report: &mut CatchUpReport,
) -> Result<(), CatchUpError> {
    let mut seen = HashSet::new();
    for _ in 0..READINGS {
        if read_once(context, webhook, since, now, &mut seen, report).await? == Reading::Whole {
            return Ok(());
        }
    }
    warn!(
        webhook.id = webhook.0,
        "the delivery log kept moving while it was read; the next turn goes on"
    );
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    /// Rows left the list between two pages; some may have been missed.
    Moved,
}

async fn read_once(
    context: &CatchUp,
    webhook: WebhookId,
    since: Timestamp,
    now: Timestamp,
    seen: &mut HashSet<EventId>,
    report: &mut CatchUpReport,
) -> Result<Reading, CatchUpError> {
    let mut start = 0;
    let mut last_of_page: Option<EventId> = None;
    loop {
        let page = context.portal.undelivered_page(webhook, start).await?;
        let Some(last) = page.rows.last() else {
            return Ok(Reading::Whole);
        };
        if let Some(expected) = last_of_page
            && !page.rows.iter().any(|row| row.id == expected)
        {
            return Ok(Reading::Moved);
        }
        let reached = last.creation_time.is_some_and(|created| created < since);
        let last_id = last.id;
        let rows = page.rows.len();
        let end = start + rows as u64;
        let whole = reached
            || last_of_page == Some(last_id)
            || page.total.is_some_and(|total| end >= total);
        let new: Vec<LogRow> = page
            .rows
            .into_iter()
            .filter(|row| row.creation_time.is_none_or(|created| created >= since))
            .filter(|row| seen.insert(row.id))
            .collect();
        store(context, webhook, new, now, report).await?;
        if whole {
            return Ok(Reading::Whole);
        }
        last_of_page = Some(last_id);
        start += rows.saturating_sub(OVERLAP).max(1) as u64;
    }
}

async fn store(
    context: &CatchUp,
    webhook: WebhookId,
    rows: Vec<LogRow>,
    now: Timestamp,
    report: &mut CatchUpReport,
) -> Result<(), CatchUpError> {
    report.undelivered += rows.len();
    let portal_now = context.portal.to_portal_time(now);
    let (under_way, given_up): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| is_under_way(row, portal_now));
    report.under_way += under_way.len();
    let events: Vec<(Event, Vec<u8>)> = given_up
        .into_iter()
        .filter_map(|row| read_event(webhook, row))
        .collect();
    report.fetched += context
        .db
        .write(move |sql| {
            let mut fetched = 0;
            for (event, body) in &events {
                fetched +=
                    usize::from(inbox::insert(sql, event, body, Source::Log, now)?.is_some());
            }
            Ok(fetched)
        })
        .await?;
    Ok(())
}

/// Whether DocSpace may still deliver the row itself: it has no result yet, and is recent.
fn is_under_way(row: &LogRow, portal_now: Timestamp) -> bool {
    let has_result = row.status != 0
        || row
            .response_payload
            .as_deref()
            .is_some_and(|text| !text.is_empty());
    let is_recent = row
        .creation_time
        .is_some_and(|created| portal_now.duration_since(created) < UNDER_WAY);
    !has_result && is_recent
}

/// The event of a row. The row's id is the event's: the stored body may lack it, or have that of the
/// delivery it was retried from (docs/DOCSPACE.md 1.2, 8).
fn read_event(webhook: WebhookId, row: LogRow) -> Option<(Event, Vec<u8>)> {
    match Event::parse(row.request_payload.as_bytes()) {
        Ok(event) => {
            let event = Event {
                webhook: Some(webhook),
                id: Some(row.id),
                ..event
            };
            Some((event, row.request_payload.into_bytes()))
        }
        Err(error) => {
            warn!(event.docspace_id = row.id.0, error = %ErrorChain(&error), "a row of the delivery log cannot be read");
            None
        }
    }
}
