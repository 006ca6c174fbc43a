//! The variables of the two rules.

use crate::event::Trigger;
use crate::ids::FolderId;
use crate::rules::{CopyRule, InvoiceRule, Rule};

use super::problems::Problems;
use super::raw::Raw;

/// `INVOICE_TITLE_PREFIX` when it is not set.
const INVOICE_TITLE_PREFIX: &str = "invoice";

/// `ALLOWED_TRIGGERS` when it is not set.
const ALLOWED_TRIGGERS: &str = "file.uploaded,file.created";

/// The rules that are on.
pub(super) fn rules(raw: &Raw, problems: &mut Problems) -> Vec<Rule> {
    let triggers = triggers(raw, problems);
    let copy = copy_rule(raw, &triggers, problems);
    let invoice = invoice_rule(raw, &triggers, problems);
    copy.into_iter().chain(invoice).collect()
}

fn triggers(raw: &Raw, problems: &mut Problems) -> Vec<Trigger> {
    let names = raw.allowed_triggers.as_deref().unwrap_or(ALLOWED_TRIGGERS);
    let triggers: Vec<Trigger> = names
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .map(Trigger::new)
        .collect();
    for trigger in &triggers {
        if !trigger.as_str().contains('.') {
            problems.add(
                "ALLOWED_TRIGGERS",
                format!("must list triggers such as file.uploaded, separated by commas; found: {trigger}"),
            );
        }
    }
    triggers
}

/// Two variables that mean something only together.
fn both(
    (one, one_value): (&'static str, Option<&str>),
    (other, other_value): (&'static str, Option<&str>),
    problems: &mut Problems,
) -> Option<(FolderId, FolderId)> {
    match (one_value, other_value) {
        (None, None) => None,
        (Some(_), None) => {
            problems.add(
                other,
                format!("is not set, but {one} is: the rule needs both"),
            );
            None
        }
        (None, Some(_)) => {
            problems.add(
                one,
                format!("is not set, but {other} is: the rule needs both"),
            );
            None
        }
        (Some(one), Some(other)) => Some((FolderId::new(one)?, FolderId::new(other)?)),
    }
}

fn copy_rule(raw: &Raw, triggers: &[Trigger], problems: &mut Problems) -> Option<Rule> {
    let (room, to) = both(
        (
            "SHARED_WITH_CLIENT_ROOM_ID",
            raw.shared_with_client_room_id.as_deref(),
        ),
        (
            "INTERNAL_PROCESSING_FOLDER_ID",
            raw.internal_processing_folder_id.as_deref(),
        ),
        problems,
    )?;
    if room == to {
        problems.add(
            "INTERNAL_PROCESSING_FOLDER_ID",
            "is the client room itself; uploads must go somewhere else",
        );
    }
    Some(
        CopyRule {
            room,
            to,
            triggers: triggers.to_vec(),
        }
        .into(),
    )
}

fn invoice_rule(raw: &Raw, triggers: &[Trigger], problems: &mut Problems) -> Option<Rule> {
    let rooms = both(
        ("CLIENT_ROOT_ID", raw.client_root_id.as_deref()),
        ("INCOMING_FOLDER_ID", raw.incoming_folder_id.as_deref()),
        problems,
    );
    if let Some(manager) = &raw.manager_email
        && !looks_like_an_address(manager)
    {
        problems.add("MANAGER_EMAIL", format!("is no e-mail address: {manager}"));
    }
    let (room, to) = rooms?;
    if room == to {
        problems.add(
            "INCOMING_FOLDER_ID",
            "is the client room itself; invoices must go somewhere else",
        );
    }
    Some(
        InvoiceRule {
            room,
            to,
            title_prefix: raw
                .invoice_title_prefix
                .clone()
                .unwrap_or_else(|| INVOICE_TITLE_PREFIX.to_owned()),
            manager: raw.manager_email.clone(),
            triggers: triggers.to_vec(),
        }
        .into(),
    )
}

fn looks_like_an_address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(char::is_whitespace)
}
