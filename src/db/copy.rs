//! Moving house: everything in a store's file into an empty database, in one transaction.
//!
//! It copies tables as they are, whatever their columns mean, so this is the one place outside the
//! modules of the tables that names them. Ids stay what they are, and later ones go on where the file's
//! would have.

use std::path::Path;

use serde::Serialize;

use super::sql::{Sql, SqlError};
use super::sqlite;
use super::value::{Cell, Params, Value};
use super::{Db, StoreError};

/// What is copied, in an order that never refers to what is not there yet, each with the columns that
/// its rows are told apart by. What instances say of themselves stays behind.
const TABLES: [(&str, &[&str]); 4] = [
    ("state", &["key"]),
    ("events", &["id"]),
    ("decisions", &["event", "position"]),
    ("actions", &["id"]),
];

/// Tables whose ids the database gives.
const NUMBERED: [&str; 2] = ["events", "actions"];

/// Rows read at once.
const PAGE: u32 = 1_000;

/// How many rows of a table there are on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The table.
    pub table: &'static str,
    /// Its rows in the file.
    pub from: i64,
    /// Its rows in the database, counted there after the commit.
    pub to: i64,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is something in the database already.
    #[error("the database is not empty: its table {0} has rows; copy into an empty one")]
    NotEmpty(&'static str),
    /// The file cannot be read, or the database not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the store in a file, which nobody else may be working on, into an empty database.
pub async fn copy(from: &Path, to: &Db) -> Result<Vec<Count>, CopyError> {
    let file = sqlite::reader(from).map_err(StoreError::from)?;
    let counts = count(&file).map_err(StoreError::from)?;
    let occupied = to
        .write(move |sql| {
            let occupied = first_with_rows(sql)?;
            if occupied.is_none() {
                for (table, key) in TABLES {
                    copy_table(&file, sql, table, key)?;
                }
                number_on(&file, sql)?;
                end_leases(sql)?;
            }
            Ok(occupied)
        })
        .await?;
    if let Some(table) = occupied {
        return Err(CopyError::NotEmpty(table));
    }
    let arrived = to.read(count).await?;
    let both = counts.into_iter().zip(arrived);
    Ok(both
        .map(|((table, from), (_, to))| Count { table, from, to })
        .collect())
}

fn count(sql: &Sql) -> Result<Vec<(&'static str, i64)>, SqlError> {
    TABLES
        .iter()
        .map(|(table, _)| {
            // The probe is nobody's fact.
            let probe = if *table == "state" {
                "WHERE key <> 'probe'"
            } else {
                ""
            };
            let question = format!("SELECT count(*) FROM {table} {probe}");
            Ok((*table, sql.query_one(&question, &[], |row| row.get(0))?))
        })
        .collect()
}

/// A table of the database in which there is something, or an instance that is at work on it.
fn first_with_rows(sql: &Sql) -> Result<Option<&'static str>, SqlError> {
    let occupied = count(sql)?.into_iter().find(|(_, rows)| *rows > 0);
    let at_work = sql.exists("SELECT 1 FROM instances LIMIT 1", &[])?;
    Ok(occupied
        .map(|(table, _)| table)
        .or(at_work.then_some("instances")))
}

fn copy_table(from: &Sql, to: &Sql, table: &str, key: &[&str]) -> Result<(), SqlError> {
    let columns: Vec<String> = from.query(
        "SELECT name FROM pragma_table_info(:table)",
        &[(":table", table.into())],
        |row| row.get(0),
    )?;
    let types: Vec<String> = from.query(
        "SELECT type FROM pragma_table_info(:table)",
        &[(":table", table.into())],
        |row| row.get(0),
    )?;
    let names: Vec<String> = columns.iter().map(|column| format!(":{column}")).collect();
    let (list, order) = (columns.join(", "), key.join(", "));
    let insert = format!(
        "INSERT INTO {table} ({list}) VALUES ({}) ON CONFLICT ({order}) DO NOTHING",
        names.join(", ")
    );
    let last_names: Vec<String> = key.iter().map(|column| format!(":{column}")).collect();
    let first_page = format!("SELECT {list} FROM {table} ORDER BY {order} LIMIT {PAGE}");
    let next_page = format!(
        "SELECT {list} FROM {table} WHERE ({order}) > ({}) ORDER BY {order} LIMIT {PAGE}",
        last_names.join(", ")
    );
    let places: Vec<usize> = key
        .iter()
        .filter_map(|name| columns.iter().position(|column| column == name))
        .collect();

    let read = |question: &str, params: Params<'_>| {
        from.query(question, params, |row| {
            (0..columns.len())
                .map(|place| row.get::<Cell>(place))
                .collect::<Result<Vec<_>, _>>()
        })
    };
    let mut page = read(&first_page, &[])?;
    while let Some(last) = page.last() {
        for row in &page {
            let values: Vec<(&str, Value<'_>)> = names
                .iter()
                .zip(row.iter().zip(&types))
                .map(|(name, (cell, of_type))| (name.as_str(), value(cell, of_type)))
                .collect();
            to.execute(&insert, &values)?;
        }
        let after: Vec<(&str, Value<'_>)> = last_names
            .iter()
            .zip(&places)
            .map(|(name, place)| (name.as_str(), value(&last[*place], &types[*place])))
            .collect();
        let next = read(&next_page, &after)?;
        page = next;
    }
    Ok(())
}

/// A cell of a column as a parameter; what is absent has its column's type.
fn value<'a>(cell: &'a Cell, of_type: &str) -> Value<'a> {
    match cell {
        Cell::Integer(number) => Value::Integer(Some(*number)),
        Cell::Text(text) => Value::Text(Some(text)),
        Cell::Blob(bytes) => Value::Blob(Some(bytes)),
        Cell::Null if of_type == "INTEGER" => Value::Integer(None),
        Cell::Null if of_type == "BLOB" => Value::Blob(None),
        Cell::Null => Value::Text(None),
    }
}

/// Lets the database give the ids that the file would have given next: none comes twice, not even one
/// whose row was removed.
fn number_on(from: &Sql, to: &Sql) -> Result<(), SqlError> {
    for table in NUMBERED {
        let last: Option<i64> = from.query_optional(
            "SELECT seq FROM sqlite_sequence WHERE name = :table",
            &[(":table", table.into())],
            |row| row.get(0),
        )?;
        to.query(
            "SELECT setval(pg_get_serial_sequence(:table, 'id'), :next, false)",
            &[
                (":table", table.into()),
                (":next", (last.unwrap_or(0) + 1).into()),
            ],
            |_| Ok(()),
        )?;
    }
    Ok(())
}

/// The service that held them has ended, or the file could not be read.
fn end_leases(sql: &Sql) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions SET lease_until = 0 WHERE state = 'running'",
        &[],
    )?;
    Ok(())
}
