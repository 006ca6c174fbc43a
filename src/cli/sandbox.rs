//! `docspace-courier sandbox`: serves a simulated portal and prints how to reach it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use docspace_sandbox::{DEFAULT_TRIGGERS, Deviation, Portal, PortalSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::loopback::is_loopback;

use super::output::print;
use super::signal::shutdown_signal;

/// The port of the service if the receiver does not say another one.
const DEFAULT_PORT: u16 = 3000;

/// The sandbox's own API, for `--help`.
const CONTROL_API: &str = "\
While it runs, it is controlled with JSON below /sandbox/, without a key:
  GET, PATCH         /sandbox/settings         speed, clock, limits, failures, the account of the key
  GET, POST, DELETE  /sandbox/faults           faults of routes, always or with a probability
  POST               /sandbox/events           any event of a file or folder, now
  POST               /sandbox/files            many files in a folder
  POST               /sandbox/operations/drop  lose all operations, as in a restart
  GET                /sandbox/calls            the API calls so far
docs/SANDBOX.md describes the bodies.";

/// The arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CONTROL_API)]
pub struct Args {
    /// Address on which the portal listens. Its page, which shows the key, can be opened by an address or as localhost,
    /// not by another host name; the API answers any name.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8092")]
    listen: SocketAddr,

    /// Milliseconds added to every API call.
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,

    /// Receiver to register for created, uploaded, copied and moved files.
    #[arg(long, value_name = "URL")]
    receiver: Option<String>,

    /// Webhook secret [default: random].
    #[arg(long, value_name = "S")]
    secret: Option<String>,

    /// API key [default: random].
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,

    /// Let the portal behave differently from DocSpace, to see whether a program notices; may be repeated.
    /// One of lower-case-signatures, uncounted-retries, lasting-results, copies-keep-titles.
    #[arg(long, value_name = "NAME")]
    deviate: Vec<Deviation>,
}

/// Runs the portal until Ctrl-C or SIGTERM.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener
        .local_addr()
        .context("cannot read the address of the listener")?;
    let portal = Portal::new(PortalSettings {
        latency: Duration::from_millis(args.latency_ms),
        secret: args.secret,
        api_key: args.api_key,
        ..PortalSettings::default()
    });
    portal.set_deviations(&args.deviate);
    if let Some(receiver) = &args.receiver {
        portal.add_webhook(receiver, &DEFAULT_TRIGGERS);
    }
    print(&introduction(
        &portal,
        address,
        listen_address(args.receiver.as_deref()),
    ));

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
        .context("cannot serve the sandbox portal")?;
    Ok(ExitCode::SUCCESS)
}

/// How to reach the portal, as an env file with comments. Each portal numbers its events from the start, so the
/// service needs a new store: with the store of an earlier portal it would treat the events as duplicates.
fn introduction(portal: &Portal, address: SocketAddr, listen: SocketAddr) -> String {
    let seed = portal.seed();
    format!(
        "# Sandbox portal: open http://{address}/ in a browser. Ctrl-C stops it.\n\
         DOCSPACE_API_HOST=http://{address}\n\
         LISTEN_ADDR={listen}\n\
         DOCSPACE_API_KEY={}\n\
         DOCSPACE_WEBHOOK_SECRET={}\n\
         SHARED_WITH_CLIENT_ROOM_ID={}\n\
         INTERNAL_PROCESSING_FOLDER_ID={}\n\
         # Use this store for this run only: the next sandbox reuses the event numbers.\n\
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

/// Where the service listens: only on this machine, on the port of the receiver if that is on this machine.
fn listen_address(receiver: Option<&str>) -> SocketAddr {
    let port = receiver
        .and_then(|url| reqwest::Url::parse(url).ok())
        .filter(|url| url.host_str().is_some_and(is_loopback))
        .and_then(|url| url.port_or_known_default());
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(DEFAULT_PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_listens_where_a_local_receiver_is_expected() {
        let listen = |receiver| listen_address(receiver).to_string();
        assert_eq!(listen(None), "127.0.0.1:3000");
        assert_eq!(
            listen(Some("http://localhost:4000/webhook")),
            "127.0.0.1:4000"
        );
        assert_eq!(
            listen(Some("https://courier.example/webhook")),
            "127.0.0.1:3000"
        );
    }
}
