//! Reads the portal's log of deliveries: the events that DocSpace tried in vain to deliver.

use std::collections::HashSet;

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

/// Rows that each page repeats from the one before, so that a few rows that leave the list in between cost no
/// page.
const PAGE_OVERLAP: u64 = 10;

/// Rows of a page, at most.
const PAGE: u64 = 100;

/// Most pages in a row with only rows that were read before. The list grows faster than it is read, or the
/// portal ignores the position.
const MAX_REPEATED_PAGES: usize = 20;

/// How far the portal's offset from UTC can move the times in the log (docs/DOCSPACE.md 8).
const MAX_OFFSET: SignedDuration = SignedDuration::from_hours(14);

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

/// Finds our webhooks: those that have delivered to this service, and others with an address of theirs. If there
/// are none, those whose address has our path, which other receivers may have too; and if there are none of those,
/// those whose deliveries are signed with one of our secrets.
pub(super) async fn own_webhooks(
    portal: &Client,
    secrets: &[WebhookSecret],
    webhooks: &[WebhookConfig],
    delivered: &[WebhookId],
) -> Result<Vec<WebhookConfig>, docspace::Error> {
    let known: Vec<&WebhookConfig> = webhooks
        .iter()
        .filter(|webhook| delivered.contains(&webhook.id))
        .collect();
    let is_own = |webhook: &&WebhookConfig| {
        if known.is_empty() {
            webhook.has_path(WEBHOOK_PATH)
        } else {
            let mut known = known.iter();
            known.any(|known| known.id == webhook.id || known.sends_to(&webhook.uri))
        }
    };
    let own: Vec<WebhookConfig> = webhooks.iter().filter(is_own).cloned().collect();
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
    reader.read().await?;
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

impl LogReader<'_> {
    /// Reads the rows from the newest to those that are too old. The rows are in the order of their ids, so a
    /// page that begins below the lowest id that was read shows that rows left the list, and that some may have
    /// been skipped; then the reading goes back.
    async fn read(&mut self) -> Result<(), CatchUpError> {
        let log = self.portal.delivery_log();
        let mut start = 0;
        let mut lowest: Option<EventId> = None;
        let mut repeated_pages = 0;
        loop {
            let page = log.undelivered_page(self.webhook, start).await?;
            let (end, is_last) = (page.end(), page.is_last());
            let rows = page.content;
            let is_connected = match (rows.first(), lowest) {
                (_, None) => true,
                (Some(first), Some(lowest)) => first.id >= lowest,
                (None, Some(_)) => false,
            };
            if !is_connected && start > 0 {
                start = start.saturating_sub(PAGE);
                continue;
            }
            let last = rows.last().map(|row| row.id);
            let is_old = rows.iter().all(|row| !self.is_in_time(row));
            self.store(rows).await?;
            if is_last || is_old {
                return Ok(());
            }
            if last >= lowest && lowest.is_some() {
                repeated_pages += 1;
                if repeated_pages >= MAX_REPEATED_PAGES {
                    return Err(CatchUpError::LogKeepsGrowing);
                }
            } else {
                repeated_pages = 0;
                lowest = last;
            }
            start = end.saturating_sub(PAGE_OVERLAP).max(start + 1);
        }
    }

    /// Whether a row belongs to the time that is read.
    fn is_in_time(&self, row: &LogRow) -> bool {
        match (happened_at(row), row.creation_time) {
            (Some(happened_at), _) => happened_at >= self.since,
            (None, Some(created)) => created >= self.since - MAX_OFFSET,
            (None, None) => true,
        }
    }

    /// Stores the rows that belong to the time that is read and were not seen yet.
    async fn store(&mut self, rows: Vec<LogRow>) -> Result<(), CatchUpError> {
        let mut rows = rows;
        rows.retain(|row| self.is_in_time(row) && !self.seen.contains(&row.id));
        self.seen.extend(rows.iter().map(|row| row.id));
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
                fetched += usize::from(stored.is_new());
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
    let is_recent =
        happened_at(row).is_some_and(|created| portal_now.duration_since(created) < RETRY_PERIOD);
    !has_result && is_recent
}

/// When the event of a row happened. The body says it; the time of the row itself is wrong by the portal's
/// offset from UTC with `MySQL` (docs/DOCSPACE.md 8).
fn happened_at(row: &LogRow) -> Option<Timestamp> {
    Event::parse(row.request_payload.as_bytes())
        .ok()?
        .happened_at
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
