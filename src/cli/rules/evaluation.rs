//! Evaluates rules for past events, with facts from the portal if the configuration names one.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Settings;
use crate::facts::{FactFinder, SharedLookups};
use crate::rules::{Facts, MissingFact};

/// Evaluates rules; all events of one command share their lookups.
pub(super) struct Evaluator {
    /// Looks up facts in the portal, or why that is not possible.
    facts: Result<FactFinder, String>,
    lookups: SharedLookups,
}

impl Evaluator {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            facts: fact_finder(settings),
            lookups: SharedLookups::default(),
        }
    }

    /// Evaluates, and looks up missing facts in the portal. An error says why a fact is still missing.
    pub(super) async fn evaluate<T>(
        &self,
        facts: &mut Facts<'_>,
        evaluate: impl Fn(&Facts<'_>) -> Result<T, MissingFact>,
    ) -> Result<T, String> {
        match &self.facts {
            Ok(finder) => finder
                .evaluate(&self.lookups, facts, evaluate)
                .await
                .map_err(|error| error.to_string()),
            Err(no_portal) => evaluate(facts).map_err(|_| no_portal.clone()),
        }
    }
}

fn fact_finder(settings: &Settings) -> Result<FactFinder, String> {
    let portal = settings.portal().map_err(|error| {
        let variables: Vec<_> = error
            .problems
            .iter()
            .map(|it| it.subject.as_str())
            .collect();
        format!("{} is missing or not valid", variables.join(", "))
    })?;
    let clock = Clock::system();
    let client = portal.client(clock.clone());
    let client = client.map_err(|error| error.to_string())?;
    Ok(FactFinder::new(Arc::new(client), clock))
}
