//! `docspace-courier sandbox`: serves a pretend portal and prints how to reach it.

#![expect(
    clippy::print_stdout,
    reason = "a command's answer belongs on the terminal"
)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::sandbox::{Portal, RECEIVER_TRIGGERS, Settings};

use super::signal::shutdown_signal;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the portal listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8092")]
    listen: SocketAddr,

    /// Milliseconds added to every API call.
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,

    /// A receiver to register for uploaded, created, copied and moved files.
    #[arg(long, value_name = "URL")]
    receiver: Option<String>,

    /// The webhook secret, instead of a random one.
    #[arg(long, value_name = "S")]
    secret: Option<String>,

    /// The API key, instead of a random one.
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
}

/// Runs the portal until it is told to stop.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr().context("cannot tell the address")?;
    let portal = Portal::new(Settings {
        latency: Duration::from_millis(args.latency_ms),
        secret: args.secret,
        api_key: args.api_key,
        ..Settings::default()
    });
    if let Some(receiver) = &args.receiver {
        portal.add_webhook(receiver, &RECEIVER_TRIGGERS);
    }
    print!("{}", introduction(&portal, address));

    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            shutdown_signal().await;
            stop.cancel();
        }
    });
    portal
        .serve(listener, stop)
        .await
        .context("the sandbox portal cannot be served")?;
    Ok(ExitCode::SUCCESS)
}

/// What a person or an env file needs to know; the remarks are comments of an env file. A portal that begins
/// anew numbers its events anew, so a store that remembers the last one would take them for duplicates.
fn introduction(portal: &Portal, address: SocketAddr) -> String {
    let seed = portal.seed();
    format!(
        "# Sandbox portal: open http://{address}/ in a browser. Ctrl-C stops it.\n\
         DOCSPACE_API_HOST=http://{address}\n\
         DOCSPACE_API_KEY={}\n\
         DOCSPACE_WEBHOOK_SECRET={}\n\
         SHARED_WITH_CLIENT_ROOM_ID={}\n\
         INTERNAL_PROCESSING_FOLDER_ID={}\n\
         # A store for this run alone: the next one numbers its events anew.\n\
         DATABASE_URL=sqlite://sandbox-{:08x}.db\n\
         CLIENT_ROOT_ID={}\n\
         INCOMING_FOLDER_ID={}\n",
        portal.api_key(),
        portal.secret(),
        seed.client_room,
        seed.internal_folder,
        fastrand::u32(..),
        seed.client_room,
        seed.incoming_folder,
    )
}
