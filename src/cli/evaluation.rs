//! What commands evaluate rules with: the portal, if the configuration names one.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Settings;
use crate::docspace::Client;
use crate::evaluator::Evaluator;
use crate::facts::FactFinder;

/// An evaluator that asks the configured portal.
pub(super) fn evaluator(settings: &Settings) -> Evaluator {
    Evaluator::new(fact_finder(settings))
}

/// A client for the configured portal.
pub(super) fn portal(settings: &Settings) -> anyhow::Result<Client> {
    Ok(settings.portal()?.client(Clock::system())?)
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
