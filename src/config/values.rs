//! The variables of the portal, the listeners, the store and the limits: text to value, each with its
//! default and what can be wrong with it.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::db::{Location, Server};
use crate::signature::WebhookSecret;

use super::PortalConfig;
use super::notify;
use super::problems::Problems;
use super::raw::Raw;
use crate::webhook::{TransportPolicy, UnsignedPolicy};

/// `LISTEN_ADDR` when neither it nor `PORT` is set.
const LISTEN_ADDR: &str = "0.0.0.0:3000";

/// `ADMIN_ADDR` when it is not set.
const ADMIN_ADDR: &str = "127.0.0.1:3001";

/// `DATABASE_URL` when it is not set.
const DATABASE_URL: &str = "sqlite://courier.db";

/// `MAX_ATTEMPTS` when it is not set.
const MAX_ATTEMPTS: u32 = 12;

/// `RETENTION_DAYS` when it is not set.
const RETENTION_DAYS: u32 = 30;

/// `CATCH_UP_INTERVAL` when it is not set.
const CATCH_UP_INTERVAL: &str = "5m";

/// The shortest `CATCH_UP_INTERVAL`: each turn costs calls of the portal's budget.
const SHORTEST_CATCH_UP: Duration = Duration::from_secs(1);

/// What is set and has no effect is said, never silently ignored.
pub(super) fn notices(raw: &Raw) -> Vec<String> {
    let mut notices = notify::notices(raw);
    let no_rule = raw.shared_with_client_room_id.is_none()
        && raw.client_root_id.is_none()
        && raw.rules_file.is_none();
    if no_rule {
        notices.push(
            "no rule is configured: events are stored, and nothing is done about them".to_owned(),
        );
    }
    notices
}

pub(super) fn portal(raw: &Raw, problems: &mut Problems) -> PortalConfig {
    let host = problems.require(
        "DOCSPACE_API_HOST",
        raw.docspace_api_host.as_deref(),
        "the portal's address, such as https://yourportal.onlyoffice.com",
    );
    let key = problems.require(
        "DOCSPACE_API_KEY",
        raw.docspace_api_key.as_deref(),
        "an API key (sk-…) or personal access token of the portal",
    );
    if !host.is_empty() {
        match reqwest::Url::parse(&host) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                if url.path() != "/" || url.query().is_some() {
                    problems.add(
                        "DOCSPACE_API_HOST",
                        "must end after the host name, without a path",
                    );
                }
            }
            _ => problems.add(
                "DOCSPACE_API_HOST",
                format!("is no address like https://yourportal.onlyoffice.com: {host}"),
            ),
        }
    }
    if key.chars().any(|character| !character.is_ascii_graphic()) {
        problems.add(
            "DOCSPACE_API_KEY",
            "contains white space or characters that no key has",
        );
    }
    PortalConfig {
        host,
        key: key.into(),
    }
}

pub(super) fn secrets(raw: &Raw, problems: &mut Problems) -> Vec<WebhookSecret> {
    problems
        .require(
            "DOCSPACE_WEBHOOK_SECRET",
            raw.docspace_webhook_secret.as_deref(),
            "the secret key of the webhook, as given to DocSpace",
        )
        .split_whitespace()
        .map(WebhookSecret::new)
        .collect()
}

fn address(variable: &'static str, text: &str, problems: &mut Problems) -> SocketAddr {
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    let resolved = full
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next());
    resolved.unwrap_or_else(|| {
        problems.add(
            variable,
            format!("is no address like 127.0.0.1:3000: {text}"),
        );
        SocketAddr::from(([0, 0, 0, 0], 0))
    })
}

pub(super) fn listen(raw: &Raw, problems: &mut Problems) -> SocketAddr {
    let from_port = raw.port.as_deref().and_then(|port| {
        let number = port.parse::<u16>().ok();
        if number.is_none() {
            problems.add("PORT", format!("is no port number: {port}"));
        }
        number
    });
    match (&raw.listen_addr, from_port) {
        (Some(text), port) => {
            let listen = address("LISTEN_ADDR", text, problems);
            if port.is_some_and(|port| port != listen.port()) {
                problems.add(
                    "PORT",
                    format!("contradicts LISTEN_ADDR, which is {text}; set one of them"),
                );
            }
            listen
        }
        (None, Some(port)) => SocketAddr::from(([0, 0, 0, 0], port)),
        (None, None) => address("LISTEN_ADDR", LISTEN_ADDR, problems),
    }
}

pub(super) fn admin(raw: &Raw, problems: &mut Problems) -> SocketAddr {
    let text = raw.admin_addr.as_deref().unwrap_or(ADMIN_ADDR);
    let admin = address("ADMIN_ADDR", text, problems);
    if !admin.ip().is_loopback() && raw.admin_token.is_none() {
        problems.add(
            "ADMIN_TOKEN",
            format!("is not set, and ADMIN_ADDR {admin} can be reached from other machines"),
        );
    }
    admin
}

pub(super) fn transport(raw: &Raw, own_tls: bool, problems: &mut Problems) -> TransportPolicy {
    let required = flag("REQUIRE_HTTPS", raw.require_https.as_deref(), problems);
    match (required, own_tls) {
        (false, _) => TransportPolicy::Any,
        (true, false) => TransportPolicy::HttpsOnly,
        (true, true) => TransportPolicy::HttpsThroughout,
    }
}

pub(super) fn unsigned(raw: &Raw, listen: SocketAddr, problems: &mut Problems) -> UnsignedPolicy {
    if !flag("ALLOW_UNSIGNED", raw.allow_unsigned.as_deref(), problems) {
        return UnsignedPolicy::Refuse;
    }
    if !listen.ip().is_loopback() {
        problems.add(
            "ALLOW_UNSIGNED",
            format!("is only allowed when LISTEN_ADDR is a loopback address, not {listen}"),
        );
    }
    UnsignedPolicy::Accept
}

pub(super) fn flag(variable: &'static str, value: Option<&str>, problems: &mut Problems) -> bool {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "0" | "no" | "off") => false,
        Some("true" | "1" | "yes" | "on") => true,
        Some(other) => {
            problems.add(variable, format!("must be true or false, not {other}"));
            false
        }
    }
}

pub(super) fn check_log_format(raw: &Raw, problems: &mut Problems) {
    if let Some(format) = &raw.log_format
        && !["text", "json"].contains(&format.to_ascii_lowercase().as_str())
    {
        problems.add("LOG_FORMAT", format!("must be text or json, not {format}"));
    }
}

pub(super) fn database(raw: &Raw, problems: &mut Problems) -> Location {
    let url = raw.database_url.as_deref().unwrap_or(DATABASE_URL);
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        match Server::parse(url, raw.database_ca.clone()) {
            Ok(server) => return Location::Server(Box::new(server)),
            Err(error) => problems.add("DATABASE_URL", error.to_string()),
        }
        return Location::File(PathBuf::new());
    }
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"));
    match path.map(|path| path.split_once('?').map_or(path, |(path, _)| path)) {
        Some("") => problems.add("DATABASE_URL", "names no file; write sqlite://courier.db"),
        Some(path) => return Location::File(PathBuf::from(path)),
        None => problems.add(
            "DATABASE_URL",
            "must look like sqlite://courier.db or postgres://user:password@host/database",
        ),
    }
    Location::File(PathBuf::new())
}

fn number(
    variable: &'static str,
    value: Option<&str>,
    default: u32,
    problems: &mut Problems,
) -> u32 {
    match value.map(str::parse::<u32>) {
        None => default,
        Some(Ok(number)) if number > 0 => number,
        Some(_) => {
            problems.add(variable, "must be a whole number above 0");
            default
        }
    }
}

pub(super) fn max_attempts(raw: &Raw, problems: &mut Problems) -> u32 {
    number(
        "MAX_ATTEMPTS",
        raw.max_attempts.as_deref(),
        MAX_ATTEMPTS,
        problems,
    )
}

pub(super) fn retention(raw: &Raw, problems: &mut Problems) -> Duration {
    let days = number(
        "RETENTION_DAYS",
        raw.retention_days.as_deref(),
        RETENTION_DAYS,
        problems,
    );
    Duration::from_hours(24 * u64::from(days))
}

pub(super) fn catch_up_interval(raw: &Raw, problems: &mut Problems) -> Duration {
    let text = raw
        .catch_up_interval
        .as_deref()
        .unwrap_or(CATCH_UP_INTERVAL);
    let interval = text.parse::<jiff::SignedDuration>().ok();
    match interval.and_then(|interval| Duration::try_from(interval).ok()) {
        Some(interval) if interval >= SHORTEST_CATCH_UP => interval,
        _ => {
            problems.add(
                "CATCH_UP_INTERVAL",
                format!("must be a time such as 5m or 90s, not {text}"),
            );
            Duration::ZERO
        }
    }
}
