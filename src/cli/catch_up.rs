//! `docspace-courier catch-up`: fetches missed deliveries now.

use std::process::ExitCode;

use crate::catch_up::{CatchUpReport, ListRooms, WebhookState};
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::service::Parts;

use super::existing_store::open_existing;
use super::exit::success_if;
use super::output::{count, print_json, print_lines};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Works beside a running service or without one. Exit code 0: the portal's webhook is enabled; \
                  1: it is disabled or missing, or the key may not read it."
)]
pub struct Args {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Catches up once.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    let db = open_existing(settings)?;
    let parts = Parts::new(db, &config.portal, config.rules, Clock::system())?;
    let catch_up = parts.catch_up(config.secrets, config.limits.retention);
    let report = catch_up.run_once(ListRooms::Always).await?;
    if args.json {
        print_json(&report)?;
    } else {
        print_lines(render(&report));
    }
    Ok(success_if(report.webhook == WebhookState::Enabled))
}

fn render(report: &CatchUpReport) -> Vec<String> {
    let webhook = match report.webhook {
        WebhookState::Enabled => "The portal's webhook is enabled.",
        WebhookState::Disabled => {
            "The portal's webhook is DISABLED or was deleted: enable it in DocSpace, or run \
             `docspace-courier register`."
        }
        WebhookState::NotFound => {
            "The portal has no webhook that sends to this service: create it with \
             `docspace-courier register`."
        }
        WebhookState::Hidden => {
            "The API key may not read webhooks: give it the scope *:read, or missed deliveries cannot be \
             fetched."
        }
    };
    let mut lines = vec![
        webhook.to_owned(),
        format!(
            "Undelivered in the portal's log: {}. Fetched: {}. Still being delivered by DocSpace: {}.",
            report.undelivered, report.fetched, report.under_way
        ),
    ];
    if let Some(found) = report.found {
        let files = count(found, "file");
        lines.push(format!(
            "The watched rooms contain {files} that no event reported."
        ));
    }
    if let Some(listing) = &report.listing {
        lines.push(format!(
            "{listing} A running service continues, and so does this command."
        ));
    }
    if report.fetched + report.found.unwrap_or(0) > 0 {
        lines.push(
            "A running service evaluates the rules for them within a second; otherwise it does when it \
             starts."
                .to_owned(),
        );
    }
    lines
}
