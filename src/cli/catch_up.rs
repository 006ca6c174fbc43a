//! `docspace-courier catch-up`: reads the portal's delivery log now.
#![expect(clippy::print_stdout, reason = "the command line talks to a person")]

use std::process::ExitCode;
use std::sync::Arc;

use crate::catch_up::{CatchUp, CatchUpReport, ListRooms, WebhookState};
use crate::clock::Clock;
use crate::db::Db;
use crate::docspace::Client;
use crate::rules::ActiveRules;

use super::{Environment, NOT_FINE};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Catches up once, beside a running service or without one; 1 when the webhook is off or missing.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    let config = environment.config()?;
    let clock = Clock::system();
    let portal = Client::new(&config.portal.host, config.portal.key, clock.clone())?;
    let catch_up = CatchUp {
        db: Db::open(&config.database)?,
        portal: Arc::new(portal),
        rules: ActiveRules::new(config.rules),
        secrets: config.secrets,
        retention: config.retention,
        clock,
        wake: Arc::default(),
    };
    let report = catch_up.run_once(ListRooms::Always).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(match report.webhook {
        WebhookState::On => ExitCode::SUCCESS,
        WebhookState::Off | WebhookState::NotFound | WebhookState::Hidden => {
            ExitCode::from(NOT_FINE)
        }
    })
}

fn print(report: &CatchUpReport) {
    println!(
        "{}",
        match report.webhook {
            WebhookState::On => "The portal's webhook is on.",
            WebhookState::Off =>
                "The portal's webhook is SWITCHED OFF or deleted: switch it on again in DocSpace.",
            WebhookState::NotFound =>
                "No webhook of the portal is known to be ours: register one with this service's address.",
            WebhookState::Hidden =>
                "The API key may not read webhooks: give it the scope *:read, or deliveries that never arrive \
                 cannot be fetched.",
        }
    );
    println!(
        "{} undelivered in its log: {} new to us, {} may still arrive by themselves.",
        report.undelivered, report.fetched, report.under_way
    );
    if let Some(found) = report.found {
        println!("{found} files in the watched rooms that nobody had told us of.");
    }
    if report.fetched + report.found.unwrap_or(0) > 0 {
        println!("The service decides about them within a second, or when it is started.");
    }
}
