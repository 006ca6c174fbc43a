//! The DocSpace client: the only code that knows the portal's API paths and responses.
//!
//! The calls of a [`Client`] are grouped by what they are about: `client.files().folder(..)`. Each is one request
//! (`docspace/transport.rs`), which passes the circuit breaker and the budget (`docspace/gate.rs`) and fails with
//! an [`Error`] that says how to go on. Retrying is up to the caller.

mod account;
mod activity;
mod address;
mod budget;
mod call;
mod client;
mod delivery_log;
mod error;
mod error_body;
mod exchanges;
mod file;
mod files;
mod folder;
mod gate;
mod links;
mod members;
mod new_rooms;
mod open_reason;
mod operation;
mod operations;
mod page;
mod path;
mod people;
mod person;
mod rule_calls;
mod title;
mod transport;
pub(crate) mod triggers;
mod unclaimed_results;
mod upload;
mod webhooks;

pub use account::{ApiKeyAccount, KeyInfo};
pub use activity::Activity;
pub use address::{editor_address, folder_address, person_address};
pub use budget::{BURST, Budget, CALLS_A_SECOND, CallBlock, RecordCalls, WRITES_A_DAY};
pub use client::Client;
pub use delivery_log::{DeliveryLog, LogRow};
pub use error::{Error, ErrorClass, WriteOutcome};
pub use exchanges::{Exchange, Exchanges, TransferRequest};
pub use file::{FileInfo, LockHolder};
pub use files::{Files, MAX_COMMENT_LENGTH, MAX_TAG_LENGTH};
pub use folder::{FolderContent, FolderInfo, FolderRights};
pub use links::{FileLink, LinkAccess, Links, MAX_FILE_LINKS, MAX_LINK_DAYS, WantedLink};
pub use members::{Invitee, Member, Members, Role};
pub use new_rooms::{NewRoomType, NewRooms, RoomBase, TemplateTask};
pub use open_reason::OpenReason;
pub use operation::{
    Conflict, Operation, OperationId, OperationKind, OperationNumber, OperationState, Results,
};
pub use operations::{FILES_IN_ONE_CALL, FILES_IN_ONE_LARGE_CALL, Operations};
pub use page::Page;
pub use people::{AccountStatus, GroupInfo, People, Profile};
pub use person::Person;
pub use rule_calls::{CallMethod, RuleCalls};
pub use title::{converted_title, file_title, folder_title, has_extension, renamed_title};
pub use transport::WRITE_TIMEOUT;
pub use upload::IfExists;
pub use webhooks::{WebhookConfig, WebhookSettings, Webhooks};
