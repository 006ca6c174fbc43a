//! A simulated DocSpace portal: rooms and files in memory behind DocSpace's HTTP API, and webhooks delivered
//! as DocSpace delivers them.
//!
//! [`Portal`] is the portal. [`Portal::serve`] serves its API and a page for people; the other methods do what
//! users of the portal do (upload, rename, delete), inject faults, and show the resulting state.
//!
//! The behaviour follows `docs/DOCSPACE.md`, including what makes receivers fail: the result of an operation
//! can be read once, different refusals look the same, and failed deliveries are repeated with another body.
//!
//! Not imitated are third-party storage, quotas, forms and their roles, versions other than the newest, copies of rooms,
//! events about people, and what a conversion makes of a document. A call that the sandbox lacks is not found.
//!
//! This crate shares no code with the service that is tested against it. It signs, encodes and parses by
//! itself, so that a mistake in the service cannot cancel itself out.

mod portal;
mod seed;
mod settings;
mod state;

// What the portal holds.
mod guid;
mod ids;
mod level;
mod people;
mod room_kind;
mod storage;
mod user;

// Webhooks and their deliveries.
mod body;
mod dotnet_json;
mod event;
mod sender;
mod signature;
mod triggers;
mod webhook;
mod webhooks;

// The HTTP API.
mod access;
mod api;
mod archiving;
mod bulk_download;
mod call_log;
mod conversion;
mod deletion;
mod deviation;
mod fault_rules;
mod faults;
mod json;
mod operations;
mod rate_limit;
mod refusal;
mod server;
mod sharing;
mod template;
mod transfer;
mod zip;

// The page for people, and the API that controls the sandbox.
mod control;
mod page;
mod page_access;

pub use self::call_log::Call;
pub use self::deviation::{Deviation, UnknownDeviation};
pub use self::event::UploadEvents;
pub use self::faults::{Fault, FaultEffect, RandomFaults};
pub use self::ids::{EventId, FileId, FolderId, WebhookId};
pub use self::portal::Portal;
pub use self::portal::files::FileView;
pub use self::portal::rooms::{LinkView, MemberView, RoomView};
pub use self::portal::webhooks::{DeliveryLogRow, WebhookView};
pub use self::seed::Seed;
pub use self::settings::{PortalSettings, TimeSource};
pub use self::signature::{SIGNATURE_HEADER, sign};
pub use self::triggers::DEFAULT_TRIGGERS;

#[cfg(test)]
mod tests;
