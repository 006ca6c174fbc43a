//! `docspace-courier register`: makes the portal's webhook to this service, or mends it.

use std::process::ExitCode;

use crate::clock::Clock;
use crate::docspace::{Client, Error};
use crate::registration::{
    self, DesiredWebhook, Duplicates, NeededTriggers, Registered, RegistrationOutcome, SetSecret,
    trigger_names,
};

use super::{Environment, NOT_FINE, say, wrong_usage};
use crate::text::clean;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The service must run and be reachable: the portal asks the address before it answers.\n\
                  The key needs the scope *:write. Secret and triggers are those of the configuration.\n\
                  Exit code 0 when there is one webhook to the address and it is as it must be, else 1."
)]
pub struct Args {
    /// The service's public address, such as `https://your.host/webhook`.
    #[arg(long, value_name = "URL")]
    url: String,

    /// The webhook's name; a new one is called docspace-courier.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Give it the configured secret even if nothing else is to be mended.
    #[arg(long)]
    set_secret: bool,

    /// Delete further webhooks to the same address, with their logs of deliveries.
    #[arg(long)]
    remove_duplicates: bool,

    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Makes or mends the webhook; 1 when the portal refuses or duplicates are left.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    environment.log_if_asked();
    let config = environment.config()?;
    let name = args
        .name
        .as_deref()
        .map_or(Ok(()), registration::check_name);
    if let Err(sentence) = registration::check_url(&args.url).and(name) {
        return Ok(wrong_usage(&sentence));
    }
    let secret = config.secrets[0].clone();
    if let Err(sentence) = registration::check_secret(&secret) {
        return Ok(wrong_usage(&format!("DOCSPACE_WEBHOOK_SECRET {sentence}")));
    }
    let triggers = NeededTriggers::of(&config.rules).bits;
    if triggers == 0 {
        return Ok(wrong_usage(
            "no rule is configured, so there is nothing to listen to; config.example.env shows the rules",
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
    let portal = Client::new(&config.portal.host, config.portal.key, Clock::system())?;
    let registered = match registration::register(&portal, &wanted).await {
        Ok(registered) => registered,
        Err(error) => {
            let explanation = explain(&error);
            return Err(anyhow::Error::new(error).context(explanation));
        }
    };
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&registered)?));
    } else {
        say(&render(&registered, &wanted));
    }
    Ok(if registered.duplicates.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}

/// The portal decides; another address list may be configured there.
async fn warn_of_private_addresses(url: &str) {
    let Ok(url) = reqwest::Url::parse(url) else {
        return;
    };
    let refused = registration::refused_addresses(&url).await;
    if let Some(address) = refused.unwrap_or_default().first() {
        eprintln!(
            "docspace-courier: {url} resolves to {address}, a private address, which DocSpace refuses \
             unless it was configured otherwise"
        );
    }
}

/// What a refusal means here (docs/DOCSPACE.md 1.8).
fn explain(error: &Error) -> &'static str {
    match error {
        Error::Refused { .. } => {
            "the webhook was not taken. Either the portal got no 200 for HEAD from the address: the service \
             must run, and the proxy before it pass HEAD on. Or the secret does not satisfy the portal's \
             password policy, which may ask for capitals, digits and signs. Or the address is private"
        }
        Error::Forbidden => {
            "the key may not manage webhooks: it needs the scope *:write, and a user who may own webhooks. \
             The webhook can be made by hand, too, under Developer Tools → Webhooks"
        }
        Error::KeyRefused => {
            "the key is mistyped, switched off or expired, or its user is disabled"
        }
        Error::Unavailable { .. } => {
            "the portal failed, as it does when the address does not answer it within 10 s: see that the \
             service runs and can be reached from the portal"
        }
        _ => "the webhook could not be registered",
    }
}

fn render(registered: &Registered, wanted: &DesiredWebhook) -> String {
    let webhook = format!("Webhook {} “{}”", registered.id, clean(&registered.name));
    let mut lines = vec![match registered.outcome {
        RegistrationOutcome::Created => format!(
            "{webhook} made: sends {} to {}.",
            trigger_names(wanted.triggers),
            wanted.url
        ),
        RegistrationOutcome::Repaired => format!("{webhook} mended:"),
        RegistrationOutcome::Unchanged => {
            format!("{webhook} is as it must be; nothing was changed.")
        }
    }];
    let changes = registered.changes.iter();
    lines.extend(changes.map(|change| format!("  {}", clean(change))));
    let removed = registered.removed.iter();
    lines.extend(removed.map(|id| format!("Webhook {id} to the same address deleted.")));
    let duplicates = registered.duplicates.iter();
    lines.extend(duplicates.map(|id| {
        format!(
            "Webhook {id} sends to the same address: everything arrives twice. \
             --remove-duplicates deletes it."
        )
    }));
    lines.push(format!(
        "See that all is well: docspace-courier check --url {}",
        wanted.url
    ));
    lines.join("\n") + "\n"
}
