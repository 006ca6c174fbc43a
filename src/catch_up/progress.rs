//! What is stored from one run of catching up to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::{Sql, SqlError, state};

/// The key of the stored progress.
const KEY: &str = "catch_up";

/// How far catching up got. The times are those of the portal's clock, which does not step when ours does. The
/// names of the stored members are older than those of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CatchUpProgress {
    /// When a run last read the whole log.
    #[serde(rename = "read_log_at", with = "milliseconds", default)]
    pub(super) log_read_at: Option<Timestamp>,
    /// Up to when every change is known: from the webhook and its log, or from a listing that began then.
    #[serde(rename = "well_at", with = "milliseconds", default)]
    pub(super) complete_until: Option<Timestamp>,
    /// Whether it was disabled in the last run.
    #[serde(rename = "was_off", default)]
    pub(super) webhook_disabled: bool,
    /// When each of our webhooks was last changed. A change can mean that it was disabled for a while.
    #[serde(default)]
    pub(super) modified_on: BTreeMap<i64, Option<String>>,
    /// Whether the webhook may have been disabled since the last listing began.
    #[serde(default)]
    pub(super) listing_due: bool,
}

impl CatchUpProgress {
    /// Reads the stored progress. What cannot be read, such as that of another version, counts as none: the
    /// next run looks further back.
    pub(super) fn load(sql: &Sql) -> Result<Self, SqlError> {
        Ok(state::load(sql, KEY)?.unwrap_or_default())
    }

    /// Stores the progress.
    pub(super) fn save(&self, sql: &Sql) -> Result<(), SqlError> {
        state::save(sql, KEY, self)
    }
}

/// Whether the last run found our webhook disabled or deleted.
pub fn webhook_is_disabled(sql: &Sql) -> Result<bool, SqlError> {
    Ok(CatchUpProgress::load(sql)?.webhook_disabled)
}

/// Times as milliseconds since 1970.
mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_millisecond).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let time = Option::<i64>::deserialize(deserializer)?;
        Ok(time.and_then(|time| Timestamp::from_millisecond(time).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_that_of_earlier_versions() {
        let stored = r#"{"read_log_at":1772442871000,"well_at":null,"was_off":true,"modified_on":{"7":null}}"#;
        let progress: CatchUpProgress = serde_json::from_str(stored).unwrap();
        assert_eq!(
            progress,
            CatchUpProgress {
                log_read_at: "2026-03-02T09:14:31Z".parse().ok(),
                complete_until: None,
                webhook_disabled: true,
                modified_on: BTreeMap::from([(7, None)]),
                listing_due: false,
            }
        );
        let written = serde_json::to_string(&progress).unwrap();
        assert_eq!(written.replace(r#","listing_due":false"#, ""), stored);
    }
}
