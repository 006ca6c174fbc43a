//! Reads the portal's log of deliveries: the events that DocSpace tried in vain to deliver.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::db::Db;
use crate::docspace::{self, Client, LogRow, WebhookConfig};
use crate::event::Event;
use crate::ids::{EventId, WebhookId};
use crate::inbox::{self, Source};
use crate::signature::{self, SIGNATURE_HEADER, WebhookSecret};
use crate::telemetry::ErrorChain;
use crate::webhook::WEBHOOK_PATH;

use super::error::CatchUpError;

/// How far a reading goes back before the one before it: the attempts of a delivery take over ten minutes if
/// the receiver hangs (docs/DOCSPACE.md 1.5).
pub(super) const READING_OVERLAP: SignedDuration = SignedDuration::from_mins(15);

/// How long DocSpace itself retries a delivery: waits of 31 s, and some time for the attempts.
const RETRY_PERIOD: SignedDuration = SignedDuration::from_secs(35);

/// Rows that each page repeats from the one before, to notice rows that leave the list in between.
const PAGE_OVERLAP: u64 = 10;

/// How often a reading starts again because rows left the list.
const MAX_READINGS: usize = 5;

/// How many rows were read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowCounts {
    /// All rows in the time that was read.
    pub(super) undelivered: usize,
    /// Those that DocSpace may still deliver.
    pub(super) under_way: usize,
    /// Those that were new.
    pub(super) fetched: usize,
}

/// Finds our webhooks: those that have delivered to this service, and those whose address has our path. If
/// there are none, those whose deliveries are signed with one of our secrets.
pub(super) async fn own_webhooks(
    portal: &Client,
    secrets: &[WebhookSecret],
    webhooks: &[WebhookConfig],
    delivered: &[WebhookId],
) -> Result<Vec<WebhookConfig>, docspace::Error> {
    let own: Vec<WebhookConfig> = webhooks
        .iter()
        .filter(|webhook| delivered.contains(&webhook.id) || webhook.has_path(WEBHOOK_PATH))
        .cloned()
        .collect();
    if !own.is_empty() {
        return Ok(own);
    }
    let mut signed = Vec::new();
    for webhook in webhooks {
        let rows = portal.delivery_log().undelivered(webhook.id).await?;
        if rows.iter().any(|row| has_own_signature(secrets, row)) {
            signed.push(webhook.clone());
        }
    }
    Ok(signed)
}

fn has_own_signature(secrets: &[WebhookSecret], row: &LogRow) -> bool {
    let signature = row.header(SIGNATURE_HEADER);
    let body = row.request_payload.as_bytes();
    signature::verify(secrets, signature.as_deref().map(str::as_bytes), body).is_ok()
}

/// Stores in the inbox what was not delivered to a webhook since this time of the portal's clock.
pub(super) async fn fetch(
    db: &Db,
    portal: &Client,
    webhook: WebhookId,
    since: Timestamp,
    now: Timestamp,
) -> Result<RowCounts, CatchUpError> {
    let mut reader = LogReader {
        db,
        portal,
        webhook,
        since,
        now,
        seen: HashSet::new(),
        counts: RowCounts::default(),
    };
    for _ in 0..MAX_READINGS {
        if reader.read().await? == Reading::Complete {
            return Ok(reader.counts);
        }
    }
    warn!(
        webhook.id = webhook.0,
        "the delivery log changed during each reading; the next run reads it again"
    );
    Ok(reader.counts)
}

/// A reading of the log of one webhook.
struct LogReader<'a> {
    db: &'a Db,
    portal: &'a Client,
    webhook: WebhookId,
    since: Timestamp,
    now: Timestamp,
    seen: HashSet<EventId>,
    counts: RowCounts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Complete,
    /// Rows left the list between two pages, so some may be missing.
    Interrupted,
}

impl LogReader<'_> {
    async fn read(&mut self) -> Result<Reading, CatchUpError> {
        let log = self.portal.delivery_log();
        let mut pages = pin!(log.undelivered_pages(self.webhook, PAGE_OVERLAP));
        let mut last_of_page: Option<EventId> = None;
        while let Some(page) = pages.try_next().await? {
            let rows = page.content;
            let Some(last) = rows.last() else { break };
            if let Some(expected) = last_of_page
                && !rows.iter().any(|row| row.id == expected)
            {
                return Ok(Reading::Interrupted);
            }
            let is_old = last
                .creation_time
                .is_some_and(|created| created < self.since);
            let is_repeated = last_of_page == Some(last.id);
            last_of_page = Some(last.id);
            self.store(rows).await?;
            if is_old || is_repeated {
                break;
            }
        }
        Ok(Reading::Complete)
    }

    /// Stores the rows that belong to the time that is read and were not seen yet.
    async fn store(&mut self, rows: Vec<LogRow>) -> Result<(), CatchUpError> {
        let since = self.since;
        let mut rows = rows;
        rows.retain(|row| {
            row.creation_time.is_none_or(|created| created >= since) && self.seen.insert(row.id)
        });
        self.counts.undelivered += rows.len();
        let portal_now = self.portal.to_portal_time(self.now);
        let (under_way, given_up): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| is_under_way(row, portal_now));
        self.counts.under_way += under_way.len();
        let events: Vec<(Event, Vec<u8>)> = given_up
            .into_iter()
            .filter_map(|row| read_event(self.webhook, row))
            .collect();
        let now = self.now;
        let write = self.db.write(move |sql| {
            let mut fetched = 0;
            for (event, body) in &events {
                let stored = inbox::insert(sql, event, body, Source::Log, now)?;
                fetched += usize::from(stored.is_some());
            }
            Ok(fetched)
        });
        self.counts.fetched += write.await?;
        Ok(())
    }
}

/// Whether DocSpace may still deliver the row itself: it has no result yet and is recent.
fn is_under_way(row: &LogRow, portal_now: Timestamp) -> bool {
    let has_result = row.status != 0
        || row
            .response_payload
            .as_deref()
            .is_some_and(|text| !text.is_empty());
    let is_recent = row
        .creation_time
        .is_some_and(|created| portal_now.duration_since(created) < RETRY_PERIOD);
    !has_result && is_recent
}

/// The event of a row. The id of the row is that of the event; the stored body may lack it, or have that of
/// the delivery that was retried (docs/DOCSPACE.md 1.2, 8).
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
