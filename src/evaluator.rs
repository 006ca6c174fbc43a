//! Evaluates rules outside the worker, for a preview or a trial, with facts from the portal if it can be asked.

use crate::facts::{FactFinder, SharedLookups};
use crate::rules::{Facts, MissingFact};

/// Evaluates rules; all events share their lookups.
#[derive(Debug)]
pub struct Evaluator {
    /// What asks the portal, or why that is not possible.
    finder: Result<FactFinder, String>,
    lookups: SharedLookups,
}

impl Evaluator {
    /// An evaluator that asks the portal through this finder, or never, for the given reason.
    pub fn new(finder: Result<FactFinder, String>) -> Self {
        Self {
            finder,
            lookups: SharedLookups::default(),
        }
    }

    /// Evaluates, and asks the portal for missing facts. An error says why a fact is still missing.
    pub async fn evaluate<T>(
        &self,
        facts: &mut Facts<'_>,
        evaluate: impl Fn(&Facts<'_>) -> Result<T, MissingFact>,
    ) -> Result<T, String> {
        match &self.finder {
            Ok(finder) => finder
                .evaluate(&self.lookups, facts, evaluate)
                .await
                .map_err(|error| error.to_string()),
            Err(no_portal) => evaluate(facts).map_err(|_| no_portal.clone()),
        }
    }
}
