//! The state of a portal. It is behind one mutex, which is never held across an await; whatever waits is a task of
//! its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Access;
use super::call_log::CallLog;
use super::conversion::Conversions;
use super::deviation::Deviation;
use super::event::{Event, Payload};
use super::fault_rules::FaultRules;
use super::faults::Faults;
use super::ids::{EventId, FileId, FolderId};
use super::json::Renderer;
use super::operations::Operations;
use super::rate_limit::RateLimit;
use super::seed::Seed;
use super::settings::TimeSource;
use super::storage::{Action, Storage, clean_title};
use super::template::RoomFromTemplate;
use super::user::User;
use super::webhooks::Webhooks;

/// What all handles to a portal share.
pub(super) struct Shared {
    pub(super) api_key: String,
    pub(super) secret: String,
    pub(super) seed: Seed,
    pub(super) created: Timestamp,
    pub(super) time: TimeSource,
    /// How far the clock was moved, in seconds.
    pub(super) clock_offset: AtomicI64,
    pub(super) retry_waits: Vec<Duration>,
    pub(super) delivery_timeout: Duration,
    /// For deliveries, and for the probe of a new receiver.
    pub(super) client: reqwest::Client,
    pub(super) delivery_permits: Semaphore,
    /// The deliveries that are queued, running or waiting for a retry.
    pub(super) deliveries: TaskTracker,
    /// The operations that are queued or running.
    pub(super) operations: TaskTracker,
    /// The calls that a fault holds, or that were released and are being processed.
    pub(super) held: TaskTracker,
    pub(super) state: Mutex<State>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        let offset = self.clock_offset.load(Ordering::Relaxed);
        self.time.now() + SignedDuration::from_secs(offset)
    }
}

/// An upload in chunks.
#[derive(Debug)]
pub(super) struct UploadSession {
    pub(super) id: String,
    pub(super) folder: FolderId,
    pub(super) title: String,
    /// The size of the whole file.
    pub(super) size: u64,
    /// Whether it becomes another file if there is one of the title.
    pub(super) creates: bool,
    /// What has arrived.
    pub(super) content: Vec<u8>,
}

/// Everything that changes.
pub(super) struct State {
    pub(super) storage: Storage,
    pub(super) operations: Operations,
    pub(super) conversions: Conversions,
    /// The creation of a room from a template that runs or ran last.
    pub(super) room_from_template: Option<RoomFromTemplate>,
    pub(super) webhooks: Webhooks,
    /// The uploads in chunks that are not complete.
    pub(super) uploads: Vec<UploadSession>,
    pub(super) faults: Faults,
    pub(super) fault_rules: FaultRules,
    pub(super) deviations: BTreeSet<Deviation>,
    pub(super) access: Access,
    pub(super) calls: CallLog,
    pub(super) latency: Duration,
    pub(super) operation_time: Duration,
    pub(super) rate: RateLimit,
    pub(super) address: Option<SocketAddr>,
    /// The time zone for whose local times the times of the delivery log are taken, which are in UTC.
    pub(super) log_zone: TimeZone,
    pub(super) log_zone_name: String,
    /// How many undelivered rows count as delivered after each page of the delivery log.
    pub(super) delivered_per_log_page: usize,
    /// How many undelivered rows are added after each page of the delivery log.
    pub(super) added_per_log_page: usize,
    /// Rows of the delivery log that no task delivers yet.
    pub(super) undelivered: Vec<EventId>,
    /// The invitations sent by e-mail: the room, and the address.
    pub(super) invitation_mails: Vec<(FolderId, String)>,
    /// Ends the wait of the calls that a fault holds now.
    pub(super) released: CancellationToken,
}

impl State {
    /// Raises an event about a file, if the file exists.
    pub(super) fn publish_file(
        &mut self,
        trigger: &'static str,
        id: &FileId,
        by: User,
        now: Timestamp,
    ) {
        if let Some(payload) = Payload::of_file_in(&self.storage, id) {
            self.publish(trigger, payload, by, now);
        }
    }

    /// Raises an event about a folder, if the folder exists.
    pub(super) fn publish_folder(
        &mut self,
        trigger: &'static str,
        id: &FolderId,
        by: User,
        now: Timestamp,
    ) {
        if let Some(payload) = Payload::of_folder_in(&self.storage, id) {
            self.publish(trigger, payload, by, now);
        }
    }

    /// Renames a folder or room and raises the event.
    pub(super) fn rename_folder(&mut self, id: &FolderId, title: &str, by: User, now: Timestamp) {
        let Some(folder) = self.storage.folder_mut(id) else {
            return;
        };
        folder.title = clean_title(title.trim());
        folder.updated = now;
        let (trigger, action) = if folder.is_room() {
            ("room.updated", Action::RoomRenamed)
        } else {
            ("folder.updated", Action::FolderRenamed)
        };
        self.storage.log_folder(action, id, by, now);
        self.publish_folder(trigger, id, by, now);
    }

    /// Raises an event.
    pub(super) fn publish(
        &mut self,
        trigger: &'static str,
        payload: Payload,
        by: User,
        now: Timestamp,
    ) {
        let event = Event {
            trigger,
            on: now,
            by: by.id(),
            payload,
        };
        let rows = self.webhooks.publish(&event, now);
        self.undelivered.extend(rows);
    }

    /// The address in links; a placeholder until the portal is served.
    pub(super) fn base_url(&self) -> String {
        self.address.map_or_else(
            || "http://sandbox.invalid".to_owned(),
            |address| format!("http://{address}"),
        )
    }

    pub(super) fn renderer<'a>(&'a self, base_url: &'a str) -> Renderer<'a> {
        Renderer {
            storage: &self.storage,
            base_url,
        }
    }
}
