//! Files as people write them, with and without mistakes.

use std::path::Path;

use crate::actions::{self, CopyTo};
use crate::config::variables::Variables;
use crate::docspace::Conflict;
use crate::ids::FolderId;
use crate::rules::{ActionPlan, Condition, FieldTest, Rule, SizeRange, TextTest};

use super::parse;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let pairs = pairs.iter();
    let pairs: Vec<_> = pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Variables::from_pairs(&pairs)
}

fn read(text: &str) -> (Vec<Rule>, Vec<String>) {
    let variables = variables(&[
        ("CONTRACTS_SECRET", "a secret"),
        ("NOTIFY_WEBHOOK_URL", "https://chat.example"),
        ("PIPELINE_URL", "https://pipeline.example"),
    ]);
    let (file, findings) = parse(text, "rules.toml", Path::new("/nowhere"), &variables);
    let messages = findings.into_iter().map(|finding| finding.message);
    (file.rules, messages.collect())
}

fn rules(text: &str) -> Vec<Rule> {
    let (rules, problems) = read(text);
    assert_eq!(problems, Vec::<String>::new());
    rules
}

/// The problems of a file, each without the file's name.
fn problems(text: &str) -> Vec<String> {
    let (_, problems) = read(text);
    let short = problems.iter().map(|problem| {
        let problem = problem.strip_prefix("rules.toml, ").unwrap();
        problem.to_owned()
    });
    short.collect()
}

#[test]
fn every_field_of_a_rule() {
    let rules = rules(
        r#"
        other_triggers = ["file.reviewed"]

        [[rule]]
        name = "everything"
        triggers = ["file.uploaded", "File.Reviewed", "file.uploaded"]
        room = [539564, "drive-12-|a"]
        folder = 1
        folder_tree = 2
        title = { prefix = [" Invoice", "Рахунок"], contains = "x", glob = "*.pdf", regex = "[0-9]" }
        size = { at_least = 1, at_most = "10 MB" }
        room_title = { contains = "acme" }
        room_tag = ["client", "vip"]
        room_type = ["data room", "AI"]
        field = { "payload.status" = [1, "two", true], "payload.email" = { glob = "*@x" } }
        extension = [".PDF", "docx"]
        by = "5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11"
        by_not = ["self"]
        by_group = "Accounting"
        by_group_not = ["Sales", "7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10"]
        by_guest = false
        [[rule.action]]
        copy = { to = 340988, conflict = "skip" }
        [[rule.action]]
        move = 5
        [[rule.action]]
        rename = "{date} {name.clean}"
        [[rule.action]]
        comment = "Need Review"
        [[rule.action]]
        lock = true
        [[rule.action]]
        trash = true
        [[rule.action]]
        tag = ["client", "vip"]
        [[rule.action]]
        archive = true
        [[rule.action]]
        notify = { email = ["a@x.example", "b@x.example"], chat = true, text = "{title}" }
        [[rule.action]]
        call = { url = "https://pipeline.example/x", secret_env = "CONTRACTS_SECRET" }
        [[rule.action]]
        call = true
        "#,
    );
    let [rule] = &rules[..] else {
        panic!("{rules:?}")
    };
    let triggers: Vec<&str> = rule
        .triggers
        .iter()
        .map(crate::event::Trigger::as_str)
        .collect();
    assert_eq!(triggers, ["file.uploaded", "file.reviewed"]);
    assert_eq!(rule.conditions.len(), 19);
    assert!(rule.conditions.contains(&Condition::Extension(vec![
        "pdf".to_owned(),
        "docx".to_owned()
    ])));
    assert!(rule.conditions.contains(&Condition::Field(FieldTest {
        path: "payload.status".to_owned(),
        test: TextTest::is(["1", "two", "true"]),
    })));
    assert!(rule.conditions.contains(&Condition::Size(SizeRange {
        at_least: 1,
        at_most: Some(10 << 20)
    })));
    let prefix = Condition::title_prefix(["invoice", "рахунок"]).unwrap();
    assert!(rule.conditions.contains(&prefix));
    let kinds: Vec<_> = rule.actions.iter().map(|action| action.kind).collect();
    let expected = [
        "copy", "move", "rename", "comment", "lock", "trash", "tag", "archive", "notify", "notify",
        "notify", "call", "call",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        rule.actions[0],
        CopyTo {
            path: None,
            to: FolderId::from(340_988).into(),
            conflict: Conflict::Skip
        }
        .into()
    );
    for ActionPlan {
        kind,
        stored,
        properties,
    } in &rule.actions
    {
        assert!(!stored.contains("pipeline.example/x"), "{stored}");
        assert_eq!(actions::properties(kind, stored).as_ref(), Some(properties));
    }
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let found = problems(
        r#"
[[rule]]
name = "one"
trigers = ["file.uploaded"]
triggers = ["file.uplaoded"]
room = "  "
title = { prefx = "a" }
[[rule.action]]
copy = { to = 5, conflict = "replace" }
[[rule.action]]
notify = { email = "nobody", subject = "{titel}" }

[[rule]]
name = "one"
triggers = ["file.uploaded"]
extention = "pdf"
"#,
    );
    assert_eq!(
        found,
        [
            "line 4, rule “one”, trigers: is not a known field; did you mean triggers?",
            "line 5, rule “one”, triggers: file.uplaoded is not a trigger of DocSpace 3.7; did you mean file.uploaded?",
            "line 6, rule “one”, room: must be the id of a room or folder; `docspace-courier rooms --folders` lists them",
            "line 7, rule “one”, title: needs prefix, contains, glob or regex",
            "line 7, rule “one”, title.prefx: is not a known field; did you mean prefix?",
            "line 9, rule “one”, action.copy.conflict: must be \"duplicate\", \"overwrite\" or \"skip\"",
            "line 11, rule “one”, action.notify.subject: there is no field {titel}; did you mean {title}?",
            "line 11, rule “one”, action.notify.email: is not a valid email address, \"actor\", \"managers\" or \"members\": nobody",
            "line 13, rule “one”, action: is missing: add one [[rule.action]] for each thing that the rule does",
            "line 14, rule “one”, name: is already the name of a rule above; choose another one",
            "line 16, rule “one”, extention: is not a known field; did you mean extension?",
        ]
    );
}

#[test]
fn conditions_that_are_refused() {
    let with = |field: &str, expected: &str| {
        let text = format!(
            "[[rule]]\nname = \"a\"\ntriggers = \"file.uploaded\"\n{field}\n[[rule.action]]\ncall = true\n"
        );
        let found = problems(&text);
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{text}: {found:?}"
        );
    };
    with(
        "[[rule.action]]\ncopy = { to = 5, path = \"{year}//{month}\" }",
        "contains a folder without a title",
    );
    with(
        "[[rule.action]]\nmove = { to = 5, path = \"{yaer}\" }",
        "there is no field {yaer}; did you mean {year}?",
    );
    with("room = 0", "must be the id");
    with("room = 1.5", "must be the id");
    with("room = \"539564,539610\"", "must be the id");
    with("room = \"0539564\"", "must be the id");
    with("room = []", "is an empty list");
    with("title = \"invoice\"", "must be a table such as");
    with(
        "title = { regex = \"(\" }",
        "is not a valid regular expression: unclosed group",
    );
    with("title = { glob = \"{a\" }", "is not a valid glob");
    with("title = { prefix = \" \" }", "matches every title");
    with("title = { contains = \" \" }", "matches every title");
    with("field = 5", "must be a table such as");
    with("field = { status = 2 }", "is not a path");
    with("field = { payload.status = 2 }", "is not a path");
    with("field = { \"payload\" = 2 }", "is not a path");
    with(
        "field = { \"payloda.status\" = 2 }",
        "did you mean payload?",
    );
    with(
        "field = { \"payload.a\" = {} }",
        "needs prefix, contains, glob",
    );
    with(
        "field = { \"payload.a\" = [[1]] }",
        "must be a string, a number, true",
    );
    with("field = { \"payload.a\" = [] }", "is an empty list");
    with("room_title = { prefix = \" \" }", "matches every room");
    with("room_type = \"dataroom\"", "did you mean data room?");
    with("room_type = \"secret\"", "expected one of form filling, ");
    with("size = 5", "must be a table such as");
    with("size = {}", "needs at_least or at_most");
    with("size = { at_most = \"5 XB\" }", "or a size such as");
    with("size = { at_most = -1 }", "must not be negative");
    with("size = { at_most = 1, at_least = 2 }", "matches no file");
    with("by = \"Anna\"", "must be \"self\"");
    with("by = 5", "must be a string, not a number");
    with("by_group = 5", "must be a string, not a number");
    with("by_group_not = []", "is an empty list");
    with("by_guest = \"yes\"", "must be true or false");
}

/// The beginning of a rule that is valid up to there.
const HEAD: &str = "[[rule]]\nname = \"a\"\ntriggers = \"file.uploaded\"\n";

#[test]
fn what_is_refused_of_new_rooms_and_other_calls() {
    let action = |action: &str, expected: &str| {
        let found = problems(&format!("{HEAD}[[rule.action]]\n{action}\n"));
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{action}: {found:?}"
        );
    };
    action("api = true", "action.api: must be a table such as");
    action(
        "api = { method = \"PUT\", path = \"a\" }",
        "action.api.safe_to_repeat: is missing",
    );
    let api = |fields: &str, expected: &str| {
        let call = format!("api = {{ safe_to_repeat = true, {fields} }}");
        action(&call, expected);
    };
    api(
        "method = \"GET\", path = \"a\"",
        "must be \"POST\", \"PUT\" or \"DELETE\"",
    );
    api(
        "method = \"PUT\", path = \"https://evil.example/a\"",
        "must be a path below /api/2.0/",
    );
    api(
        "method = \"PUT\", path = \"a/{titel}\"",
        "did you mean {title}?",
    );
    api(
        "method = \"PUT\", path = \"a\", body = { x = [\"{titel}\"] }",
        "did you mean {title}?",
    );
    api(
        "method = \"PUT\", path = \"a\", body = { x = nan }",
        "is not a number in JSON",
    );
    api(
        "method = \"PUT\", path = \"a\", body = { x = 2026-03-02 }",
        "must be a string, a number, true or false, not a date",
    );
    action(
        "create_room = { title = \"a\", type = \"public\", template = 5 }",
        "cannot be set beside template",
    );
}

#[test]
fn what_is_refused() {
    let check = |text: &str, expected: &str| {
        let found = problems(text);
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{text}: {found:?}"
        );
    };
    let action = |action: &str, expected: &str| {
        check(&format!("{HEAD}[[rule.action]]\n{action}\n"), expected);
    };
    check("[[rule", "line 1: ");
    check("a = 1\na = 2", "line 2: ");
    check("rule = 3", "line 1, rule: must be written as [[rule]]");
    check("[[rules]]\n", "did you mean rule?");
    action("copy = [5, 6]", "action.copy: must be a single folder");
    action(
        "move = { to = [5] }",
        "action.move.to: must be a single folder",
    );
    action("copy = {}", "action.copy.to: is missing");
    action(
        "copy = { to = 5, when = \"now\" }",
        "is not a known field; expected one of to, conflict",
    );
    action("copy = 5\nmove = 6", "contains copy and move");
    action(
        "",
        "is empty; expected one of copy, move, rename, comment, lock, link, trash, convert, write, create_folder, create_room, share, tag, archive, add_to_group, api, notify, call",
    );
    action("kopy = 5", "did you mean copy?");
    action("call = false", "action.call: must be true");
    action("call = 1", "action.call: must be true or false");
    action("notify = {}", "notifies no one");
    action("notify = { chat = false }", "notifies no one");
    action(
        "notify = { chat = true, text = \"{title\" }",
        "a brace is not closed",
    );
    action(
        "notify = { chat = true, subject = \"a\\nb\" }",
        "must be one line",
    );
    action(
        "call = { url = \"pipeline.example\" }",
        "action.call.url: must be a URL",
    );
    action("call = { secret = \"x\" }", "action.call.url: is missing");
    action(
        "call = { url = \"https://x.example\", secret = \"whsec_!\" }",
        "cannot be used",
    );
    action(
        "call = { url = \"https://x.example\", secret_env = \"NO_SUCH\" }",
        "the variable NO_SUCH is not set",
    );
    action(
        "call = { url = \"https://x.example\", secret_file = \"no\" }",
        "cannot read no",
    );
    action(
        "call = { url = \"https://x.example\", secret = \"a\", secret_env = \"CONTRACTS_SECRET\" }",
        "set only one of them",
    );
    let long = "x".repeat(256);
    action(
        &format!("comment = \"{long}\""),
        "is longer than the 255 characters",
    );
    action("rename = \" \"", "is blank");
    action(
        "rename = \"{titel}\"",
        "there is no field {titel}; did you mean {title}?",
    );
    action("rename = \"{room}\"", "there is no field {room}");
    action("rename = true", "must be");
    action("lock = false", "action.lock: must be true");
    action("tag = []", "is an empty list");
    action("tag = \" \"", "is blank");
    action("archive = false", "action.archive: must be true");
    action("trash = 1", "action.trash: must be true or false");
}

#[test]
fn names_and_triggers_that_are_refused() {
    let check = |text: &str, expected: &str| {
        let found = problems(text);
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{text}: {found:?}"
        );
    };
    let rule = |name: &str, triggers: &str, action: &str, expected: &str| {
        check(
            &format!(
                "[[rule]]\nname = \"{name}\"\ntriggers = {triggers}\n[[rule.action]]\n{action}\n"
            ),
            expected,
        );
    };
    rule(
        "copy",
        "\"file.uploaded\"",
        "copy = 5",
        "name: is a reserved name",
    );
    rule("", "\"file.uploaded\"", "copy = 5", "name: is empty");
    rule("a", "[]", "copy = 5", "is an empty list");
    rule(
        "a",
        "\"user.create\"",
        "call = true",
        "did you mean user.created?",
    );
    for (trigger, subject) in [
        ("user.created", "a user"),
        ("group.deleted", "a group"),
        ("agent.updated", "an agent"),
        ("room.created", "a folder or room"),
    ] {
        let expected = format!("{trigger} is about {subject}, so the rule cannot copy");
        rule("a", &format!("\"{trigger}\""), "copy = 5", &expected);
    }
    rule(
        "a",
        "\"file.reviewed\"",
        "call = true",
        "is not a trigger of DocSpace 3.7; if your portal is newer",
    );
    rule(
        "a",
        "\"folder.updated\"",
        "copy = 5",
        "cannot copy; only create_folder, create_room, share, tag, archive, write, api, notify and call are possible",
    );
    rule(
        "a",
        "\"file.deleted\"",
        "comment = \"x\"",
        "is about a deleted file, so the rule cannot comment",
    );
    rule(
        "a",
        "\"room.deleted\"",
        "tag = \"x\"",
        "is about a deleted folder or room, so the rule cannot tag; only create_folder with below, create_room, share with room, write, api, notify and call are possible",
    );
    rule(
        "a",
        "\"user.created\"",
        "archive = true",
        "is about a user, so the rule cannot archive; only add_to_group, create_folder with below, create_room, share with room, write, api, notify and call are possible",
    );
    for (trigger, what) in [
        (
            "file.uploaded",
            "is about a file, so the rule cannot add_to_group",
        ),
        (
            "room.created",
            "is about a folder or room, so the rule cannot add_to_group",
        ),
        (
            "user.deleted",
            "is about a deleted user, so the rule cannot add_to_group",
        ),
        (
            "group.created",
            "is about a group, so the rule cannot add_to_group",
        ),
    ] {
        let group = "add_to_group = \"7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10\"";
        rule("a", &format!("\"{trigger}\""), group, what);
    }
}

#[test]
fn groups_and_disabled_rules() {
    let rule = |name: &str, fields: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\ntriggers = \"file.uploaded\"\n{fields}\n[[rule.action]]\ncopy = 5\n"
        )
    };
    let text = [
        rule("a", "group = \" status \""),
        rule("b", "enabled = false\ngroup = \"status\""),
        rule("c", "enabled = true"),
    ];
    let (file, findings) = parse(&text.concat(), "rules.toml", Path::new(""), &variables(&[]));
    assert!(findings.is_empty(), "{findings:?}");
    let names = |rules: &[Rule]| {
        rules
            .iter()
            .map(|rule| rule.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&file.rules), ["a", "c"]);
    assert_eq!(names(&file.disabled), ["b"]);
    assert_eq!(file.rules[0].group.as_deref(), Some("status"));
    // What is disabled is checked nevertheless.
    let refused = |fields: &str, expected: &str| {
        let found = problems(&rule("a", fields));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    };
    refused("enabled = false\nroom = 0", "must be the id");
    refused("enabled = 1", "enabled: must be true or false");
    refused("group = \"\"", "group: is empty");
    refused(&format!("group = \"{}\"", "x".repeat(61)), "at most 60");
}

#[test]
fn the_chat_and_the_pipeline_must_be_there() {
    let text = "[[rule]]\nname = \"a\"\ntriggers = \"file.uploaded\"\n[[rule.action]]\nnotify = { chat = true }\n[[rule.action]]\ncall = true\n";
    let (_, found) = parse(text, "rules.toml", Path::new(""), &variables(&[]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].message.contains("needs NOTIFY_WEBHOOK_URL"),
        "{found:?}"
    );
    assert!(found[1].message.contains("needs PIPELINE_URL"), "{found:?}");
}

#[test]
fn links_and_shares_that_are_refused() {
    let action = |action: &str, expected: &str| {
        let found = problems(&format!("{HEAD}[[rule.action]]\n{action}\n")).join("; ");
        assert!(found.contains(expected), "{action}: {found}");
    };
    action(
        "share = \"a@x.example\"",
        "action.share: must be a table such as",
    );
    action("share = { role = \"viewer\" }", "names nobody: set person");
    action(
        "share = { email = \"a@x.example\" }",
        "action.share.role: is missing",
    );
    action(
        "share = { email = \"a@x.example\", role = \"Read\" }",
        "must be \"manager\", \"content creator\", ",
    );
    action(
        "share = { group = \"Accounting\", role = \"viewer\" }",
        "action.share.group: must be an id such as",
    );
    action(
        "share = { group = \"7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10\", role = \"manager\" }",
        "which only people can have",
    );
    action("link = true", "action.link: must be a string");
    action("link = \"30\"", "action.link: must be a time such as");
    action("link = \"11 years\"", "action.link: must be a time such as");
    action(
        "link = { access = \"edit\" }",
        "action.link.expires: is missing",
    );
    action(
        "link = { expires = \"1 day\", access = \"none\" }",
        "must be \"read\", \"comment\", \"review\", \"edit\" or \"fill forms\"",
    );
}

#[test]
fn conversions_that_are_refused() {
    let check = |convert: &str, expected: &str| {
        let found = problems(&format!("{HEAD}[[rule.action]]\nconvert = {convert}\n"));
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{convert}: {found:?}"
        );
    };
    // DocSpace stores the old content under the new title if it cannot convert to another format.
    check("\"odt\"", "must be \"pdf\", \"docx\", \"xlsx\" or \"pptx\"");
    check("{ to = 5 }", "format");
    check("{ format = \"pdf\", path = \"a\" }", "path");
    check(
        "{ format = \"pdf\", to = \"{result.folder}\" }",
        "no action before it in the rule leaves a folder",
    );
}

#[test]
fn arrivals_stand_for_triggers() {
    let parse = |triggers: &str| {
        let text = format!("[[rule]]\nname = \"a\"\n{triggers}\n[[rule.action]]\nlock = true\n");
        problems(&text)
    };
    assert_eq!(parse("arrivals = true"), [""; 0]);
    assert_eq!(
        parse("arrivals = true\ntriggers = \"file.updated\""),
        [""; 0]
    );
    assert!(
        parse("arrivals = false")
            .join("; ")
            .contains("must be true")
    );
    assert!(
        parse("arrivals = 1")
            .join("; ")
            .contains("must be true or false")
    );
    // What a rule cannot do with an event of these, it cannot do with arrivals.
    let text = "[[rule]]\nname = \"a\"\narrivals = true\n[[rule.action]]\nadd_to_group = \"7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10\"\n";
    assert!(
        problems(text)
            .join("; ")
            .contains("file.restored is about a file")
    );
}

#[test]
fn lines_that_are_refused() {
    let check = |write: &str, expected: &str| {
        let found = problems(&format!("{HEAD}[[rule.action]]\nwrite = {write}\n"));
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{write}: {found:?}"
        );
    };
    check("\"log.csv\"", "must be a table such as");
    check("{ to = 5, title = \"log.csv\" }", "line");
    check(
        "{ to = 5, title = \"log.xlsx\", line = [\"{title}\"] }",
        "must end with .csv or .txt",
    );
    check(
        "{ to = 5, title = \"log.{name}\", line = [\"{title}\"] }",
        "must end with .csv or .txt",
    );
    check(
        "{ to = 5, title = \"log.txt\", line = [\"{title}\"] }",
        "must be a string",
    );
    check(
        "{ to = 5, title = \"log.csv\", line = [\"{titel}\"] }",
        "did you mean {title}?",
    );
    check(
        "{ to = 5, title = \"log.csv\", line = [] }",
        "is an empty list",
    );
    check(
        "{ to = \"{result.folder}\", title = \"a.txt\", line = \"x\" }",
        "must be the id of a room or folder",
    );
}

#[test]
fn a_result_that_no_action_before_leaves_is_refused() {
    let check = |actions: &[&str], expected: &str| {
        let actions = actions.iter().map(|it| format!("[[rule.action]]\n{it}\n"));
        let actions: String = actions.collect();
        let text = format!("[[rule]]\nname = \"a\"\ntriggers = [\"file.uploaded\"]\n{actions}");
        let found = problems(&text).join("; ");
        assert!(found.contains(expected), "{found}");
    };
    let makers = "no action before it in the rule leaves a folder; these do: copy, move, convert, create_folder";
    let first = "move = \"{result.folder}\"";
    check(&[first], &format!("uses {{result.folder}}, but {makers}"));
    check(&["comment = \"{result.folder}\"", "copy = 5"], makers);
    check(
        &[
            "lock = true",
            "notify = { chat = true, text = \"{result.folder}\" }",
        ],
        makers,
    );
    check(
        &["move = \"{result.link}\""],
        "must be the id of a room or folder",
    );
    check(
        &["copy = 5", "comment = \"{result.link}\""],
        "no action before it in the rule leaves a link; these do: link",
    );
    check(
        &["copy = 5", "comment = \"{result.file}\""],
        "no action before it in the rule leaves a file; these do: convert, write",
    );
    check(
        &["copy = 5", "comment = \"{result.title}\""],
        "there is no field",
    );
}
