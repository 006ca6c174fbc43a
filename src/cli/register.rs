//! `docspace-courier register`: creates the portal's webhook to this service or repairs the existing one.

use std::process::ExitCode;

use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::registration::{
    self, DesiredWebhook, Duplicates, NeededTriggers, Registered, RegistrationOutcome,
    RejectedDelivery, SetSecret, trigger_names,
};

use crate::text::clean;

use super::exit::{success_if, usage_error};
use super::output::{print_error, print_json, print_lines};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The service must be running and reachable, because the portal requests the URL before it accepts it. \
                  The key needs the scope *:write. The secret and the triggers come from the configuration.\n\n\
                  Exit code 0: there is exactly one webhook to the URL, it is correct, and its last delivery was not \
                  rejected; else 1."
)]
pub struct Args {
    /// The service's public URL, such as `https://your.host/webhook`.
    #[arg(long, value_name = "URL")]
    url: String,

    /// The name of the webhook [default for a new one: docspace-courier].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Set the configured secret even if nothing else has to be changed.
    #[arg(long)]
    set_secret: bool,

    /// Delete other webhooks to the same URL, with their delivery logs.
    #[arg(long)]
    remove_duplicates: bool,

    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Creates or repairs the webhook.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    let name = args
        .name
        .as_deref()
        .map_or(Ok(()), registration::check_name);
    if let Err(sentence) = registration::check_url(&args.url).and(name) {
        return Ok(usage_error(&sentence));
    }
    let secret = config.secrets[0].clone();
    let triggers = NeededTriggers::of(&config.rules).bits;
    if triggers == 0 {
        return Ok(usage_error(
            "no rule is configured, so the webhook would have no triggers; see config.example.env",
        ));
    }
    warn_of_private_addresses(&args.url).await;
    let wanted = DesiredWebhook {
        url: args.url,
        name: args.name,
        triggers,
        secret,
        set_secret: if args.set_secret {
            SetSecret::Always
        } else {
            SetSecret::WithChanges
        },
        duplicates: if args.remove_duplicates {
            Duplicates::Delete
        } else {
            Duplicates::Keep
        },
    };
    let portal = config.portal.client(Clock::system())?;
    let registered = match registration::register(&portal, &wanted).await {
        Ok(registered) => registered,
        Err(error) => {
            let explanation = registration::explain(&error);
            return Err(anyhow::Error::new(error).context(explanation));
        }
    };
    if args.json {
        print_json(&registered)?;
    } else {
        print_lines(render(&registered, &wanted));
    }
    Ok(success_if(
        registered.duplicates.is_empty() && registered.rejected.is_none(),
    ))
}

/// Only a warning, because the portal may be configured to accept private addresses.
async fn warn_of_private_addresses(url: &str) {
    let Ok(url) = reqwest::Url::parse(url) else {
        return;
    };
    let refused = registration::refused_addresses(&url).await;
    if let Some(address) = refused.unwrap_or_default().first() {
        print_error(&format!(
            "{url} resolves to {address}, a private address; DocSpace rejects those unless it is configured \
             otherwise"
        ));
    }
}

/// Why the last delivery was rejected, and what to do.
fn rejection(rejected: RejectedDelivery) -> String {
    let RejectedDelivery {
        status,
        has_other_secret,
    } = rejected;
    if has_other_secret {
        "  Its last delivery was signed with a secret other than DOCSPACE_WEBHOOK_SECRET. Run this command with \
         --set-secret to give it the configured one."
            .to_owned()
    } else {
        format!(
            "  Its last delivery was rejected with {status}. `docspace-courier check` says more."
        )
    }
}

fn render(registered: &Registered, wanted: &DesiredWebhook) -> Vec<String> {
    let webhook = format!("{} “{}”", registered.id, clean(&registered.name));
    let mut lines = vec![match registered.outcome {
        RegistrationOutcome::Created => format!(
            "Created webhook {webhook}: it sends {} to {}.",
            trigger_names(wanted.triggers),
            wanted.url
        ),
        RegistrationOutcome::Repaired => format!("Repaired webhook {webhook}:"),
        RegistrationOutcome::Unchanged if registered.rejected.is_some() => {
            format!("Webhook {webhook} has the right settings, and nothing was changed, but:")
        }
        RegistrationOutcome::Unchanged => {
            format!("Webhook {webhook} is correct; nothing was changed.")
        }
    }];
    let changes = registered.changes.iter();
    lines.extend(changes.map(|change| format!("  {}", clean(change))));
    let is_secret_listed = wanted.set_secret == SetSecret::Always;
    if registered.outcome == RegistrationOutcome::Repaired && !is_secret_listed {
        lines.push("  secret: the configured one, as with every change".to_owned());
    }
    lines.extend(registered.rejected.map(rejection));
    let removed = registered.removed.iter();
    lines.extend(removed.map(|id| format!("Deleted webhook {id} to the same URL.")));
    let duplicates = registered.duplicates.iter();
    lines.extend(duplicates.map(|id| {
        format!(
            "Webhook {id} sends to the same URL, so every event is delivered twice. Delete it with \
             --remove-duplicates."
        )
    }));
    lines.push(format!(
        "Check that everything works: docspace-courier check --url {}",
        wanted.url
    ));
    lines
}
