//! `docspace-courier health`: asks the running service whether it is ready, for container health checks.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::config::Settings;
use crate::http_client;
use crate::loopback::local_address;
use crate::text::clean;

use super::exit::success_if;
use super::output::print_lines;

/// How much of the reason is read, in bytes; it is one line.
const REASON_BYTES: usize = 1024;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Requests /readyz on ADMIN_ADDR, the only variable it needs. Exit code 0: the service is ready, \
                  that is, its store is writable and it is not shutting down; 1: it is not ready."
)]
pub struct Args {
    /// Maximum time to wait for the response, in seconds.
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

/// Asks once.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let address = local_address(settings.admin_address()?);
    let client = reqwest::Client::builder()
        .no_proxy()
        // No certificates are needed, and a container may have none.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(args.timeout))
        .build()?;
    let result = readiness(&client, address).await;
    print_lines([match &result {
        Ok(()) => "ready".to_owned(),
        Err(reason) => format!("not ready: {reason}"),
    }]);
    Ok(success_if(result.is_ok()))
}

/// The error says why the service is not ready.
async fn readiness(client: &reqwest::Client, address: SocketAddr) -> Result<(), String> {
    let response = client.get(format!("http://{address}/readyz")).send().await;
    let response = response.map_err(|error| {
        if error.is_timeout() {
            format!("{address} does not respond in time")
        } else {
            format!("{address} does not respond")
        }
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = http_client::start_of_body(response, REASON_BYTES).await;
    let body = body.unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let reason = body.lines().next().unwrap_or_default();
    Err(format!("{status}, {}", clean(reason)))
}
