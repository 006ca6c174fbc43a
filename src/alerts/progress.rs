//! What is stored of alerts: when the last one of a kind was sent, until its problem is resolved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::{Sql, SqlError, state};

use super::digest::AlertKind;

/// The key in the table `state`.
const KEY: &str = "alerts";

/// The alerts that were sent of problems that are not resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentAlerts {
    /// When the last one of each kind was sent, in milliseconds since 1970.
    #[serde(flatten)]
    sent_at: BTreeMap<AlertKind, Option<i64>>,
    /// The ids of the channels that they reported.
    #[serde(default)]
    pub(super) channels: BTreeSet<String>,
}

impl SentAlerts {
    pub(super) fn new(
        sent_at: impl Fn(AlertKind) -> Option<Timestamp>,
        channels: BTreeSet<String>,
    ) -> Self {
        let sent_at = AlertKind::ALL
            .into_iter()
            .map(|kind| (kind, sent_at(kind).map(Timestamp::as_millisecond)));
        Self {
            sent_at: sent_at.collect(),
            channels,
        }
    }

    /// When the last alert of a kind was sent, unless its problem is resolved.
    pub(super) fn sent_at(&self, kind: AlertKind) -> Option<Timestamp> {
        let sent_at = self.sent_at.get(&kind).copied().flatten()?;
        Timestamp::from_millisecond(sent_at).ok()
    }

    /// Reads what is stored. What cannot be read counts as nothing: an alert may be repeated, but none is lost.
    pub(super) fn load(sql: &Sql) -> Result<Self, SqlError> {
        Ok(state::load(sql, KEY)?.unwrap_or_default())
    }

    pub(super) fn save(&self, sql: &Sql) -> Result<(), SqlError> {
        state::save(sql, KEY, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_versions_stored_is_read() {
        let stored = r#"{"dead_letters":1000,"webhook_off":null}"#;
        let sent: SentAlerts = serde_json::from_str(stored).unwrap();
        let at = Timestamp::from_second(1).unwrap();
        assert_eq!(sent.sent_at(AlertKind::DeadLetter), Some(at));
        assert_eq!(sent.sent_at(AlertKind::WebhookDisabled), None);

        let all = SentAlerts::new(|_| Some(at), BTreeSet::from(["email".to_owned()]));
        let stored = serde_json::to_string(&all).unwrap();
        assert!(stored.contains(r#""webhook_off":1000"#), "{stored}");
        assert_eq!(serde_json::from_str::<SentAlerts>(&stored).unwrap(), all);
    }
}
