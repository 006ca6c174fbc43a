//! The DocSpace client: the only code that knows the portal's API paths and responses.
//!
//! [`Client`] sends requests; [`Client::files`], [`Client::operations`], [`Client::webhooks`],
//! [`Client::delivery_log`] and [`Client::account`] group the calls. Each call is one request. It passes the
//! circuit breaker and the budget (`docspace/gate.rs`) and fails with an [`Error`] that says how to go on;
//! retrying is up to the caller.

mod account;
mod address;
mod breaker;
mod budget;
mod client;
mod delivery_log;
mod error;
mod file;
mod files;
mod folder;
mod gate;
mod operation;
mod operations;
mod page;
mod path;
mod person;
pub(crate) mod triggers;
mod unclaimed_results;
mod webhooks;

pub use account::{Account, KeyInfo};
pub use address::{editor_address, folder_address};
pub use breaker::{BreakerState, OpenReason};
pub use budget::Budget;
pub use client::{Client, WRITE_TIMEOUT};
pub use delivery_log::{DeliveryLog, LogRow};
pub use error::{Error, ErrorClass, WriteOutcome};
pub use file::FileInfo;
pub use files::{Files, LONGEST_COMMENT};
pub use folder::{FolderContent, FolderInfo, FolderRights};
pub use operation::{Conflict, Operation, OperationId, OperationKind, OperationState, Results};
pub use operations::{FILES_IN_ONE_CALL, Operations};
pub use page::Page;
pub use person::Person;
pub use webhooks::{WebhookConfig, WebhookSettings, Webhooks};
