//! Where the store is: a SQLite file, or a PostgreSQL database that several instances share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};

use crate::loopback::is_loopback;

/// How long connecting to a host may take, with the login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After this long without an acknowledgement of what was sent, a connection counts as lost.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(Box<Server>),
}

/// How to reach a PostgreSQL database. Neither `Debug` nor `Display` shows the password.
#[derive(Clone)]
pub struct Server {
    config: Config,
    pub(super) trusted: Option<String>,
    /// How long connecting to a host may take, with the login.
    pub(super) connect_timeout: Duration,
}

/// An invalid database address, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(String);

impl Location {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Self {
        location.clone()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Server(server) => server.fmt(formatter),
        }
    }
}

impl Server {
    /// Parses `postgres://user:password@host:5432/database`; `trusted` contains certificates in PEM form to
    /// trust besides those of the system.
    ///
    /// With TLS the server's certificate is always checked against the host's name, so `sslmode=require` is
    /// as strict as `verify-full`. Without `sslmode`, TLS is required unless the server is on this machine
    /// and no certificates are given.
    pub fn parse(url: &str, trusted: Option<String>) -> Result<Self, BadAddress> {
        // The parser takes the first @ for the end of the login, so the rest of the password would be shown as the host.
        if url
            .split('?')
            .next()
            .is_some_and(|address| address.matches('@').count() > 1)
        {
            let what = "has more than one @; percent-encode special characters in the login, such as @ as %40";
            return Err(BadAddress(what.to_owned()));
        }
        let strict = url
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        // The parser's own message may quote the address, which may contain a password.
        let mut config: Config = strict.parse().map_err(|_| {
            let like = "must look like postgres://user:password@host:5432/database?sslmode=require";
            let unknown = if url.contains("sslrootcert") {
                "; name the certificates to trust in DATABASE_CA_FILE instead of sslrootcert"
            } else {
                ""
            };
            BadAddress(format!("{like}{unknown}"))
        })?;
        if config.get_hosts().is_empty() {
            return Err(BadAddress("names no host".to_owned()));
        }
        if !url.contains("sslmode=") {
            let here = config.get_hosts().iter().all(is_on_this_machine);
            config.ssl_mode(if here && trusted.is_none() {
                SslMode::Disable
            } else {
                SslMode::Require
            });
        }
        let connect_timeout = config.get_connect_timeout();
        let connect_timeout = connect_timeout.copied().unwrap_or(CONNECT_TIMEOUT);
        if config.get_application_name().is_none() {
            config.application_name("docspace-courier");
        }
        Ok(Self {
            config,
            trusted,
            connect_timeout,
        })
    }

    /// How to connect to each host, in the order in which they are tried.
    pub(super) fn hosts(&self) -> Vec<Config> {
        let mut hosts: Vec<Config> = (0..self.config.get_hosts().len())
            .map(|position| self.host(position))
            .collect();
        if self.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            fastrand::shuffle(&mut hosts);
        }
        hosts
    }

    fn host(&self, position: usize) -> Config {
        let all = &self.config;
        let mut host = Config::new();
        match &all.get_hosts()[position] {
            Host::Tcp(name) => host.host(name),
            Host::Unix(path) => host.host_path(path),
        };
        if let Some(address) = all.get_hostaddrs().get(position) {
            host.hostaddr(*address);
        }
        let ports = all.get_ports();
        if let Some(port) = ports.get(position).or(ports.first()) {
            host.port(*port);
        }
        if let Some(user) = all.get_user() {
            host.user(user);
        }
        if let Some(password) = all.get_password() {
            host.password(password);
        }
        if let Some(name) = all.get_dbname() {
            host.dbname(name);
        }
        if let Some(options) = all.get_options() {
            host.options(options);
        }
        if let Some(name) = all.get_application_name() {
            host.application_name(name);
        }
        if let Some(interval) = all.get_keepalives_interval() {
            host.keepalives_interval(interval);
        }
        if let Some(retries) = all.get_keepalives_retries() {
            host.keepalives_retries(retries);
        }
        host.keepalives(all.get_keepalives())
            .keepalives_idle(TCP_TIMEOUT)
            .tcp_user_timeout(TCP_TIMEOUT)
            // A host may have an address that does not respond and another one that does.
            .connect_timeout(self.connect_timeout / 2)
            .ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .channel_binding(all.get_channel_binding())
            .target_session_attrs(all.get_target_session_attrs())
            .load_balance_hosts(all.get_load_balance_hosts());
        host
    }
}

fn is_on_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => is_loopback(name),
        Host::Unix(_) => true,
    }
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
            && self.config.get_password() == other.config.get_password()
            && self.config.get_ssl_mode() == other.config.get_ssl_mode()
            && self.trusted == other.trusted
    }
}

impl Eq for Server {}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Server({self})")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("postgres://")?;
        let ports = self.config.get_ports();
        for (position, host) in self.config.get_hosts().iter().enumerate() {
            if position > 0 {
                formatter.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => formatter.write_str(name)?,
                Host::Unix(path) => path.display().fmt(formatter)?,
            }
            if let Some(port) = ports.get(position).or(ports.first()) {
                write!(formatter, ":{port}")?;
            }
        }
        write!(
            formatter,
            "/{}",
            self.config.get_dbname().unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_safe_the_connection_must_be() {
        let check = |url: &str, trusted: Option<&str>, expected: SslMode| {
            let server = Server::parse(url, trusted.map(str::to_owned)).unwrap();
            assert_eq!(server.config.get_ssl_mode(), expected, "{url}");
        };
        check("postgres://db.example/c", None, SslMode::Require);
        check("postgres://localhost/c", None, SslMode::Disable);
        check("postgres://127.0.0.1:5433/c", None, SslMode::Disable);
        check("postgres://[::1]/c", None, SslMode::Disable);
        check("postgres://localhost/c", Some("PEM"), SslMode::Require);
        check("postgres://localhost,db.example/c", None, SslMode::Require);
        let url = "postgres://db.example/c?sslmode=";
        check(&format!("{url}verify-full"), None, SslMode::Require);
        check(&format!("{url}verify-ca"), None, SslMode::Require);
        check(&format!("{url}prefer"), None, SslMode::Prefer);
        check(&format!("{url}disable"), None, SslMode::Disable);
    }

    #[test]
    fn a_password_is_never_shown() {
        let server = Server::parse("postgres://me:hunter2@db.example:5433/courier", None).unwrap();
        assert_eq!(server.to_string(), "postgres://db.example:5433/courier");
        assert!(!format!("{server:?}").contains("hunter2"));
        let error = Server::parse("postgres://me:hunter2@db.example/c?sslrootcert=a", None)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("DATABASE_CA_FILE"), "{error}");
    }

    #[test]
    fn an_unencoded_password_is_refused_and_not_shown() {
        for url in [
            "postgres://courier:S3cret@Part#1@127.0.0.1/courier",
            "postgres://courier:S3cret@Part/1@127.0.0.1/courier",
            "postgres://courier:S3cret@Part?1@127.0.0.1/courier",
        ] {
            let error = Server::parse(url, None).unwrap_err().to_string();
            assert!(
                !error.contains("Part") && !error.contains("S3cret"),
                "{error}"
            );
        }
        let encoded = "postgres://courier:S3cret%40Part%231@127.0.0.1/courier?application_name=a@b";
        assert!(Server::parse(encoded, None).is_ok());
    }
}
