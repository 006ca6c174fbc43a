//! What a test controls: the API key, the speed and the failures of the portal; and what it can observe.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Portal;
use crate::call_log::Call;
use crate::deviation::Deviation;
use crate::faults::{Fault, RandomFaults};

impl Portal {
    /// Makes the API key valid or invalid.
    pub fn set_key_valid(&self, valid: bool) {
        self.state().access.key_valid = valid;
    }

    /// Replaces the scopes of the API key; none means all.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.state().access.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    /// While the portal is down, it closes the connection of every API call without a response.
    pub fn set_down(&self, down: bool) {
        self.state().access.down = down;
    }

    /// Queues a fault behind the ones queued before.
    pub fn inject_fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Removes the queued faults for which this returns false.
    pub fn retain_faults(&self, keep: impl Fn(&Fault) -> bool) {
        self.state().faults.retain(keep);
    }

    /// Starts or ends random faults.
    pub fn set_random_faults(&self, faults: Option<RandomFaults>) {
        self.state().faults.set_random(faults);
    }

    /// Lets the portal do these things otherwise than DocSpace from now on, and all others as DocSpace does.
    pub fn set_deviations(&self, deviations: &[Deviation]) {
        self.state().deviations = deviations.iter().copied().collect();
    }

    /// The API calls so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.all()
    }

    /// How many API calls there were so far.
    pub fn calls_made(&self) -> usize {
        self.state().calls.len()
    }

    /// Changes how much is added to every API call.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Changes how long copies and moves take that start from now on.
    pub fn set_operation_time(&self, time: Duration) {
        self.state().operation_time = time;
    }

    /// Drops the results of finished operations that were not read yet.
    pub fn forget_results(&self) {
        self.state().operations.forget_results();
    }

    /// Gives the delivery log a time zone, such as `IST-5:30` or `CET-1CEST,M3.5.0,M10.5.0/3` in the notation of POSIX.
    /// The portal takes the times of the log for local times, as it does with its default database, so they are wrong by
    /// its offset from UTC (docs/DOCSPACE.md 8).
    pub fn set_log_time_zone(&self, zone: &str) -> Result<(), jiff::Error> {
        let mut state = self.state();
        state.log_zone = TimeZone::posix(zone)?;
        zone.clone_into(&mut state.log_zone_name);
        Ok(())
    }

    /// After each page of the delivery log, counts this many of the newest undelivered rows as delivered, so that
    /// the following pages shift.
    pub fn set_delivered_per_log_page(&self, rows: usize) {
        self.state().delivered_per_log_page = rows;
    }

    /// After each page of the delivery log, adds copies of this many of the newest rows, which are never
    /// delivered, so that the log grows while it is read.
    pub fn set_added_per_log_page(&self, rows: usize) {
        self.state().added_per_log_page = rows;
    }

    /// Drops all operations without executing those that are queued or running, as a restart of the portal can.
    pub fn drop_operations(&self) {
        self.state().operations.clear();
    }

    /// How many calls [`FaultEffect::Hold`](crate::FaultEffect::Hold) holds.
    pub fn held_calls(&self) -> usize {
        self.shared.held.len()
    }

    /// Lets the portal process the held calls, and waits until it has.
    pub async fn release_held_calls(&self) {
        std::mem::take(&mut self.state().released).cancel();
        self.shared.held.wait().await;
    }

    /// Waits until no operation is queued or running.
    pub async fn wait_for_operations(&self) {
        self.shared.operations.wait().await;
    }
}
