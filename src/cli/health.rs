//! `docspace-courier health`: asks the running service whether it is ready, for container health checks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use super::{Environment, NOT_FINE, say};
use crate::text::clean;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Asks /readyz on ADMIN_ADDR, which is all of the configuration it needs. Exit code 0 only when\n\
                  the service is ready: the store is writable, and it is not shutting down."
)]
pub struct Args {
    /// Longest wait for an answer, in seconds.
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

/// Asks once; 1 unless the service is ready.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    let address = reachable(environment.admin()?);
    let client = reqwest::Client::builder()
        .no_proxy()
        // No certificates are needed, and a container may have none.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(args.timeout))
        .build()?;
    let answer = client.get(format!("http://{address}/readyz")).send().await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let why = if error.is_timeout() {
                "does not answer in time"
            } else {
                "does not answer"
            };
            say(&format!("not ready: {address} {why}\n"));
            return Ok(ExitCode::from(NOT_FINE));
        }
    };
    if answer.status().is_success() {
        say("ready\n");
        return Ok(ExitCode::SUCCESS);
    }
    let status = answer.status();
    let why = answer.text().await.unwrap_or_default();
    let why = why.lines().next().unwrap_or_default();
    say(&format!("not ready: {status}, {}\n", clean(why)));
    Ok(ExitCode::from(NOT_FINE))
}

/// Where a listener is reached from the same machine; the one that listens everywhere, on loopback.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_asked_where_it_can_be_reached() {
        let check = |listener: &str, expected: &str| {
            assert_eq!(reachable(listener.parse().unwrap()).to_string(), expected);
        };
        check("127.0.0.1:3001", "127.0.0.1:3001");
        check("0.0.0.0:3001", "127.0.0.1:3001");
        check("[::]:3001", "[::1]:3001");
        check("10.1.2.3:80", "10.1.2.3:80");
    }
}
