//! The database that contains the store.

use std::path::PathBuf;

use crate::db::{Location, Server};

use super::reader::Reader;

/// Default of `DATABASE_URL`.
const DATABASE_URL: &str = "sqlite://courier.db";

/// `DATABASE_URL` and `DATABASE_CA_FILE`.
pub(super) fn database(reader: &mut Reader<'_>) -> Option<Location> {
    const NAME: &str = "DATABASE_URL";

    let certificates = reader
        .certificates("DATABASE_CA")
        .and_then(|_| reader.get("DATABASE_CA").map(str::to_owned));
    let url = reader.get(NAME).unwrap_or(DATABASE_URL);
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return match Server::parse(url, certificates) {
            Ok(server) => Some(Location::Server(Box::new(server))),
            Err(error) => {
                reader.problem(NAME, error.to_string());
                None
            }
        };
    }
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"));
    match path.map(|path| path.split_once('?').map_or(path, |(path, _)| path)) {
        Some("") => reader.problem(NAME, "does not name a file; write sqlite://courier.db"),
        Some(path) => return Some(Location::File(PathBuf::from(path))),
        None => reader.problem(
            NAME,
            "must look like sqlite://courier.db or postgres://user:password@host/database",
        ),
    }
    None
}
