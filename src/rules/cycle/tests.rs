//! Tests of which rules count as a cycle.

use super::super::condition::{FieldTest, Pattern, SizeRange};
use super::*;
use crate::actions::{
    Api, Archive, Comment, Convert, CopyTo, CreateFolder, CreateRoom, Destination, Format, Line,
    Lock, MoveTo, Rename, Trash, Write,
};
use crate::docspace::{CallMethod, Conflict, NewRoomType, RoomBase};
use crate::event::Trigger;
use crate::template::api::ApiPathTemplate;
use crate::template::folder_path::FolderPath;
use crate::template::title::TitleTemplate;

fn rule(name: &str, trigger: &str, conditions: Vec<Condition>, actions: &[(&str, i64)]) -> Rule {
    let plan = |(kind, to): &(&str, i64)| {
        let (to, conflict) = (FolderId::from(*to), Conflict::Duplicate);
        match *kind {
            "copy" => CopyTo {
                path: None,
                to: to.into(),
                conflict,
            }
            .into(),
            "copy below" => CopyTo {
                path: FolderPath::parse("{year}").ok(),
                to: to.into(),
                conflict,
            }
            .into(),
            "move" => MoveTo {
                path: None,
                to: to.into(),
                conflict,
            }
            .into(),
            "comment" => Comment::Text {
                text: "seen".to_owned(),
            }
            .into(),
            "folder in room" | "folder below" => CreateFolder {
                path: FolderPath::parse("{title}").unwrap(),
                below: (*kind == "folder below").then(|| to.into()),
            }
            .into(),
            "copy to result" => CopyTo {
                path: None,
                to: Destination::Result,
                conflict,
            }
            .into(),
            "new room" => CreateRoom {
                title: TitleTemplate::parse("{title}").unwrap(),
                base: RoomBase::Type(NewRoomType::Custom),
                tags: Vec::new(),
            }
            .into(),
            "any call" => Api {
                method: CallMethod::Put,
                path: ApiPathTemplate::parse("files/file/{id}/lock").unwrap(),
                body: None,
                safe_to_repeat: true,
            }
            .into(),
            "copy to room" => CopyTo {
                path: None,
                to: Destination::NewRoom,
                conflict,
            }
            .into(),
            "PDF beside" | "PDF" => Convert {
                format: Format::Pdf,
                to: (*kind == "PDF").then(|| to.into()),
            }
            .into(),
            "line" => Write {
                to,
                title: TitleTemplate::parse("{year}.csv").unwrap(),
                line: Line::Row(Vec::new()),
            }
            .into(),
            "archive" => Archive {}.into(),
            "lock" => Lock {}.into(),
            "trash" => Trash {}.into(),
            "rename" => Rename {
                title: TitleTemplate::parse("{title.clean}").unwrap(),
            }
            .into(),
            other => panic!("{other}"),
        }
    };
    Rule {
        name: name.to_owned(),
        triggers: vec![Trigger::new(trigger)],
        group: None,
        conditions,
        actions: actions.iter().map(plan).collect(),
    }
}

fn room(id: i64) -> Vec<Condition> {
    vec![Condition::Room(vec![FolderId::from(id)])]
}

fn found(rules: &[Rule]) -> Vec<String> {
    find_cycles(rules).iter().map(ToString::to_string).collect()
}

#[test]
fn a_cycle_is_named_from_its_first_rule() {
    let rules = [
        rule("b", "file.copied", room(5), &[("move", 6)]),
        rule("a", "file.moved", room(6), &[("copy", 5)]),
        rule("c", "file.copied", room(5), &[("copy", 9)]),
    ];
    assert_eq!(
        found(&rules),
        [
            "rule “b” (move to folder 6) raises file.moved for rule “a” (copy to folder 5), \
             which raises file.copied for rule “b”"
        ]
    );
    let itself = [rule("a", "file.updated", vec![], &[("comment", 0)])];
    assert_eq!(
        found(&itself),
        ["rule “a” (comment “seen”) raises file.updated for itself"]
    );
}

#[test]
fn new_rooms() {
    let check = |rules: &[Rule], cycles: usize| {
        assert_eq!(found(rules).len(), cycles, "{rules:?}");
    };
    let create = &[("new room", 0)];
    let itself = [rule("a", "room.created", vec![], create)];
    assert_eq!(
        found(&itself),
        ["rule “a” (create_room “{title}” (custom)) raises room.created for itself"]
    );
    // Whether the new room meets a condition is not known, even if the room of the event does.
    let titled = vec![Condition::title_prefix(["client"]).unwrap()];
    check(&[rule("a", "room.created", titled, create)], 0);
    check(&[rule("a", "room.created", room(5), create)], 0);
    check(&[rule("a", "file.uploaded", room(5), create)], 0);
    let by_not_self = vec![Condition::NotBy(vec![Account::ApiKeyUser])];
    check(&[rule("a", "room.created", by_not_self, create)], 0);
    // Nor is it known where a file in the new room is, whatever folder was left before.
    let tree = vec![Condition::FolderTree(vec![FolderId::from(5)])];
    let into_room = &[("folder below", 5), ("new room", 0), ("copy to room", 0)];
    check(&[rule("a", "file.copied", tree.clone(), into_room)], 0);
    let into_folder = &[("folder below", 5), ("copy to result", 0)];
    check(&[rule("a", "file.copied", tree, into_folder)], 1);
}

/// Nothing recognises the effect of such a call, so the rule must not act on what the key's user does.
#[test]
fn calls_that_may_raise_anything() {
    let call = &[("copy", 5), ("any call", 0)];
    let itself = [rule("a", "file.uploaded", room(6), call)];
    assert_eq!(
        found(&itself),
        ["rule “a” (api PUT files/file/{id}/lock) raises any event for itself"]
    );
    for condition in [
        Condition::NotBy(vec![Account::ApiKeyUser]),
        Condition::ByGuest(true),
    ] {
        let ignoring = [rule("a", "file.uploaded", vec![condition], call)];
        assert!(found(&ignoring).is_empty());
    }
    // The key's user may be this account, in this group, or not in it.
    let group = || vec!["7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10".to_owned()];
    for condition in [
        Condition::By(vec![Account::Id("5f1d0c52".to_owned())]),
        Condition::NotBy(vec![Account::Id("5f1d0c52".to_owned())]),
        Condition::ByGroup(group()),
        Condition::NotByGroup(group()),
        Condition::ByGuest(false),
    ] {
        let shown = format!("{condition:?}");
        let accepting = [rule("a", "file.uploaded", vec![condition], call)];
        assert_eq!(found(&accepting).len(), 1, "{shown}");
    }
}

#[test]
fn new_titles_locks_and_the_trash() {
    let check = |rules: &[Rule], cycles: usize| {
        assert_eq!(found(rules).len(), cycles, "{rules:?}");
    };
    let with = |mut conditions: Vec<Condition>, more: Condition| {
        conditions.push(more);
        conditions
    };
    // A new title raises the same event, and may be one that a rule does not match.
    let titled = || Condition::title_prefix(["draft"]).unwrap();
    check(&[rule("a", "file.updated", room(5), &[("rename", 0)])], 1);
    let draft = with(room(5), titled());
    check(&[rule("a", "file.updated", draft, &[("rename", 0)])], 0);
    let draft = with(room(5), titled());
    check(&[rule("a", "file.updated", draft, &[("comment", 0)])], 1);
    let draft = with(room(5), titled());
    check(
        &[rule(
            "a",
            "file.copied",
            draft,
            &[("rename", 0), ("copy", 5)],
        )],
        0,
    );
    check(&[rule("a", "file.updated", room(5), &[("lock", 0)])], 1);
    check(&[rule("a", "file.trashed", room(5), &[("trash", 0)])], 1);
    check(&[rule("a", "file.uploaded", room(5), &[("trash", 0)])], 0);
    check(&[rule("a", "room.archived", room(5), &[("archive", 0)])], 1);
    // Whether a rule about files matches an event about their room is not certain.
    check(
        &[
            rule("a", "file.moved", room(5), &[("archive", 0)]),
            rule("b", "room.archived", room(5), &[("archive", 0)]),
        ],
        1,
    );
}

#[test]
fn new_folders_and_results() {
    let check = |rules: &[Rule], cycles: usize| {
        assert_eq!(found(rules).len(), cycles, "{rules:?}");
    };
    let created = |conditions, kind| rule("a", "folder.created", conditions, &[(kind, 5)]);
    let with = |condition| vec![condition];
    check(&[created(vec![], "folder in room")], 1);
    check(&[created(room(7), "folder in room")], 1);
    check(&[created(room(5), "folder below")], 1);
    // Only the portal knows whether folder 5 is in room 7.
    check(&[created(room(7), "folder below")], 0);
    let tree = |id| with(Condition::FolderTree(vec![FolderId::from(id)]));
    check(&[created(tree(5), "folder below")], 1);
    check(&[created(tree(7), "folder in room")], 0);
    // The title of a new folder is not that of the event.
    let titled = with(Condition::title_prefix(["draft"]).unwrap());
    check(&[created(titled, "folder in room")], 0);
    let title = TextTest::Prefix(vec!["acme".to_owned()]);
    check(
        &[created(with(Condition::RoomTitle(title)), "folder in room")],
        1,
    );
    let not_by = with(Condition::NotBy(vec![Account::ApiKeyUser]));
    check(&[created(not_by, "folder in room")], 0);
    check(
        &[rule("a", "file.uploaded", vec![], &[("folder in room", 0)])],
        0,
    );
    check(
        &[
            rule("a", "room.created", vec![], &[("folder in room", 0)]),
            rule("b", "folder.created", vec![], &[("folder in room", 0)]),
        ],
        1,
    );
    // A copy to a result is where the result is.
    let copied = |conditions, first| {
        let actions = [(first, 5), ("copy to result", 0)];
        rule("a", "file.copied", conditions, &actions)
    };
    check(&[copied(room(5), "folder below")], 1);
    check(&[copied(room(7), "folder in room")], 1);
    check(&[copied(room(7), "folder below")], 0);
    check(&[copied(room(5), "copy below")], 1);
    // Which room the file was moved to is not known, nor where the copy is then.
    let actions = [("move", 6), ("folder in room", 0), ("copy to result", 0)];
    check(&[rule("a", "file.copied", room(6), &actions)], 0);
}

#[test]
fn conversions() {
    let check = |rules: &[Rule], cycles: usize| {
        assert_eq!(found(rules).len(), cycles, "{rules:?}");
    };
    let with = |more: Condition| [room(5), vec![more]].concat();
    let extension = |one: &str| with(Condition::Extension(vec![one.to_owned()]));
    for trigger in ["file.created", "file.uploaded"] {
        let convert = |conditions, kind, to| rule("a", trigger, conditions, &[(kind, to)]);
        check(&[convert(room(5), "PDF beside", 0)], 1);
        check(&[convert(room(5), "PDF", 5)], 1);
        check(&[convert(vec![], "PDF", 5)], 1);
        // Only the portal knows whether folder 6 is in room 5.
        check(&[convert(room(5), "PDF", 6)], 0);
        check(&[convert(extension("docx"), "PDF beside", 0)], 0);
        check(&[convert(extension("pdf"), "PDF beside", 0)], 1);
        check(
            &[
                convert(extension("docx"), "PDF beside", 0),
                rule("b", trigger, extension("pdf"), &[("PDF", 5)]),
            ],
            1,
        );
        // Neither the size of a PDF nor its whole title is known.
        let large = Condition::Size(SizeRange {
            at_least: 10,
            at_most: None,
        });
        check(&[convert(with(large), "PDF beside", 0)], 0);
        let draft = Condition::title_prefix(["draft"]).unwrap();
        check(&[convert(with(draft), "PDF beside", 0)], 0);
    }
    check(&[rule("a", "file.copied", room(5), &[("PDF", 5)])], 0);
    // A line changes or creates another file.
    let line = |conditions| rule("a", "file.uploaded", conditions, &[("line", 5)]);
    check(&[line(room(5))], 1);
    check(&[line(room(6))], 0);
    check(&[line(extension("csv"))], 1);
    check(&[line(extension("docx"))], 0);
    // After a move, the PDF is beside the file there.
    let moved = |id| {
        rule(
            "a",
            "file.created",
            room(id),
            &[("move", 6), ("PDF beside", 0)],
        )
    };
    check(&[moved(6)], 1);
    check(&[moved(5)], 0);
}

/// The key's user is not a guest, and may or may not be in a group.
#[test]
fn conditions_on_people_that_exclude_own_actions() {
    for (condition, cycles) in [
        (Condition::ByGuest(true), 0),
        (Condition::ByGuest(false), 1),
        (Condition::by_group(["Accounting"]), 0),
        (Condition::not_by_group(["Accounting"]), 0),
    ] {
        let mut conditions = room(5);
        conditions.push(condition);
        let rules = [rule("a", "file.updated", conditions, &[("comment", 0)])];
        assert_eq!(found(&rules).len(), cycles, "{rules:?}");
    }
}

#[test]
fn which_rules_trigger_each_other() {
    let check = |rules: &[Rule], cycles: usize| {
        assert_eq!(found(rules).len(), cycles, "{rules:?}");
    };
    let with = |mut conditions: Vec<Condition>, more: Condition| {
        conditions.push(more);
        conditions
    };
    let own = || vec![Account::ApiKeyUser];
    let pdf = || Condition::Extension(vec!["pdf".to_owned()]);
    // A copy raises file.copied and nothing else.
    check(&[rule("a", "file.uploaded", room(5), &[("copy", 5)])], 0);
    check(&[rule("a", "file.copied", room(5), &[("copy", 5)])], 1);
    check(&[rule("a", "file.copied", vec![], &[("copy", 5)])], 1);
    check(&[rule("a", "file.copied", room(5), &[("move", 5)])], 0);
    check(&[rule("a", "file.moved", room(5), &[("move", 5)])], 1);
    // Only the portal knows whether folder 6 is in room 5.
    check(&[rule("a", "file.copied", room(5), &[("copy", 6)])], 0);
    let below = with(vec![], Condition::FolderTree(vec![FolderId::from(6)]));
    check(&[rule("a", "file.copied", below, &[("copy", 6)])], 1);
    // A file in a folder below folder 6 is below it, and not directly in it.
    let tree = with(vec![], Condition::FolderTree(vec![FolderId::from(6)]));
    check(&[rule("a", "file.copied", tree, &[("copy below", 6)])], 1);
    check(
        &[rule("a", "file.copied", room(6), &[("copy below", 6)])],
        1,
    );
    let directly = with(vec![], Condition::Folder(vec![FolderId::from(6)]));
    check(
        &[rule("a", "file.copied", directly, &[("copy below", 6)])],
        0,
    );
    // A rule that excludes the API key's user is not triggered by own actions.
    let without_own = with(room(5), Condition::NotBy(own()));
    check(
        &[rule("a", "file.updated", without_own, &[("comment", 0)])],
        0,
    );
    let only_own = with(room(5), Condition::By(own()));
    check(&[rule("a", "file.updated", only_own, &[("comment", 0)])], 1);
    let anna = Account::Id("5f1d0c52".to_owned());
    let by_anna = with(room(5), Condition::By(vec![anna]));
    check(&[rule("a", "file.updated", by_anna, &[("comment", 0)])], 0);
    // A comment after a move is made where the file is then.
    check(
        &[rule(
            "a",
            "file.updated",
            room(5),
            &[("move", 6), ("comment", 0)],
        )],
        0,
    );
    check(
        &[
            rule("a", "file.updated", room(5), &[("move", 6), ("comment", 0)]),
            rule("b", "file.updated", room(6), &[("move", 5), ("comment", 0)]),
        ],
        1,
    );
    // No copy turns a document into a PDF.
    check(
        &[
            rule("a", "file.copied", with(vec![], pdf()), &[("copy", 5)]),
            rule(
                "b",
                "file.copied",
                vec![Condition::Extension(vec!["docx".to_owned()])],
                &[("copy", 6)],
            ),
        ],
        2,
    );
    // A file must be in both places; only the portal knows whether folder 5 is in folder 20.
    let tree = Condition::FolderTree(vec![FolderId::from(20)]);
    let both = with(room(5), tree);
    check(&[rule("a", "file.moved", both.clone(), &[("move", 5)])], 0);
    check(&[rule("a", "file.moved", both.clone(), &[("move", 20)])], 0);
    // A file that is in both places stays there.
    check(&[rule("a", "file.updated", both, &[("comment", 0)])], 1);
    // No action changes the beginning of a title.
    let prefix = |prefix: &str| Condition::title_prefix([prefix]).unwrap();
    let glob = |glob: &str| Condition::Title(TextTest::Glob(Pattern::glob(glob).unwrap()));
    let pair = |one: Condition, other: Condition| {
        [
            rule("a", "file.copied", with(room(5), one), &[("copy", 6)]),
            rule("b", "file.copied", with(room(6), other), &[("copy", 5)]),
        ]
    };
    check(&pair(prefix("in"), prefix("out")), 0);
    check(&pair(prefix("in"), prefix("invoice")), 1);
    check(&pair(prefix("in"), pdf()), 1);
    // Whether a title matches both is not known.
    check(&pair(prefix("in"), glob("*.pdf")), 0);
    check(&pair(glob("*.pdf"), prefix("in")), 0);
    check(&pair(glob("*.pdf"), glob("*.pdf")), 1);
    check(&pair(glob("*.pdf"), pdf()), 1);
    // A chain that ends is not a cycle.
    check(
        &[
            rule("a", "file.uploaded", room(1), &[("copy", 5)]),
            rule("b", "file.copied", room(5), &[("move", 6)]),
            rule("c", "file.moved", room(6), &[("comment", 0)]),
        ],
        0,
    );
}

/// How many cycles are certain.
fn cycles(rules: &[Rule]) -> usize {
    find_cycles(rules).len()
}

/// Two rules that trigger each other if some file can match both conditions.
fn pair_with(one: Condition, other: Condition) -> [Rule; 2] {
    let with = |mut conditions: Vec<Condition>, more: Condition| {
        conditions.push(more);
        conditions
    };
    [
        rule("a", "file.copied", with(room(5), one), &[("copy", 6)]),
        rule("b", "file.copied", with(room(6), other), &[("copy", 5)]),
    ]
}

#[test]
fn what_else_decides_about_an_event() {
    // What a delivery will contain is not known.
    let field = Condition::Field(FieldTest {
        path: "payload.rootFolderType".to_owned(),
        test: TextTest::is(["14"]),
    });
    assert_eq!(cycles(&pair_with(field.clone(), field)), 0);
    // A file that stays where it is stays in its room; of another place, the room is not known.
    let tagged = || vec![Condition::room_tag(["vip"])];
    let stays = rule("a", "file.updated", tagged(), &[("comment", 0)]);
    assert_eq!(cycles(&[stays]), 1);
    let leaves = rule("a", "file.moved", tagged(), &[("move", 5)]);
    assert_eq!(cycles(&[leaves]), 0);
    // No action changes the size.
    let size = |at_least, at_most| Condition::Size(SizeRange { at_least, at_most });
    assert_eq!(cycles(&pair_with(size(0, Some(10)), size(11, None))), 0);
    assert_eq!(cycles(&pair_with(size(0, Some(10)), size(10, None))), 1);
}

#[test]
fn a_rule_that_another_of_its_group_may_preempt_is_not_certain_to_act() {
    let grouped = |name: &str, trigger: &str, conditions, to| Rule {
        group: Some("g".to_owned()),
        ..rule(name, trigger, conditions, &[("copy", to)])
    };
    let all = grouped("all", "file.copied", room(5), 5);
    let mut pdf = room(9);
    pdf.push(Condition::extension(["pdf"]));
    let pdf = grouped("pdf", "file.copied", pdf, 5);
    assert_eq!(cycles(&[pdf, all.clone()]), 0);
    let rest = grouped("rest", "file.copied", room(5), 5);
    assert_eq!(cycles(&[all.clone(), rest]), 1);
    let unrelated = grouped("other", "file.updated", room(9), 6);
    assert_eq!(cycles(&[unrelated, all]), 1);
}

#[test]
fn destinations_that_may_be_in_a_watched_room_are_unresolved() {
    let rules = [
        rule("a", "file.copied", room(5), &[("copy", 6)]),
        rule("b", "file.uploaded", room(7), &[("copy", 8)]),
    ];
    assert_eq!(
        unresolved_destinations(&rules),
        [
            (FolderId::from(6), vec![FolderId::from(5)]),
            (FolderId::from(8), vec![FolderId::from(5)]),
        ]
    );
    let mut nested = rules.to_vec();
    alias_watched_folder(&mut nested, &FolderId::from(5), &FolderId::from(6));
    assert_eq!(
        found(&nested),
        ["rule “a” (copy to folder 6) raises file.copied for itself"]
    );
}

#[test]
fn each_group_of_rules_that_trigger_each_other_is_reported_once() {
    // a triggers b and c, both trigger d, and d triggers a.
    let diamond = [
        rule("a", "file.moved", room(1), &[("copy", 2)]),
        rule("b", "file.copied", room(2), &[("move", 3)]),
        rule("c", "file.copied", room(2), &[("comment", 0), ("move", 3)]),
        rule("d", "file.moved", room(3), &[("move", 1)]),
        rule("other", "file.updated", room(9), &[("comment", 0)]),
    ];
    let names = |rules: &[Rule]| -> Vec<Vec<String>> {
        let cycles = find_cycles(rules).into_iter();
        cycles
            .map(|cycle| cycle.links.into_iter().map(|link| link.rule).collect())
            .collect()
    };
    assert_eq!(names(&diamond), [vec!["a", "b", "d"], vec!["other"]]);
    // With b gone, the other cycle of the group is reported.
    let without_b = [&diamond[..1], &diamond[2..]].concat();
    assert_eq!(names(&without_b), [vec!["a", "c", "d"], vec!["other"]]);
}
