//! What is stored of alerts: when the last one of a kind was sent, until its problem is resolved.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::{Sql, SqlError};

/// The key in the table `state`.
const KEY: &str = "alerts";

/// When alerts were sent of problems that are not resolved, as far as the store knows whether they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentAlerts {
    /// Of dead letters, in milliseconds since 1970.
    #[serde(default)]
    dead_letters: Option<i64>,
    /// Of a disabled webhook, in milliseconds since 1970.
    #[serde(default, rename = "webhook_off")]
    webhook_disabled: Option<i64>,
}

impl SentAlerts {
    pub(super) fn new(
        dead_letters: Option<Timestamp>,
        webhook_disabled: Option<Timestamp>,
    ) -> Self {
        Self {
            dead_letters: dead_letters.map(Timestamp::as_millisecond),
            webhook_disabled: webhook_disabled.map(Timestamp::as_millisecond),
        }
    }

    pub(super) fn dead_letters(&self) -> Option<Timestamp> {
        self.dead_letters.and_then(time)
    }

    pub(super) fn webhook_disabled(&self) -> Option<Timestamp> {
        self.webhook_disabled.and_then(time)
    }

    /// Reads what is stored. What cannot be read counts as nothing: an alert may be repeated, but none is lost.
    pub(super) fn load(sql: &Sql) -> Result<Self, SqlError> {
        let text: Option<String> = sql.query_optional(
            "SELECT value FROM state WHERE key = :key",
            &[(":key", KEY.into())],
            |row| row.get(0),
        )?;
        Ok(text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    pub(super) fn save(&self, sql: &Sql) -> Result<(), SqlError> {
        let text = serde_json::to_string(self).expect("times are plain data");
        sql.execute(
            "INSERT INTO state (key, value) VALUES (:key, :value)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            &[(":key", KEY.into()), (":value", (&text).into())],
        )?;
        Ok(())
    }
}

fn time(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}
