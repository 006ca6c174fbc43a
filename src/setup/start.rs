//! Starting the service, registering the webhook and running the checks.

use crate::check;
use crate::config::Settings;
use crate::registration::{
    self, DesiredWebhook, Duplicates, NeededTriggers, Registered, SetSecret, trigger_names,
};

use super::proposal::Proposal;
use super::report::{StartReport, WebhookByHand};
use super::running::RunningService;
use super::state::Setup;

/// Starts the service with the env file as it is, in place of one that runs already, and registers the webhook.
pub(super) async fn start(setup: &Setup) -> anyhow::Result<()> {
    let proposal = setup.proposal()?;
    let mut running = setup.service().lock().await;
    if let Some(earlier) = running.take() {
        earlier.stop().await;
    }
    let report = match RunningService::start(&proposal.settings, setup.clock()).await {
        Ok(service) => {
            *running = Some(service);
            register_and_check(setup, &proposal).await
        }
        Err(error) => StartReport {
            service: Err(format!("{error:#}")),
            webhook: None,
            by_hand: None,
            checks: None,
        },
    };
    setup.set_report(report);
    Ok(())
}

async fn register_and_check(setup: &Setup, proposal: &Proposal) -> StartReport {
    let (webhook, by_hand) = match desired(&proposal.settings, proposal.url()) {
        Ok(desired) => {
            let by_hand = WebhookByHand {
                url: desired.url.clone(),
                secret: desired.secret.clone(),
                triggers: trigger_names(desired.triggers),
            };
            let registered = register(setup, proposal, &desired).await;
            (registered, Some(by_hand))
        }
        Err(reason) => (Err(reason), None),
    };
    let checks = check::run(&proposal.deployment(setup.clock())).await;
    StartReport {
        service: Ok(()),
        webhook: Some(webhook),
        by_hand,
        checks: Some(checks),
    }
}

/// The webhook that there should be. It gets the secret in any case: the portal does not show which one it has.
fn desired(settings: &Settings, url: &str) -> Result<DesiredWebhook, String> {
    let secrets = settings.secrets().map_err(|error| error.in_one_line())?;
    let rules = settings.rules().map_err(|error| error.in_one_line())?;
    let triggers = NeededTriggers::of(&rules.rules).bits;
    if triggers == 0 {
        return Err("no rule needs an event, so there is nothing to register".to_owned());
    }
    let secret = secrets.into_iter().next().ok_or("there is no secret")?;
    Ok(DesiredWebhook {
        url: url.to_owned(),
        name: None,
        triggers,
        secret,
        set_secret: SetSecret::Always,
        duplicates: Duplicates::Keep,
    })
}

async fn register(
    setup: &Setup,
    proposal: &Proposal,
    desired: &DesiredWebhook,
) -> Result<Registered, String> {
    let deployment = proposal.deployment(setup.clock());
    let portal = deployment.client().ok_or("the portal is not configured")?;
    let registered = registration::register(portal, desired).await;
    registered.map_err(|error| format!("{} ({error})", registration::explain(&error)))
}
