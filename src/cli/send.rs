//! `docspace-courier send`: signs a body as DocSpace does and posts it.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::header;
use serde_json::json;

use crate::config::Settings;
use crate::http_client;
use crate::signature::{SIGNATURE_HEADER, WebhookSecret};
use crate::text::clean;

use super::exit::{success_if, usage_error};
use super::output::{print_json, print_lines};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file is sent unchanged, with DocSpace's headers. A service that accepts it applies its rules.\n\
                  Exit code 0: the receiver responded with 2xx; 1: it did not. Example:\n\
                  \n  docspace-courier send delivery.json --to https://your.host/webhook"
)]
pub struct Args {
    /// A file with a JSON body; - for standard input.
    #[arg(value_name = "FILE")]
    file: String,

    /// The URL to post it to.
    #[arg(long, value_name = "URL")]
    to: reqwest::Url,

    /// The secret [default: the first of `DOCSPACE_WEBHOOK_SECRET`].
    #[arg(long, value_name = "S", conflicts_with = "unsigned")]
    secret: Option<String>,

    /// Send no signature, to see it rejected.
    #[arg(long)]
    unsigned: bool,

    /// Print the response as JSON.
    #[arg(long)]
    json: bool,
}

/// How long DocSpace waits for a response (docs/DOCSPACE.md 1.5).
const TIMEOUT: Duration = Duration::from_secs(100);

/// How much of a response is read and printed, in bytes. The service's own have one line.
const RESPONSE_BYTES: usize = 64 * 1024;

/// The content type of every delivery (docs/DOCSPACE.md 1.3).
const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// Posts the body once.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let secret = match (&args.secret, args.unsigned) {
        (_, true) => None,
        (Some(secret), _) => Some(WebhookSecret::new(secret)),
        (None, false) => settings.secrets()?.into_iter().next(),
    };
    let body = match read(&args.file) {
        Ok(body) => body,
        Err(error) => return Ok(usage_error(&format!("cannot read {}: {error}", args.file))),
    };
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
        return Ok(usage_error(&format!(
            "{} is not valid JSON: {error}",
            args.file
        )));
    }
    let client = http_client::builder(args.to.as_str())
        .timeout(TIMEOUT)
        .build()?;
    let mut request = client
        .post(args.to.clone())
        .header(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Some(secret) = &secret {
        request = request.header(SIGNATURE_HEADER, secret.sign(&body));
    }
    let started = Instant::now();
    let response = request
        .body(body)
        .send()
        .await
        .with_context(|| format!("{} does not respond", args.to))?;
    let status = response.status();
    let answer = http_client::start_of_body(response, RESPONSE_BYTES).await;
    let answer = answer.context("the response was cut off")?;
    let answer = String::from_utf8_lossy(&answer);
    let duration_ms = started.elapsed().as_millis();
    if args.json {
        print_json(
            &json!({ "status": status.as_u16(), "answer": answer, "duration_ms": duration_ms }),
        )?;
    } else {
        let proxy = http_client::proxy_for(args.to.as_str());
        let proxy = proxy.map_or_else(String::new, |proxy| format!(", through the proxy {proxy}"));
        print_lines([
            format!("{status} after {duration_ms} ms{proxy}"),
            clean(answer.trim()),
        ]);
    }
    Ok(success_if(status.is_success()))
}

fn read(file: &str) -> std::io::Result<Vec<u8>> {
    if file == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body)?;
        Ok(body)
    } else {
        std::fs::read(file)
    }
}
