//! Reads the files to which rules are applied, page by page, and lets the rules decide.

use tracing::warn;

use crate::db::{Db, StoreError};
use crate::docspace::{Client, Error, ErrorClass, FileInfo};
use crate::event::Event;
use crate::facts::{FactError, FactFinder, SharedLookups};
use crate::ids::FolderId;
use crate::list_position::{ListOrder, ListPosition, NextPage};
use crate::outbox;
use crate::rules::{Decision, Facts, RuleSet};
use crate::telemetry::ErrorChain;

use super::progress::{Counts, Cursor};
use super::request::BackfillRequest;

/// Why files cannot be read or decided.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A call to the portal failed.
    #[error("cannot list the files to apply rules to")]
    Portal(#[from] Error),
    /// The portal did not answer a question of a rule.
    #[error("a rule cannot be evaluated: {0}")]
    Facts(String),
    /// The store failed.
    #[error("the store cannot be read or written")]
    Store(#[from] StoreError),
}

/// A file that rules apply to and that they have not handled.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) event: Event,
    /// The body that its delivery would have had.
    pub(super) body: Vec<u8>,
    /// The room that contains the file, if it is known.
    pub(super) room: Option<FolderId>,
    /// The decisions of the rules that plan something.
    pub(super) decisions: Vec<Decision>,
}

/// What one page contained.
#[derive(Debug, Default)]
pub(super) struct ScannedPage {
    pub(super) found: Vec<Found>,
    pub(super) counts: Counts,
    /// What follows; `None` at the end of the last place.
    pub(super) next: Option<Cursor>,
}

/// What files are read from and decided with.
pub(super) struct Scan<'a> {
    pub(super) db: &'a Db,
    pub(super) portal: &'a Client,
    pub(super) facts: &'a FactFinder,
    pub(super) rules: &'a RuleSet,
    pub(super) request: &'a BackfillRequest,
}

impl Scan<'_> {
    /// Reads the page at a position.
    pub(super) async fn page(&self, cursor: &Cursor) -> Result<ScannedPage, ScanError> {
        let Some(place) = self.request.places.get(cursor.place) else {
            return Ok(ScannedPage::default());
        };
        let next_place = Cursor {
            place: cursor.place + 1,
            ..Cursor::default()
        };
        let next_place = (next_place.place < self.request.places.len()).then_some(next_place);
        let start = cursor.position.start();
        let page = match self.portal.files().tree_page(place, start).await {
            Ok(page) => page,
            Err(error @ (Error::NotFound | Error::Forbidden)) => {
                warn!(folder.id = place.as_str(), error = %ErrorChain(&error), "a folder cannot be listed");
                return Ok(ScannedPage {
                    next: next_place,
                    ..ScannedPage::default()
                });
            }
            Err(error) => return Err(error.into()),
        };
        let step = cursor.position.after(&page, ListOrder::FirstCreatedFirst);
        let total = page.total().unwrap_or(0);
        let mut files = page.content.files;
        let next = match step {
            NextPage::On(_) if self.request.is_past(&files) => next_place,
            NextPage::Back(position) | NextPage::On(position) => Some(Cursor {
                place: cursor.place,
                position,
                seen: files.iter().map(|file| file.id.clone()).collect(),
            }),
            NextPage::End => next_place,
        };
        let mut scanned = ScannedPage {
            next,
            ..ScannedPage::default()
        };
        files.retain(|file| !cursor.seen.contains(&file.id));
        scanned.counts.pages = 1;
        scanned.counts.files = files.len() as u64;
        if cursor.position == ListPosition::default() {
            scanned.counts.total = total;
        }
        self.decide(files, &mut scanned).await?;
        Ok(scanned)
    }

    async fn decide(
        &self,
        files: Vec<FileInfo>,
        scanned: &mut ScannedPage,
    ) -> Result<(), ScanError> {
        let lookups = SharedLookups::default();
        for file in files.into_iter().filter(|file| self.request.includes(file)) {
            let (event, body) = Event::upload(
                &file.id,
                &file.folder,
                &file.title,
                file.updated,
                "it existed when rules were applied to existing files",
            );
            let (decisions, room) = {
                let mut facts = Facts::listed(&event, file);
                let decided = self
                    .facts
                    .evaluate(&lookups, &mut facts, |facts| self.rules.decide(facts));
                match decided.await {
                    Ok(decisions) => (decisions, self.facts.known_room(&facts)),
                    Err(error) if is_permanent(&error) => {
                        scanned.counts.undecided += 1;
                        continue;
                    }
                    Err(error) => return Err(ScanError::Facts(error.to_string())),
                }
            };
            let matching = decisions.into_iter().filter(|it| it.planned.is_some());
            let matching: Vec<Decision> = matching.collect();
            if matching.is_empty() {
                continue;
            }
            scanned.counts.matched += 1;
            let decisions = self.unhandled(&event, matching).await?;
            if decisions.is_empty() {
                scanned.counts.handled += 1;
                continue;
            }
            let planned = decisions.iter().filter_map(|it| it.planned.as_ref());
            for action in planned.flat_map(|planned| &planned.actions) {
                let properties = &action.properties;
                match (properties.is_file_work, properties.shares_calls) {
                    (true, true) => scanned.counts.transfers += 1,
                    (true, false) => scanned.counts.writes += 1,
                    (false, _) => scanned.counts.messages += 1,
                }
            }
            scanned.found.push(Found {
                event,
                body,
                room,
                decisions,
            });
        }
        Ok(())
    }

    /// Those of the decisions whose rules have not handled the file in any state: an edit or a new title is not an
    /// upload. Nor is a file that an action of ours created.
    async fn unhandled(
        &self,
        event: &Event,
        decisions: Vec<Decision>,
    ) -> Result<Vec<Decision>, StoreError> {
        let Some(file) = event.entry.as_ref().map(|entry| entry.id.clone()) else {
            return Ok(Vec::new());
        };
        self.db
            .read(move |sql| {
                if outbox::is_own_file(sql, &file)? {
                    return Ok(Vec::new());
                }
                let mut unhandled = Vec::new();
                for decision in &decisions {
                    if !outbox::has_handled(sql, &decision.rule, &file)? {
                        unhandled.push(decision.clone());
                    }
                }
                Ok(unhandled)
            })
            .await
    }
}

/// Whether the portal will not answer later either.
fn is_permanent(error: &FactError) -> bool {
    match error {
        FactError::CircuitOpen(_) => false,
        FactError::TooManyLookups(_) => true,
        FactError::LookupFailed { error, .. } => {
            matches!(error.class(), ErrorClass::Ambiguous | ErrorClass::Permanent)
        }
    }
}
