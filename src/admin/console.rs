//! What the pages and the API read and change.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;

use crate::backfill::Backfiller;
use crate::clock::Clock;
use crate::db::Db;
use crate::docspace::Client;
use crate::evaluator::Evaluator;
use crate::facts::FactFinder;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::reload::Reload;
use crate::rules::ActiveRules;
use crate::server::tls::Tls;
use crate::wake::Wake;

use super::access::Access;
use super::guess_limit::TokenRejection;
use super::portal_names::PortalNames;
use super::role::Role;

/// How long a preview may take, with its questions to the portal.
pub(super) const PREVIEW_TIMEOUT: Duration = Duration::from_secs(30);

/// What the pages and the API read and change.
#[derive(Debug)]
pub struct Console {
    /// The store.
    pub db: Db,
    /// The portal's client, for the state of its circuit breaker and budget.
    pub portal: Arc<Client>,
    /// The channels, for the state of their circuit breakers.
    pub channels: Channels,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The clock.
    pub clock: Clock,
    /// Wakes the tasks that retry what a person replays.
    pub wake: Arc<Wake>,
    /// Who may see and change what.
    pub access: Arc<Access>,
    /// The certificate of the public listener, if it has one.
    pub tls: Option<Arc<Tls>>,
    /// What the health endpoints check.
    pub health: Health,
    /// The rules, their file, and what reads it again.
    pub reload: Arc<Reload>,
    /// The names of rooms and folders.
    pub names: Arc<PortalNames>,
    /// Held while the rules file is saved.
    pub saving: tokio::sync::Mutex<()>,
    /// Finds out what a backfill would do.
    pub backfiller: Backfiller,
}

impl Console {
    /// The active rules.
    pub(super) fn rules(&self) -> &ActiveRules {
        &self.reload.rules
    }

    /// Evaluates rules for a preview, and asks the portal for the facts that they need.
    pub(super) fn evaluator(&self) -> Evaluator {
        let finder = FactFinder::new(Arc::clone(&self.portal), self.clock.clone());
        Evaluator::new(Ok(finder))
    }

    /// The role that a token gives which a request presents; counts and logs rejections. `peer` is the other end of the connection.
    pub(super) fn check_token(
        &self,
        entered: &str,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Role, TokenRejection> {
        let client = self.access.client(peer, headers);
        let checked = self.access.check_token(entered, client, self.clock.now());
        if let Err(rejection) = checked {
            self.metrics.count_token_rejection(rejection.code());
        }
        checked
    }
}
