//! Trying the rules of the editor on past events.

use super::console::{Console, PREVIEW_TIMEOUT};
use crate::config::Rules;
use crate::db::StoreError;
use crate::rules::RuleSet;
use crate::text::clean;
use crate::trial::{self, Comparison, TrialResult};

/// How many past events the rules can be tried on; the first is the default.
pub(super) const LAST: [u32; 3] = [50, 200, 500];

/// Differences that are listed.
const MAX_DIFFERENCES: usize = 100;

/// What the rules decide differently for past events.
pub(super) struct TrialSummary {
    pub(super) sentence: String,
    pub(super) differences: Vec<Difference>,
}

/// What the rules decide differently for one event.
pub(super) struct Difference {
    pub(super) event: String,
    pub(super) title: String,
    pub(super) decided: String,
    pub(super) now: String,
    pub(super) changes: Vec<String>,
}

/// Tries the rules of a text on this many past events.
pub(super) async fn try_rules(
    console: &Console,
    rules: Rules,
    last: Option<u32>,
) -> Result<TrialSummary, StoreError> {
    let last = size(last);
    let evaluator = console.evaluator();
    let rules = RuleSet::new(rules.rules);
    let tried = trial::past_events(&console.db, &rules, &evaluator, last);
    if let Ok(results) = tokio::time::timeout(PREVIEW_TIMEOUT, tried).await {
        return Ok(summary(&results?));
    }
    let sentence = format!(
        "The trial took longer than {} s, because the portal must be asked about many events. Try fewer events, or \
         use docspace-courier rules try.",
        PREVIEW_TIMEOUT.as_secs()
    );
    Ok(TrialSummary {
        sentence,
        differences: Vec::new(),
    })
}

fn summary(results: &[TrialResult]) -> TrialSummary {
    let number = |comparison| {
        let like = results.iter().filter(|it| it.comparison() == comparison);
        like.count()
    };
    let (same, differs) = (number(Comparison::Same), number(Comparison::Differs));
    let undecided = results.len() - same - differs;
    let sentence = if results.is_empty() {
        "There are no past events to try the rules on.".to_owned()
    } else {
        let shown = if differs > MAX_DIFFERENCES {
            format!(" The newest {MAX_DIFFERENCES} differences are listed.")
        } else {
            String::new()
        };
        let plural = if results.len() == 1 { "" } else { "s" };
        format!(
            "Tried on {} past event{plural}: {same} unchanged, {differs} different, {undecided} could not be decided.{shown}",
            results.len()
        )
    };
    let differing = results
        .iter()
        .filter(|it| it.comparison() == Comparison::Differs);
    TrialSummary {
        sentence,
        differences: differing.take(MAX_DIFFERENCES).map(difference).collect(),
    }
}

fn difference(result: &TrialResult) -> Difference {
    let names = |rules: &Option<Vec<String>>| match rules.as_deref() {
        None | Some([]) => "no rule".to_owned(),
        Some(rules) => clean(&rules.join(", ")),
    };
    let title = result.title.as_deref().or(result.trigger.as_deref());
    Difference {
        event: result.id.map(|id| id.to_string()).unwrap_or_default(),
        title: clean(title.unwrap_or("untitled")),
        decided: names(&result.decided),
        now: names(&result.today),
        changes: result.changes.iter().map(|change| clean(change)).collect(),
    }
}

/// How many past events are tried, whatever the form says.
pub(super) fn size(last: Option<u32>) -> u32 {
    last.filter(|last| LAST.contains(last)).unwrap_or(LAST[0])
}
