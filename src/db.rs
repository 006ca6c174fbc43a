//! The store: runs writes in shared commits, and reads beside them.
//!
//! A caller gets the result of a write only after the commit that contains it is on disk. Reads have
//! connections of their own. The SQL itself is in the modules that own the tables, which write it to
//! [`Sql`].

// What goes in and out.
mod error;
mod location;
mod lock;
mod queue;
mod row;
mod value;

// The drivers, and what both share.
mod postgres;
mod sql;
mod sqlite;
mod write;

mod migrate;

mod handle;

pub mod backup;
pub mod copy;
pub mod state;

pub use error::{SqlError, StoreError};
pub use handle::Db;
pub use location::{BadAddress, Location, Server};
pub use lock::WriteLock;
pub use queue::Queue;
pub(crate) use row::stored_words;
pub use row::{FromColumn, Row};
pub use sql::Sql;
pub use value::{Params, Value, ZeroAsNone};
pub use write::LockOrder;

#[cfg(test)]
pub(crate) use sql::query_count;
