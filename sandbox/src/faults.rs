//! Faults that are injected into API calls: queued ones in order, and random ones from a seed.

use std::collections::VecDeque;

/// A fault that affects the next calls it matches.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Only calls with this method; `None` for any.
    pub method: Option<&'static str>,
    /// Only calls whose path and query contain this; `""` for any.
    pub path_contains: &'static str,
    /// How many calls it affects.
    pub times: u32,
    /// What happens to them.
    pub effect: FaultEffect,
}

/// What a fault does to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultEffect {
    /// Responds with this status without processing the call.
    Status(u16),
    /// The same, with a `Retry-After` in seconds.
    StatusWithRetryAfter(u16, u64),
    /// Processes the call, then responds with this status.
    StatusAfter(u16),
    /// Responds as a proxy in front of the portal does, with this status and an HTML page. The portal does not
    /// get the call.
    Gateway(u16),
    /// The portal processes the call, but a proxy in front of it responds with this status and an HTML page.
    GatewayAfter(u16),
    /// Closes the connection without processing the call.
    DropBefore,
    /// Processes the call, then closes the connection.
    DropAfter,
    /// Never responds, and does not process the call.
    Hang,
    /// Processes the call only after `Portal::release_held_calls`, even if the client no longer waits for it.
    Hold,
    /// Accepts a copy, a move, a deletion or an archiving; the operation finishes with this error and changes nothing.
    OperationError(&'static str),
    /// Accepts and executes a copy, a move, a deletion or an archiving, but its result can never be read.
    OperationResultLost,
}

impl FaultEffect {
    /// Whether it affects the operation that a call starts, not the call itself.
    pub(super) fn affects_operation(&self) -> bool {
        matches!(self, Self::OperationError(_) | Self::OperationResultLost)
    }
}

/// Random faults: all effects after which a call ends.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    /// The same seed gives the same faults for the same order of calls.
    pub seed: u64,
    /// The probability of a fault in each API call, between 0 and 1.
    pub probability: f64,
}

/// The effects of random faults. A gateway that redirects or asks for a login has not forwarded the call.
const RANDOM_EFFECTS: [FaultEffect; 16] = [
    FaultEffect::DropBefore,
    FaultEffect::DropAfter,
    FaultEffect::Status(429),
    FaultEffect::Status(500),
    FaultEffect::Status(503),
    FaultEffect::StatusWithRetryAfter(429, 1),
    FaultEffect::StatusAfter(500),
    FaultEffect::StatusAfter(504),
    FaultEffect::Gateway(200),
    FaultEffect::Gateway(302),
    FaultEffect::Gateway(403),
    FaultEffect::Gateway(404),
    FaultEffect::GatewayAfter(403),
    FaultEffect::GatewayAfter(502),
    FaultEffect::OperationError("a random fault"),
    FaultEffect::OperationResultLost,
];

/// The faults that are active.
#[derive(Debug, Default)]
pub(super) struct Faults {
    queued: VecDeque<Fault>,
    random: Option<(RandomFaults, fastrand::Rng)>,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.queued.push_back(fault);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Fault) -> bool) {
        self.queued.retain(keep);
    }

    pub(super) fn set_random(&mut self, faults: Option<RandomFaults>) {
        self.random = faults.map(|faults| {
            let generator = fastrand::Rng::with_seed(faults.seed);
            (faults, generator)
        });
    }

    /// The random faults, if there are any.
    pub(super) fn random(&self) -> Option<&RandomFaults> {
        self.random.as_ref().map(|(faults, _)| faults)
    }

    /// The effect on a call, if there is one: that of the first queued fault that matches, or a random one.
    pub(super) fn next_effect(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        self.next_queued(method, path)
            .or_else(|| self.next_random(method, path))
    }

    fn next_queued(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        let position = self
            .queued
            .iter()
            .position(|fault| fault.matches(method, path))?;
        let fault = &mut self.queued[position];
        fault.times = fault.times.saturating_sub(1);
        let effect = fault.effect.clone();
        if fault.times == 0 {
            self.queued.remove(position);
        }
        Some(effect)
    }

    fn next_random(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        let (faults, generator) = self.random.as_mut()?;
        if generator.f64() >= faults.probability {
            return None;
        }
        let effect = RANDOM_EFFECTS[generator.usize(..RANDOM_EFFECTS.len())].clone();
        (starts_operation(method, path) || !effect.affects_operation()).then_some(effect)
    }
}

/// The ends of the paths of calls that start an operation.
const STARTING: [&str; 5] = [
    "/fileops/copy",
    "/fileops/move",
    "/fileops/delete",
    "/archive",
    "/unarchive",
];

/// The beginning of the paths of calls that start an operation when their method is DELETE.
const DELETING: &str = "/api/2.0/files/file/";

/// Whether a call starts an operation.
pub(super) fn starts_operation(method: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    match method {
        "PUT" => STARTING.iter().any(|end| path.ends_with(end)),
        "DELETE" => path.starts_with(DELETING),
        _ => false,
    }
}

impl Fault {
    fn matches(&self, method: &str, path: &str) -> bool {
        self.times > 0
            && self.method.is_none_or(|wanted| wanted == method)
            && path.contains(self.path_contains)
            && (starts_operation(method, path) || !self.effect.affects_operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_affects_the_calls_it_matches_as_often_as_set() {
        let mut faults = Faults::default();
        faults.push(Fault {
            method: Some("PUT"),
            path_contains: "copy",
            times: 2,
            effect: FaultEffect::Status(503),
        });
        faults.push(Fault {
            method: None,
            path_contains: "",
            times: 1,
            effect: FaultEffect::OperationResultLost,
        });
        let copy = "/api/2.0/files/fileops/copy";
        assert_eq!(faults.next_effect("GET", copy), None);
        assert_eq!(
            faults.next_effect("PUT", "/api/2.0/files/fileops/terminate/1"),
            None
        );
        assert_eq!(
            faults.next_effect("PUT", copy),
            Some(FaultEffect::Status(503))
        );
        assert_eq!(
            faults.next_effect("PUT", copy),
            Some(FaultEffect::Status(503))
        );
        assert_eq!(
            faults.next_effect("PUT", copy),
            Some(FaultEffect::OperationResultLost)
        );
        assert_eq!(faults.next_effect("PUT", copy), None);
    }

    #[test]
    fn random_faults_are_reproducible() {
        let draw = || {
            let mut faults = Faults::default();
            faults.set_random(Some(RandomFaults {
                seed: 7,
                probability: 0.5,
            }));
            (0..50)
                .map(|_| faults.next_effect("GET", "/"))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!(draw().contains(&None));
        assert!(draw().contains(&Some(FaultEffect::DropAfter)));
        assert!(!draw().contains(&Some(FaultEffect::OperationResultLost)));
    }
}
