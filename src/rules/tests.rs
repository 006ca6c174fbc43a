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
                path: None,
                to: FolderId::from(300).into(),
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
        group: None,
        conditions: vec![Condition::Room(vec![FolderId::from(100)])],
        actions,
    };
    let decisions = decide(&[rule(vec![notify()])], &facts(&created)).unwrap();
    assert_eq!(planning(&decisions), ["folders"]);
    let to = FolderId::from(5);
    let copy = CopyTo {
        path: None,
        to: to.into(),
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
fn events_about_users_and_groups_are_decided_without_a_file() {
    let body =
        br#"{"event": {"id": 1, "trigger": "group.created", "createOn": "2026-03-02T08:05:00Z"},
        "payload": {"id": "77e1", "name": "Accounting"}}"#;
    let created = Event::parse(body).unwrap();
    let field = Condition::Field(FieldTest {
        path: "payload.name".to_owned(),
        test: TextTest::prefix(["acc"]).unwrap(),
    });
    let rule = |actions| Rule {
        name: "groups".to_owned(),
        triggers: vec![Trigger::new("group.created")],
        group: None,
        conditions: vec![field.clone()],
        actions,
    };
    let facts = Facts::delivered(&created, body);
    let decisions = decide(&[rule(vec![notify()])], &facts).unwrap();
    assert_eq!(decisions[0].reason, "payload.name starts with “acc”");
    let planned = decisions[0].planned.as_ref().unwrap();
    assert_eq!(
        (planned.file.as_str(), &*planned.title),
        ("77e1", "Accounting")
    );
    assert_eq!(
        planned.state.to_string(),
        "group.created 2026-03-02T08:05:00Z"
    );

    let (to, conflict) = (FolderId::from(5), Conflict::Duplicate);
    let copy = CopyTo {
        path: None,
        to: to.into(),
        conflict,
    }
    .into();
    let decisions = decide(&[rule(vec![copy])], &facts).unwrap();
    assert_eq!(
        decisions[0].reason,
        "the event is about a user or group, not a file"
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
            group: None,
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

fn in_group(name: &str, title: &str, actions: Vec<ActionPlan>) -> Rule {
    Rule {
        name: name.to_owned(),
        triggers: vec![Trigger::new("file.uploaded")],
        group: Some("status".to_owned()),
        conditions: vec![Condition::title_prefix([title]).unwrap()],
        actions,
    }
}

#[test]
fn in_a_group_only_the_first_match_acts() {
    let rules = [
        in_group("signed", "signed", vec![notify()]),
        in_group("invoice", "inv", vec![notify()]),
        in_group("rest", "i", vec![notify()]),
        Rule {
            group: None,
            ..in_group("outside", "i", vec![notify()])
        },
        Rule {
            group: Some("other".to_owned()),
            ..in_group("elsewhere", "i", vec![notify()])
        },
    ];
    let event = event("file.uploaded", INVOICE);
    let decisions = decide(&rules, &facts(&event)).unwrap();
    assert_eq!(planning(&decisions), ["invoice", "outside", "elsewhere"]);
    let reason = "the rule “invoice” matches, which comes first in the group “status”";
    assert_eq!(decisions[2].reason, reason);

    let facts = facts(&event);
    let rules = RuleSet::new(rules.to_vec());
    let explained = rules.explain(&facts);
    let verdicts: Vec<Verdict> = explained.iter().map(|it| it.verdict).collect();
    let (yes, no) = (Verdict::Match, Verdict::Mismatch);
    assert_eq!(verdicts, [no, yes, no, yes, yes]);
    assert_eq!(explained[2].summary, reason);
    // Its conditions are explained nevertheless.
    assert_eq!(explained[2].lines[1].verdict, Verdict::Match);
}

#[test]
fn a_rule_that_has_nothing_left_to_do_keeps_its_group_from_acting() {
    let to = FolderId::from(100);
    let conflict = Conflict::Duplicate;
    let rules = [
        in_group(
            "invoice",
            "inv",
            vec![
                MoveTo {
                    path: None,
                    to: to.into(),
                    conflict,
                }
                .into(),
            ],
        ),
        in_group("rest", "i", vec![notify()]),
    ];
    let event = event("file.uploaded", INVOICE);
    // The file is in the destination already.
    let decisions = decide(&rules, &facts(&event)).unwrap();
    assert_eq!(planning(&decisions), Vec::<&str>::new());

    let caused_by = ["invoice".to_owned()];
    let facts = Facts {
        caused_by: &caused_by,
        ..facts(&event)
    };
    let decisions = decide(&rules, &facts).unwrap();
    assert_eq!(planning(&decisions), Vec::<&str>::new());
    // Without a match of its conditions, the next rule acts.
    let other = [in_group("invoice", "x", vec![notify()]), rules[1].clone()];
    assert_eq!(planning(&decide(&other, &facts).unwrap()), ["rest"]);
}

#[test]
fn an_undecided_rule_leaves_its_group_undecided() {
    let mut first = in_group("first", "inv", vec![notify()]);
    first
        .conditions
        .push(Condition::Room(vec![FolderId::from(7)]));
    let rules = [first, in_group("second", "inv", vec![notify()])];
    let event = event("file.uploaded", INVOICE);
    let missing = MissingFact::Path(FolderId::from(100));
    assert_eq!(decide(&rules, &facts(&event)), Err(missing));
    let explained = RuleSet::new(rules.to_vec()).explain(&facts(&event));
    assert_eq!(explained[1].verdict, Verdict::Unknown);
    assert!(
        explained[1].summary.contains("the rule “first”"),
        "{}",
        explained[1].summary
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
        .map(|line| (&*line.field, line.verdict, line.value.as_str()))
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
