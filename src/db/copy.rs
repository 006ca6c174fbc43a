//! Copies a SQLite store into an empty PostgreSQL database in one transaction.
//!
//! Whole tables are copied whatever their columns mean, so this file names tables that other modules own.
//! Ids are kept, and new ids continue after the largest one that the file has ever given.

use std::path::Path;

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use serde::Serialize;

use super::error::{SqlError, StoreError};
use super::handle::Db;
use super::sql::Sql;
use super::sqlite::connection::connect;
use super::value::Value;

/// The tables to copy, each with its primary key, in an order in which foreign keys always find their row.
/// What instances store about themselves is not copied, nor are sessions.
const TABLES: [(&str, &[&str]); 10] = [
    ("state", &["key"]),
    ("listed_folders", &["folder"]),
    ("paused_rules", &["rule"]),
    ("backfills", &["id"]),
    ("changes", &["id"]),
    ("events", &["id"]),
    ("decisions", &["event", "position"]),
    ("actions", &["id"]),
    ("folder_creations", &["parent", "title"]),
    ("created_folders", &["folder"]),
];

/// Tables whose ids the database assigns.
const NUMBERED: [&str; 4] = ["events", "actions", "backfills", "changes"];

/// Rows read at once.
const PAGE: u32 = 1_000;

/// The number of rows of a table on both sides.
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
    /// The database already contains rows.
    #[error("the database is not empty: its table {0} has rows; copy into an empty one")]
    NotEmpty(&'static str),
    /// The file cannot be read, or the database cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the store in a file, which no service may be using, into an empty database. `finish` runs in the
/// same transaction after the last row.
pub async fn copy(
    from: &Path,
    to: &Db,
    finish: fn(&Sql) -> Result<usize, SqlError>,
) -> Result<Vec<Count>, CopyError> {
    let file = connect(from)
        .map_err(SqlError::from)
        .map_err(StoreError::from)?;
    let counts = count_in_file(&file).map_err(StoreError::from)?;
    let occupied = to
        .write(move |sql| {
            let occupied = first_with_rows(sql)?;
            if occupied.is_none() {
                for (table, key) in TABLES {
                    TableCopy::read(&file, table, key)?.copy(&file, sql)?;
                }
                continue_ids(&file, sql)?;
                finish(sql)?;
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

fn count_query(table: &str) -> String {
    // The row that readiness probes write does not count.
    let condition = if table == "state" {
        "WHERE key <> 'probe'"
    } else {
        ""
    };
    format!("SELECT count(*) FROM {table} {condition}")
}

fn count_in_file(file: &Connection) -> Result<Vec<(&'static str, i64)>, SqlError> {
    let count = |table: &str| file.query_row(&count_query(table), [], |row| row.get(0));
    TABLES
        .iter()
        .map(|&(table, _)| Ok((table, count(table)?)))
        .collect()
}

fn count(sql: &Sql) -> Result<Vec<(&'static str, i64)>, SqlError> {
    let count = |table: &str| sql.query_one(&count_query(table), &[], |row| row.get(0));
    TABLES
        .iter()
        .map(|&(table, _)| Ok((table, count(table)?)))
        .collect()
}

/// A table of the database that contains rows, those of running instances included.
fn first_with_rows(sql: &Sql) -> Result<Option<&'static str>, SqlError> {
    let occupied = count(sql)?.into_iter().find(|(_, rows)| *rows > 0);
    let at_work = sql.exists("SELECT 1 FROM instances LIMIT 1", &[])?;
    Ok(occupied
        .map(|(table, _)| table)
        .or(at_work.then_some("instances")))
}

/// A table of the file.
struct TableCopy {
    name: &'static str,
    key: String,
    /// The key's positions among the columns.
    key_positions: Vec<usize>,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    declared_type: String,
    /// The name of its parameter.
    parameter: String,
}

impl TableCopy {
    fn read(file: &Connection, name: &'static str, key: &[&str]) -> Result<Self, SqlError> {
        let mut statement = file.prepare("SELECT name, type FROM pragma_table_info(?1)")?;
        let columns = statement.query_map([name], |row| {
            let name: String = row.get(0)?;
            Ok(Column {
                parameter: format!(":{name}"),
                declared_type: row.get(1)?,
                name,
            })
        })?;
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let position = |name: &&str| columns.iter().position(|column| column.name == *name);
        Ok(Self {
            name,
            key: key.join(", "),
            key_positions: key.iter().filter_map(position).collect(),
            columns,
        })
    }

    fn copy(&self, from: &Connection, to: &Sql) -> Result<(), SqlError> {
        let insert = self.insert();
        let mut page = self.page_after(from, None)?;
        while let Some(last) = page.last() {
            for row in &page {
                let values: Vec<(&str, Value<'_>)> = self
                    .columns
                    .iter()
                    .zip(row)
                    .map(|(column, stored)| Ok((column.parameter.as_str(), column.value(stored)?)))
                    .collect::<Result<_, SqlError>>()?;
                to.execute(&insert, &values)?;
            }
            page = self.page_after(from, Some(last))?;
        }
        Ok(())
    }

    fn insert(&self) -> String {
        let parameters: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.parameter.as_str())
            .collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO NOTHING",
            self.name,
            self.column_list(),
            parameters.join(", "),
            self.key
        )
    }

    fn column_list(&self) -> String {
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        names.join(", ")
    }

    /// The rows that follow this one in the order of the key, or the first ones.
    fn page_after(
        &self,
        from: &Connection,
        last: Option<&Vec<Stored>>,
    ) -> Result<Vec<Vec<Stored>>, SqlError> {
        let after: Vec<&Stored> = last
            .map(|row| {
                self.key_positions
                    .iter()
                    .map(|&position| &row[position])
                    .collect()
            })
            .unwrap_or_default();
        let condition = if after.is_empty() {
            String::new()
        } else {
            format!(
                "WHERE ({}) > ({})",
                self.key,
                vec!["?"; after.len()].join(", ")
            )
        };
        let mut statement = from.prepare_cached(&format!(
            "SELECT {} FROM {} {condition} ORDER BY {} LIMIT {PAGE}",
            self.column_list(),
            self.name,
            self.key
        ))?;
        let width = self.columns.len();
        let rows = statement.query_map(params_from_iter(after), |row| {
            (0..width).map(|position| row.get(position)).collect()
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Column {
    fn value<'a>(&self, stored: &'a Stored) -> Result<Value<'a>, SqlError> {
        Ok(match stored {
            Stored::Integer(number) => Value::Integer(Some(*number)),
            Stored::Text(text) => Value::Text(Some(text)),
            Stored::Blob(bytes) => Value::Blob(Some(bytes)),
            Stored::Null => match self.declared_type.as_str() {
                "INTEGER" => Value::Integer(None),
                "BLOB" => Value::Blob(None),
                _ => Value::Text(None),
            },
            Stored::Real(_) => {
                let name = &self.name;
                return Err(SqlError::Unexpected(format!("number in column {name}")));
            }
        })
    }
}

/// Makes the database assign the ids that the file would have assigned next, so that no id is used twice,
/// not even that of a deleted row.
fn continue_ids(from: &Connection, to: &Sql) -> Result<(), SqlError> {
    for table in NUMBERED {
        let last: Option<i64> = from
            .query_row(
                "SELECT seq FROM sqlite_sequence WHERE name = ?1",
                [table],
                |row| row.get(0),
            )
            .optional()?;
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
