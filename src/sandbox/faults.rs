//! Faults the portal commits on request: once and in order, or at random from a seed.

use std::collections::VecDeque;

/// A fault that strikes the next calls it fits.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Only calls with this method; `None` for any.
    pub method: Option<&'static str>,
    /// Only calls whose path and query contain this; `""` for any.
    pub path_contains: &'static str,
    /// How many calls it strikes.
    pub times: u32,
    /// What it does to them.
    pub effect: FaultEffect,
}

/// What a fault does to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultEffect {
    /// Answers with this status and does nothing.
    Status(u16),
    /// The same with a `Retry-After` of so many seconds.
    StatusWithRetryAfter(u16, u64),
    /// Does the work, then answers with this status.
    StatusAfterDoing(u16),
    /// Cuts the connection and does nothing.
    DropBefore,
    /// Does the work, then cuts the connection.
    DropAfter,
    /// Never answers, and does nothing.
    Hang,
    /// Accepts a copy or move; the operation finishes with this error and touches no file.
    OperationError(&'static str),
    /// Accepts and does a copy or move, but its result can never be read.
    OperationVanishes,
}

impl FaultEffect {
    /// Whether the effect is one on a copy or move instead of one on the call.
    fn strikes_operation(&self) -> bool {
        matches!(self, Self::OperationError(_) | Self::OperationVanishes)
    }
}

/// Random faults; each probability is between 0 and 1 and holds for each API call.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// The same seed gives the same faults for the same order of calls.
    pub seed: u64,
    /// Cut the connection after doing the work.
    pub drop_after: f64,
    /// Cut the connection before doing anything.
    pub drop_before: f64,
    /// Answer 500, 503 or 429 before doing anything.
    pub status: f64,
}

/// The faults that wait for their calls.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: VecDeque<Fault>,
    chaos: Option<(Chaos, fastrand::Rng)>,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.waiting.push_back(fault);
    }

    pub(super) fn set_chaos(&mut self, chaos: Option<Chaos>) {
        self.chaos = chaos.map(|chaos| {
            let random = fastrand::Rng::with_seed(chaos.seed);
            (chaos, random)
        });
    }

    /// The effect on this call, if there is one; the first fault that fits is used up by one.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        self.strike_from_queue(method, path)
            .or_else(|| self.strike_at_random())
    }

    fn strike_from_queue(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        let position = self
            .waiting
            .iter()
            .position(|fault| fault.fits(method, path))?;
        let fault = &mut self.waiting[position];
        fault.times = fault.times.saturating_sub(1);
        let effect = fault.effect.clone();
        if fault.times == 0 {
            self.waiting.remove(position);
        }
        Some(effect)
    }

    fn strike_at_random(&mut self) -> Option<FaultEffect> {
        let (chaos, random) = self.chaos.as_mut()?;
        let draw = random.f64();
        if draw < chaos.drop_before {
            Some(FaultEffect::DropBefore)
        } else if draw < chaos.drop_before + chaos.drop_after {
            Some(FaultEffect::DropAfter)
        } else if draw < chaos.drop_before + chaos.drop_after + chaos.status {
            Some(FaultEffect::Status([500, 503, 429][random.usize(..3)]))
        } else {
            None
        }
    }
}

impl Fault {
    fn fits(&self, method: &str, path: &str) -> bool {
        let starts_operation =
            method == "PUT" && (path.contains("/fileops/copy") || path.contains("/fileops/move"));
        self.times > 0
            && self.method.is_none_or(|wanted| wanted == method)
            && path.contains(self.path_contains)
            && (starts_operation || !self.effect.strikes_operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_what_it_fits_and_only_so_often() {
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
            effect: FaultEffect::OperationVanishes,
        });
        let copy = "/api/2.0/files/fileops/copy";
        assert_eq!(faults.strike("GET", copy), None);
        assert_eq!(
            faults.strike("PUT", "/api/2.0/files/fileops/terminate/1"),
            None
        );
        assert_eq!(faults.strike("PUT", copy), Some(FaultEffect::Status(503)));
        assert_eq!(faults.strike("PUT", copy), Some(FaultEffect::Status(503)));
        assert_eq!(
            faults.strike("PUT", copy),
            Some(FaultEffect::OperationVanishes)
        );
        assert_eq!(faults.strike("PUT", copy), None);
    }

    #[test]
    fn chaos_repeats_itself() {
        let draw = || {
            let mut faults = Faults::default();
            faults.set_chaos(Some(Chaos {
                seed: 7,
                drop_after: 0.2,
                drop_before: 0.2,
                status: 0.2,
            }));
            (0..50)
                .map(|_| faults.strike("GET", "/"))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!(draw().contains(&None));
        assert!(draw().contains(&Some(FaultEffect::DropAfter)));
    }
}
