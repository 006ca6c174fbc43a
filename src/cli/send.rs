//! `docspace-courier send`: a delivery by hand, signed as DocSpace signs.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::header;
use serde_json::json;

use crate::signature::{SIGNATURE_HEADER, WebhookSecret};

use super::{Environment, NOT_FINE, say, wrong_usage};
use crate::text::clean;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The bytes are sent as they are, with the headers of DocSpace; a service with rules acts on\n\
                  what it accepts. Exit code 0 only when the receiver answers with 2xx. Example:\n\
                  \n  docspace-courier send delivery.json --to https://your.host/webhook"
)]
pub struct Args {
    /// A file with a JSON body; - for standard input.
    #[arg(value_name = "FILE")]
    file: String,

    /// Where to post it.
    #[arg(long, value_name = "URL")]
    to: reqwest::Url,

    /// The secret, instead of the first of `DOCSPACE_WEBHOOK_SECRET`.
    #[arg(long, value_name = "S", conflicts_with = "unsigned")]
    secret: Option<String>,

    /// Send no signature, to see it refused.
    #[arg(long)]
    unsigned: bool,

    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// How long DocSpace waits for an answer (docs/DOCSPACE.md 1.5).
const TIMEOUT: Duration = Duration::from_secs(100);

/// The content type of every delivery (docs/DOCSPACE.md 1.3).
const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// Posts the body once; 1 unless it is answered with 2xx.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    environment.log_if_asked();
    let secret = match (&args.secret, args.unsigned) {
        (_, true) => None,
        (Some(secret), _) => Some(WebhookSecret::new(secret)),
        (None, false) => environment.secrets()?.into_iter().next(),
    };
    let body = match read(&args.file) {
        Ok(body) => body,
        Err(error) => return Ok(wrong_usage(&format!("cannot read {}: {error}", args.file))),
    };
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
        return Ok(wrong_usage(&format!("{} is not JSON: {error}", args.file)));
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()?;
    let mut request = client
        .post(args.to.clone())
        .header(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Some(secret) = &secret {
        request = request.header(SIGNATURE_HEADER, secret.sign(&body));
    }
    let begun = Instant::now();
    let response = request
        .body(body)
        .send()
        .await
        .with_context(|| format!("{} does not answer", args.to))?;
    let status = response.status();
    let answer = response.text().await.context("the answer broke off")?;
    let took = begun.elapsed().as_millis();
    if args.json {
        let answered = json!({ "status": status.as_u16(), "answer": answer, "duration_ms": took });
        say(&format!("{answered:#}\n"));
    } else {
        say(&format!(
            "{status} after {took} ms\n{}\n",
            clean(answer.trim())
        ));
    }
    Ok(if status.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
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
