//! Trouble on request: a bad key, a portal that is slow, down or failing; and what was asked of it.

use std::time::Duration;

use super::Portal;
use super::calls::Call;
use super::faults::{Chaos, Fault};

impl Portal {
    /// Makes the API key a valid or an invalid one.
    pub fn set_key_valid(&self, valid: bool) {
        self.state().access.key_valid = valid;
    }

    /// Gives the API key these scopes; none means all.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.state().access.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    /// While it is down, the portal cuts every API connection without an answer.
    pub fn set_down(&self, down: bool) {
        self.state().access.down = down;
    }

    /// Adds a fault behind those that wait already.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Starts or ends random faults.
    pub fn set_chaos(&self, chaos: Option<Chaos>) {
        self.state().faults.set_chaos(chaos);
    }

    /// Every API call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.all()
    }

    /// Changes what is added to every API call.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Changes how long copies and moves queued from now on take.
    pub fn set_operation_time(&self, time: Duration) {
        self.state().operation_time = time;
    }

    /// Drops the result of every finished operation that nobody has read.
    pub fn forget_results(&self) {
        self.state().operations.forget_results();
    }
}
