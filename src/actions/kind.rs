//! Kinds of action: how one is written in a rules file, what the engine must know of it, and what an attempt does.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::StoreError;
use crate::outbox::Action;
use crate::results::ResultName;
use crate::rules::{ActionPlan, ActionProperties};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes};

/// How long an action waits that this version does not support.
const UNSUPPORTED_WAIT: Duration = Duration::from_mins(1);

/// Why a plan can always be serialized.
pub(super) const PLAIN_DATA: &str = "a plan is plain data";

/// A kind of action. A value of it is a plan: what one action of a rule does. Plans that earlier versions stored
/// must stay readable.
pub(crate) trait Kind: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name: the field in `[[rule.action]]`, the column `kind`, the label of metrics.
    const NAME: &'static str;

    /// The results that it leaves for the actions after it in its rule.
    const MAKES: &'static [ResultName] = &[];

    /// Plans as this version and earlier ones store them.
    #[cfg(test)]
    const EXAMPLES: &'static [Example];

    /// Parses the value of its field; `None` if it is not valid and was reported.
    fn parse(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<Vec<Self>>;

    /// What the engine and people need to know of it.
    fn properties(&self) -> ActionProperties;

    /// Makes an attempt at actions with this plan.
    fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> impl Future<Output = Result<Outcomes<'a>, StoreError>> + Send;

    /// The plan as the store keeps it.
    fn to_stored(&self) -> String {
        serde_json::to_string(&BTreeMap::from([(Self::NAME, self)])).expect(PLAIN_DATA)
    }

    /// Reads a stored plan.
    fn from_stored(stored: &str) -> Option<Self> {
        let plans: BTreeMap<String, Self> = serde_json::from_str(stored).ok()?;
        plans.into_values().next()
    }
}

/// The name of the kind that a stored plan is of.
pub(super) fn of_stored(stored: &str) -> Option<String> {
    let plans: BTreeMap<String, serde_json::Value> = serde_json::from_str(stored).ok()?;
    plans.into_keys().next()
}

impl<K: Kind> From<K> for ActionPlan {
    fn from(plan: K) -> Self {
        Self {
            kind: K::NAME,
            stored: plan.to_stored(),
            properties: plan.properties(),
        }
    }
}

/// A line of the table of kinds.
pub(crate) struct KindEntry {
    /// Its name.
    pub(crate) name: &'static str,
    /// Parses the value of its field in a rules file.
    pub(crate) parse: ParseFn,
    /// The results that it leaves for the actions after it in its rule.
    pub(crate) makes: &'static [ResultName],
    /// What people and the engine need to know of a stored plan; `None` if it cannot be read.
    pub(super) properties: fn(&str) -> Option<ActionProperties>,
    /// Makes an attempt at actions with one plan.
    pub(super) run: RunFn,
    /// Plans as this version and earlier ones store them.
    #[cfg(test)]
    pub(super) examples: &'static [Example],
    /// Reads a stored plan and stores it again.
    #[cfg(test)]
    pub(super) store_again: fn(&str) -> Option<String>,
}

/// A plan, for tests.
#[cfg(test)]
pub(crate) struct Example {
    /// As it is stored.
    pub(crate) stored: &'static str,
    /// As people read it.
    pub(crate) described: &'static str,
}

type ParseFn = fn(&FieldValue<'_>, RuleContext<'_>) -> Option<Vec<ActionPlan>>;
type RunFn =
    for<'a> fn(&'a Context<'a>, &'a [Action]) -> BoxFuture<'a, Result<Outcomes<'a>, StoreError>>;

impl KindEntry {
    pub(super) const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            parse: parse::<K>,
            makes: K::MAKES,
            properties: |stored| Some(K::from_stored(stored)?.properties()),
            run: run::<K>,
            #[cfg(test)]
            examples: K::EXAMPLES,
            #[cfg(test)]
            store_again: |stored| Some(K::from_stored(stored)?.to_stored()),
        }
    }
}

fn parse<K: Kind>(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<Vec<ActionPlan>> {
    let plans = K::parse(value, context)?;
    Some(plans.into_iter().map(ActionPlan::from).collect())
}

fn run<'a, K: Kind>(
    context: &'a Context<'a>,
    actions: &'a [Action],
) -> BoxFuture<'a, Result<Outcomes<'a>, StoreError>> {
    async move {
        let plan = actions
            .first()
            .and_then(|action| K::from_stored(&action.plan));
        match plan {
            Some(plan) => plan.run(context, actions).await,
            None => Ok(unsupported(actions)),
        }
    }
    .boxed()
}

/// Actions that only a newer version supports wait for it: instances of both may share a store.
pub(super) fn unsupported(actions: &[Action]) -> Outcomes<'_> {
    let outcome = || AttemptOutcome::Postponed {
        reason: "this version of docspace-courier does not support the action".to_owned(),
        wait: Some(UNSUPPORTED_WAIT),
        intent: None,
    };
    actions.iter().map(|action| (action, outcome())).collect()
}
