//! What `rules try` found out about one event or file.

use serde::Serialize;

use crate::cli::output::{Table, count, terminal_width};
use crate::ids::{FileId, InboxId};
use crate::journal::ActionView;
use crate::outbox::ActionState;
use crate::rules::Decision;
use crate::text::{clean, clean_and_cut};

/// Maximum width of a trigger or title.
const TITLE_WIDTH: usize = 32;

/// Maximum width of a list of rules.
const RULES_WIDTH: usize = 40;

/// The label of a result that is the one of then.
const SAME: &str = "same";

/// The label of a result that is not the one of then.
const DIFFERS: &str = "DIFFERS";

/// The decisions about one event, or about one file.
#[derive(Debug, Serialize)]
pub(super) struct TrialResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<InboxId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileId>,
    trigger: Option<String>,
    title: Option<String>,
    /// The rules that matched when it was decided, or that have handled the file; `None` if it has not been
    /// decided.
    decided: Option<Vec<String>>,
    /// The rules that match now; `None` if a lookup in the portal failed.
    today: Option<Vec<String>>,
    /// What rules that matched then and now plan differently now, in words.
    changes: Vec<String>,
}

impl TrialResult {
    pub(super) fn new(
        id: Option<InboxId>,
        file: Option<FileId>,
        trigger: Option<String>,
        title: Option<String>,
        mut decided: Option<Vec<String>>,
        mut today: Option<Vec<String>>,
    ) -> Self {
        for rules in [&mut decided, &mut today].into_iter().flatten() {
            rules.sort();
        }
        Self {
            id,
            file,
            trigger,
            title,
            decided,
            today,
            changes: Vec::new(),
        }
    }

    /// The same, with what rules plan differently now.
    pub(super) fn with_changes(self, changes: Vec<String>) -> Self {
        Self { changes, ..self }
    }

    /// Whether the rules decide differently now.
    pub(super) fn differs(&self) -> bool {
        self.label() == DIFFERS
    }

    fn label(&self) -> &'static str {
        match (&self.decided, &self.today) {
            (_, None) => "would wait",
            (None, _) => "waits",
            (Some(decided), Some(today)) if decided == today && self.changes.is_empty() => SAME,
            _ => DIFFERS,
        }
    }

    fn shown_id(&self) -> String {
        match (&self.id, &self.file) {
            (Some(id), _) => id.to_string(),
            (None, Some(file)) => file.to_string(),
            (None, None) => String::new(),
        }
    }
}

/// The names of the rules that match.
pub(super) fn matching(decisions: Vec<Decision>) -> Vec<String> {
    let planned = decisions
        .into_iter()
        .filter(|decision| decision.planned.is_some());
    planned.map(|decision| decision.rule).collect()
}

/// What rules that planned actions would plan differently now, in words.
pub(super) fn plan_changes(actions: &[ActionView], today: &[Decision]) -> Vec<String> {
    let mut changes = Vec::new();
    for decision in today {
        let then: Vec<&ActionView> = actions
            .iter()
            .filter(|action| action.rule == decision.rule)
            .collect();
        let Some(now) = decision.planned.as_ref().filter(|_| !then.is_empty()) else {
            continue;
        };
        let added = now
            .actions
            .iter()
            .filter(|action| !then.iter().any(|it| it.plan == action.stored));
        let removed = then.iter().filter(|it| {
            it.state != ActionState::Discarded
                && !now.actions.iter().any(|action| action.stored == it.plan)
        });
        let added: Vec<String> = added.map(ToString::to_string).collect();
        let removed: Vec<&str> = removed.map(|it| it.what.as_str()).collect();
        let rule = &decision.rule;
        match (added.is_empty(), removed.is_empty()) {
            (true, true) => {}
            (false, true) => changes.push(format!("{rule}: {} is new", added.join(", "))),
            (true, false) => changes.push(format!("{rule}: no {}", removed.join(", "))),
            (false, false) => changes.push(format!(
                "{rule}: {} instead of {}",
                added.join(", "),
                removed.join(", ")
            )),
        }
    }
    changes
}

/// A table of some of the results, and the numbers of all.
pub(super) fn render(shown: &[&TrialResult], all: &[TrialResult]) -> Vec<String> {
    let noun = match all.first() {
        None => return vec!["No such events.".to_owned()],
        Some(first) if first.file.is_some() => "file",
        Some(_) => "event",
    };
    // Nothing is cut in a file or a pipe.
    let width = terminal_width();
    let cut = |text: &str, max: usize| match width {
        Some(_) => clean_and_cut(text, max),
        None => clean(text),
    };
    let rules = |rules: &Option<Vec<String>>| match rules {
        None => "?".to_owned(),
        Some(none) if none.is_empty() => "-".to_owned(),
        Some(rules) => cut(&rules.join(", "), RULES_WIDTH),
    };
    let mut table = Table::with_header(["ID", "TRIGGER", "TITLE", "DECIDED", "NOW", ""]);
    for result in shown {
        table.row([
            result.shown_id(),
            cut(result.trigger.as_deref().unwrap_or("-"), TITLE_WIDTH),
            cut(result.title.as_deref().unwrap_or("-"), TITLE_WIDTH),
            rules(&result.decided),
            rules(&result.today),
            result.label().to_owned(),
        ]);
    }
    let number = |label: &str| all.iter().filter(|result| result.label() == label).count();
    let (same, differs) = (number(SAME), number(DIFFERS));
    let undecided = all.len() - same - differs;
    let mut lines = Vec::new();
    if !shown.is_empty() {
        lines.extend(table.lines(width));
        lines.push(String::new());
    }
    for result in shown {
        let id = result.shown_id();
        let changes = result.changes.iter();
        lines.extend(changes.map(|change| format!("{id}: {}", clean(change))));
    }
    if shown.iter().any(|result| !result.changes.is_empty()) {
        lines.push(String::new());
    }
    lines.push(format!(
        "{}: {same} unchanged, {differs} different, {undecided} could not be decided.",
        count(all.len(), noun)
    ));
    lines
}
