//! The table `state`: one value under a key, as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Sql, SqlError};

/// The value under a key. One that cannot be read, such as that of another version, counts as absent.
pub fn load<T: DeserializeOwned>(sql: &Sql, key: &str) -> Result<Option<T>, SqlError> {
    let text: Option<String> = sql.query_optional(
        "SELECT value FROM state WHERE key = :key",
        &[(":key", key.into())],
        |row| row.get(0),
    )?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Stores a value under a key.
pub fn save<T: Serialize>(sql: &Sql, key: &str, value: &T) -> Result<(), SqlError> {
    let text = to_json(value);
    sql.execute(
        "INSERT INTO state (key, value) VALUES (:key, :value)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        &[(":key", key.into()), (":value", (&text).into())],
    )?;
    Ok(())
}

/// Replaces a value by the next one, unless it has changed meanwhile. Returns whether it was replaced.
pub fn replace<T: Serialize>(
    sql: &Sql,
    key: &str,
    current: &T,
    next: &T,
) -> Result<bool, SqlError> {
    let (current, next) = (to_json(current), to_json(next));
    let replaced = sql.execute(
        "UPDATE state SET value = :next WHERE key = :key AND value = :current",
        &[
            (":key", key.into()),
            (":current", (&current).into()),
            (":next", (&next).into()),
        ],
    )?;
    Ok(replaced > 0)
}

/// Removes a value, unless it has changed meanwhile. Returns whether it was removed.
pub fn remove<T: Serialize>(sql: &Sql, key: &str, current: &T) -> Result<bool, SqlError> {
    let removed = sql.execute(
        "DELETE FROM state WHERE key = :key AND value = :current",
        &[
            (":key", key.into()),
            (":current", (&to_json(current)).into()),
        ],
    )?;
    Ok(removed > 0)
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("stored values are plain data")
}
