//! The locale: in which language and time zone notifications are written.
//!
//! What is not configured is that of the portal, as far as the key may read it: the language is shown to everybody, the time
//! zone only to keys with the scope `*:read` (docs/DOCSPACE.md A10.3).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::docspace::Client;

use super::texts::Language;

/// The longest wait for the portal's settings.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long the portal's settings are used.
const MAX_AGE: Duration = Duration::from_hours(1);

/// How long after a failure they are asked for again.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// A language and a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale {
    /// The language.
    pub language: Language,
    /// The time zone.
    pub zone: TimeZone,
}

impl Default for Locale {
    fn default() -> Self {
        Self {
            language: Language::default(),
            zone: TimeZone::UTC,
        }
    }
}

/// The locale as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialLocale {
    /// The language.
    pub language: Option<Language>,
    /// The time zone.
    pub zone: Option<TimeZone>,
}

/// Where the locale comes from. Clones share what was read from the portal.
#[derive(Clone, Debug, Default)]
pub struct LocaleSource {
    configured: PartialLocale,
    /// What was read from the portal last; `None` if the portal is not asked.
    portal: Option<Arc<Mutex<PortalLocale>>>,
}

#[derive(Debug, Default)]
struct PortalLocale {
    known: PartialLocale,
    read_again_at: Option<Timestamp>,
}

impl LocaleSource {
    /// The configured locale, and that of the portal for what is not configured.
    pub fn new(configured: PartialLocale) -> Self {
        let is_complete = configured.language.is_some() && configured.zone.is_some();
        Self {
            configured,
            portal: (!is_complete).then(Arc::default),
        }
    }

    /// The locale. What cannot be found out soon is English and UTC.
    pub async fn get(&self, portal: &Client, clock: &Clock) -> Locale {
        let found = match &self.portal {
            Some(known) => known.lock().await.get(portal, clock.now()).await,
            None => PartialLocale::default(),
        };
        let PartialLocale { language, zone } = self.configured.clone();
        Locale {
            language: language.or(found.language).unwrap_or_default(),
            zone: zone.or(found.zone).unwrap_or(TimeZone::UTC),
        }
    }
}

impl PortalLocale {
    async fn get(&mut self, portal: &Client, now: Timestamp) -> PartialLocale {
        if self.read_again_at.is_none_or(|at| at <= now) {
            let found = tokio::time::timeout(TIMEOUT, read(portal)).await;
            let wait = match found {
                Ok(Some(found)) => {
                    self.known = found;
                    MAX_AGE
                }
                // What was known is more likely than English and UTC.
                Ok(None) | Err(_) => RETRY_AFTER,
            };
            self.read_again_at = Some(now + wait);
        }
        self.known.clone()
    }
}

/// The portal's locale; `None` if the portal does not answer.
async fn read(portal: &Client) -> Option<PartialLocale> {
    // A key without the scope is refused even what is shown without a key.
    for with_key in [true, false] {
        let settings = portal.exchanges().settings(with_key).await.ok()?;
        if settings.status == 200 {
            let text = |name: &str| settings.response()[name].as_str().map(str::to_owned);
            let zone = text("timezone").and_then(|name| TimeZone::get(&name).ok());
            let language = text("culture").and_then(|tag| Language::of_tag(&tag));
            return Some(PartialLocale { language, zone });
        }
    }
    None
}
