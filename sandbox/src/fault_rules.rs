//! Faults of routes, which stay until they are removed or used up.

use serde::{Deserialize, Serialize};

use super::faults::{FaultEffect, starts_operation};

/// A fault of the calls of one route, as the sandbox's own API sets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FaultRule {
    /// Only calls with this method.
    method: Option<String>,
    /// Only calls whose path and query contain this.
    #[serde(default)]
    path: String,
    /// How many calls it still affects; all if left out.
    times: Option<u32>,
    /// The probability with which it affects a call.
    #[serde(default = "always")]
    probability: f64,
    effect: EffectName,
    /// The status of the effects that have one.
    status: Option<u16>,
    /// The `Retry-After` of the effect `status`.
    retry_after_seconds: Option<u64>,
}

fn always() -> f64 {
    1.0
}

/// The effects by name; see [`FaultEffect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum EffectName {
    Status,
    StatusAfter,
    Gateway,
    GatewayAfter,
    DropBefore,
    DropAfter,
    Hang,
    OperationError,
    OperationResultLost,
}

/// All rules, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct FaultRules(Vec<FaultRule>);

impl FaultRules {
    pub(super) fn all(&self) -> &[FaultRule] {
        &self.0
    }

    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The effect on a call, if there is one: that of the first rule that matches.
    pub(super) fn next_effect(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        let mut rules = self.0.iter_mut();
        let effect = rules.find_map(|rule| rule.next_effect(method, path));
        self.0.retain(|rule| rule.times != Some(0));
        effect
    }
}

impl FaultRule {
    /// What is wrong with the rule, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        use EffectName::{Gateway, GatewayAfter, Status, StatusAfter};
        let has_status = matches!(self.effect, Status | StatusAfter | Gateway | GatewayAfter);
        let is_known = |status: u16| (200..600).contains(&status);
        if !(0.0..=1.0).contains(&self.probability) {
            return Some("`probability` must be between 0 and 1");
        }
        match self.status {
            None if has_status => Some("this effect needs a `status`"),
            Some(_) if !has_status => Some("this effect has no `status`"),
            Some(status) if !is_known(status) => Some("`status` must be between 200 and 599"),
            _ if self.retry_after_seconds.is_some() && self.effect != Status => {
                Some("only the effect `status` has `retryAfterSeconds`")
            }
            _ => None,
        }
    }

    /// The effect on a call, if the rule matches it.
    fn next_effect(&mut self, method: &str, path: &str) -> Option<FaultEffect> {
        let effect = self.effect();
        let is_affected = self.times != Some(0)
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path.contains(&self.path)
            && (starts_operation(method, path) || !effect.affects_operation())
            && (self.probability >= 1.0 || fastrand::f64() < self.probability);
        if !is_affected {
            return None;
        }
        self.times = self.times.map(|times| times - 1);
        Some(effect)
    }

    fn effect(&self) -> FaultEffect {
        let status = self.status.unwrap_or(500);
        match (self.effect, self.retry_after_seconds) {
            (EffectName::Status, Some(seconds)) => {
                FaultEffect::StatusWithRetryAfter(status, seconds)
            }
            (EffectName::Status, None) => FaultEffect::Status(status),
            (EffectName::StatusAfter, _) => FaultEffect::StatusAfter(status),
            (EffectName::Gateway, _) => FaultEffect::Gateway(status),
            (EffectName::GatewayAfter, _) => FaultEffect::GatewayAfter(status),
            (EffectName::DropBefore, _) => FaultEffect::DropBefore,
            (EffectName::DropAfter, _) => FaultEffect::DropAfter,
            (EffectName::Hang, _) => FaultEffect::Hang,
            (EffectName::OperationError, _) => FaultEffect::OperationError("An injected fault"),
            (EffectName::OperationResultLost, _) => FaultEffect::OperationResultLost,
        }
    }
}
