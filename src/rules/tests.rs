//! Deciding and explaining events.

use super::*;
use crate::actions::{CopyTo, MoveTo, Notify};
use crate::config::{copy_rule, invoice_rule};
use crate::docspace::Conflict;
use crate::docspace::FileInfo;
use crate::event::{Event, Trigger};
use crate::ids::{FileId, FolderId};

/// An event whose payload has these members besides an id.
pub(super) fn event(trigger: &str, members: &str) -> Event {
    let body = format!(
        r#"{{"event": {{"id": 1, "trigger": "{trigger}"}}, "payload": {{"id": 7, {members}}}}}"#
    );
    Event::parse(body.as_bytes()).unwrap()
}

pub(super) fn facts(event: &Event) -> Facts<'_> {
    Facts::of(event)
}

fn decide(rules: &[Rule], facts: &Facts<'_>) -> Result<Vec<Decision>, MissingFact> {
    RuleSet::new(rules.to_vec()).decide(facts)
}

pub(super) fn file_info(folder: i64, title: &str) -> FileInfo {
    FileInfo {
        id: FileId::from(7),
        folder: FolderId::from(folder),
        title: title.to_owned(),
        ..FileInfo::example()
    }
}

fn notify() -> ActionPlan {
    Notify::email(None).into()
}

fn rules() -> Vec<Rule> {
    let triggers = vec![Trigger::new("file.uploaded"), Trigger::new("file.created")];
    vec![
        copy_rule(FolderId::from(100), FolderId::from(200), triggers.clone()),
        invoice_rule(
            FolderId::from(100),
            FolderId::from(300),
            Condition::title_prefix(["invoice"]).unwrap(),
            vec![notify()],
            triggers,
        ),
    ]
}

fn planning(decisions: &[Decision]) -> Vec<&str> {
    decisions
        .iter()
        .filter(|d| d.planned.is_some())
        .map(|d| d.rule.as_str())
        .collect()
}

pub(super) const INVOICE: &str =
    r#""parentId": 100, "title": "Invoice 1.pdf", "modifiedOn": "2026-03-02T09:14:31Z""#;

#[test]
fn rules_decide_in_order() {
    let event = event("file.uploaded", INVOICE);
    let decisions = decide(&rules(), &facts(&event)).unwrap();
    assert_eq!(planning(&decisions), ["copy", "invoice"]);
    let planned = decisions[1].planned.as_ref().unwrap();
    assert_eq!(planned.title, "Invoice 1.pdf");
    assert_eq!(
        planned.actions,
        [
            MoveTo {
                to: FolderId::from(300),
                conflict: Conflict::Duplicate,
            }
            .into(),
            notify()
        ]
    );
}

#[test]
fn every_mismatch_has_a_reason() {
    let check = |trigger: &str, members: &str, reason: &str| {
        let event = event(trigger, members);
        let decisions = decide(&rules()[..1], &facts(&event)).unwrap();
        assert_eq!(decisions[0].planned, None, "{members}");
        assert!(
            decisions[0].reason.contains(reason),
            "{members}: {}",
            decisions[0].reason
        );
    };
    check(
        "file.copied",
        INVOICE,
        "trigger file.copied is not one of file.uploaded, file.created",
    );
    check(
        "file.uploaded",
        r#""parentId": 100, "fileEntryType": 1"#,
        "about a folder",
    );
    check(
        "file.uploaded",
        r#""parentId": 5, "rootFolderType": 5"#,
        "own documents",
    );
    check(
        "file.uploaded",
        r#""parentId": 200, "rootId": 100, "title": "a", "modifiedOn": "2026-03-02T09:14:31Z""#,
        "the destination of this rule",
    );
}

#[test]
fn a_cheap_mismatch_saves_a_portal_call() {
    let event = event("file.uploaded", r#""parentId": 101, "title": "plan.docx""#);
    let decisions = decide(&rules()[1..], &facts(&event)).unwrap();
    assert_eq!(planning(&decisions), Vec::<&str>::new());
}

#[test]
fn missing_facts_are_reported() {
    let event = event("file.uploaded", r#""parentId": 100"#);
    let need = decide(&rules()[..1], &facts(&event)).unwrap_err();
    assert_eq!(need, MissingFact::File(FileId::from(7)));

    let found = Lookup::Found(file_info(100, "a.txt"));
    let facts = Facts {
        file: Some(found),
        ..facts(&event)
    };
    let decisions = decide(&rules()[..1], &facts).unwrap();
    assert_eq!(decisions[0].planned.as_ref().unwrap().title, "a.txt");

    let gone = Facts {
        file: Some(Lookup::NotFound),
        ..facts
    };
    let decisions = decide(&rules()[..1], &gone).unwrap();
    assert_eq!(decisions[0].reason, "the file no longer exists");
}

#[test]
fn events_about_folders_match_only_rules_without_file_actions() {
    let members = r#""fileEntryType": 1, "parentId": 100, "title": "Contracts""#;
    let created = event("folder.updated", members);
    let rule = |actions| Rule {
        name: "folders".to_owned(),
        triggers: vec![Trigger::new("folder.updated")],
        conditions: vec![Condition::Room(vec![FolderId::from(100)])],
        actions,
    };
    let decisions = decide(&[rule(vec![notify()])], &facts(&created)).unwrap();
    assert_eq!(planning(&decisions), ["folders"]);
    let to = FolderId::from(5);
    let copy = CopyTo {
        to,
        conflict: Conflict::Duplicate,
    }
    .into();
    let decisions = decide(&[rule(vec![notify(), copy])], &facts(&created)).unwrap();
    assert_eq!(
        decisions[0].reason,
        "the event is about a folder, not a file"
    );
}

#[test]
fn the_state_of_a_file_is_its_content_or_what_happened_to_it() {
    let state = |trigger: &str, at: &str| {
        let mut event = event(trigger, INVOICE);
        event.happened_at = at.parse().ok();
        let rule = Rule {
            name: "all".to_owned(),
            triggers: vec![Trigger::new(trigger)],
            conditions: Vec::new(),
            actions: vec![notify()],
        };
        let mut decisions = decide(&[rule], &facts(&event)).unwrap();
        decisions.remove(0).planned.unwrap().state.to_string()
    };
    let (one, other) = ("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z");
    let content = state("file.uploaded", one);
    assert_eq!(content, "2026-03-02T09:14:31Z");
    assert_eq!(content, state("file.created", other));
    assert_eq!(content, state("file.updated", other));
    assert_eq!(state("file.moved", one), "file.moved 2026-03-02T10:00:00Z");
    assert_ne!(state("file.moved", one), state("file.moved", other));
    assert_ne!(state("file.moved", one), state("file.trashed", one));
}

#[test]
fn no_rule_acts_on_an_event_it_caused() {
    let event = event("file.uploaded", INVOICE);
    let caused_by = ["copy".to_owned()];
    let facts = Facts {
        caused_by: &caused_by,
        ..facts(&event)
    };
    let decisions = decide(&rules(), &facts).unwrap();
    assert_eq!(planning(&decisions), ["invoice"]);
    assert!(
        decisions[0].reason.contains("own action"),
        "{}",
        decisions[0].reason
    );
}

#[test]
fn an_explanation_covers_every_condition() {
    let event = event(
        "file.copied",
        r#""parentId": 101, "title": "plan.docx", "modifiedOn": "2026-03-02T09:14:31Z""#,
    );
    let explained = RuleSet::new(rules()).explain(&facts(&event));
    let seen: Vec<(&str, Verdict, &str)> = explained[1]
        .lines
        .iter()
        .map(|line| (line.field, line.verdict, line.value.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("triggers", Verdict::Mismatch, "file.copied"),
            ("title.prefix", Verdict::Mismatch, "“plan.docx”"),
            ("room", Verdict::Unknown, "folder 101"),
        ]
    );
    assert_eq!(explained[1].verdict, Verdict::Mismatch);
}
