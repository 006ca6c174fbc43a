//! Conditions against deliveries, as a table.

use crate::docspace::{AccountStatus, FolderInfo, GroupInfo, Profile};
use crate::event::Event;
use crate::ids::{FileId, FolderId};
use crate::rules::entry_view::{EntryView, Missing};
use crate::rules::tests::{event, file_info};
use crate::rules::{Facts, Lookup, MissingFact};
use crate::wire::RoomType;

use super::{Account, Check, Condition, FieldTest, Pattern, SizeRange, TextTest};

/// How a condition comes out, in a word.
fn outcome(condition: &Condition, facts: &Facts<'_>) -> &'static str {
    let entry = facts
        .event
        .entry
        .as_ref()
        .expect("the event names an entry");
    let seen = EntryView::new(entry, facts);
    let check = condition.check(&seen);
    match check {
        Check::Match(why) => {
            assert!(!why.to_string().is_empty());
            "yes"
        }
        Check::Mismatch(why) => {
            assert!(!why.to_string().is_empty());
            "no"
        }
        Check::Needs(Missing::File) => "file?",
        Check::Needs(Missing::Path) => "path?",
        Check::Needs(Missing::Room) => "room?",
        Check::Needs(Missing::CurrentUser) => "current user?",
        Check::Needs(Missing::Actor) => "account?",
        Check::Needs(Missing::ActorGroups) => "groups?",
    }
}

fn folders(ids: &[&str]) -> Vec<FolderId> {
    ids.iter().map(|id| FolderId::new(id).unwrap()).collect()
}

/// How letters are encoded, and what is invisible around a title, makes no difference.
#[test]
fn titles_are_compared_in_one_form() {
    let check = |condition: &Condition, members: &str, expected: &str| {
        let event = event("file.uploaded", members);
        let seen = outcome(condition, &Facts::of(&event));
        assert_eq!(seen, expected, "{condition:?} {members}");
    };
    let prefix = |prefix: &str| Condition::title_prefix([prefix]).unwrap();
    let glob = |glob: &str| Condition::Title(TextTest::Glob(Pattern::glob(glob).unwrap()));
    let regex = |regex: &str| Condition::Title(TextTest::Regex(Pattern::regex(regex).unwrap()));

    let decomposed = r#""title": "Rechnung fu\u0308r Acme.pdf""#;
    check(&prefix("rechnung für"), decomposed, "yes");
    check(
        &prefix("rechnung fu\u{308}r"),
        r#""title": "Rechnung für""#,
        "yes",
    );
    check(
        &prefix("invoice"),
        r#""title": "\uFF29\uFF4E\uFF56\uFF4F\uFF49\uFF43\uFF45""#,
        "yes",
    );
    for mark in ["FEFF", "200B", "200F", "202A", "00A0", "3000"] {
        let title = format!(r#""title": "\u{mark}Invoice 7.pdf\u{mark}""#);
        check(&prefix("invoice"), &title, "yes");
    }

    check(&glob("rechnung für*"), decomposed, "yes");
    check(&glob("rechnung f?r acme.pdf"), decomposed, "yes");
    check(
        &glob("invoice*.pdf"),
        r#""title": "\uFEFFInvoice 7.pdf\u200F""#,
        "yes",
    );
    check(&regex("^rechnung für"), decomposed, "yes");
    check(
        &regex("^rechnung fu\u{308}r"),
        r#""title": "Rechnung für""#,
        "yes",
    );
    check(
        &regex("^invoice"),
        r#""title": "\u202AＩnvoice 7.pdf""#,
        "yes",
    );
}

/// Some letters are several letters in another case.
#[test]
fn case_is_folded() {
    let check = |condition: Condition, title: &str, expected: &str| {
        let event = event("file.uploaded", &format!(r#""title": "{title}""#));
        let seen = outcome(&condition, &Facts::of(&event));
        assert_eq!(seen, expected, "{condition:?} {title}");
    };
    for (one, other) in [("STRASSE", "Straße"), ("GROẞ", "groß"), ("ΟΔΟΣ", "οδος")] {
        for (written, title) in [(one, other), (other, one)] {
            check(Condition::title_prefix([written]).unwrap(), title, "yes");
            let contains = TextTest::contains([written]).unwrap();
            check(Condition::Title(contains), &format!("a {title}.pdf"), "yes");
            let glob = Pattern::glob(&format!("{written}.*")).unwrap();
            check(
                Condition::Title(TextTest::Glob(glob)),
                &format!("{title}.pdf"),
                "yes",
            );
            let regex = Pattern::regex(&format!(r"\b{written}$")).unwrap();
            let regex = Condition::Title(TextTest::Regex(regex));
            check(regex.clone(), title, "yes");
            check(regex, &format!("{title}n"), "no");
            check(
                Condition::extension([written]),
                &format!("a.{title}"),
                "yes",
            );
        }
    }
    // In a character class, a letter is a single one.
    let class = Pattern::regex("^[äöß]$").unwrap();
    check(Condition::Title(TextTest::Regex(class.clone())), "ß", "yes");
    check(Condition::Title(TextTest::Regex(class)), "ss", "no");
}

/// Conditions against payloads that name no trigger of interest, without any lookup in the portal.
#[test]
fn conditions_and_payloads() {
    let check = |condition: &Condition, members: &str, expected: &str| {
        let event = event("file.uploaded", members);
        let seen = outcome(condition, &Facts::of(&event));
        assert_eq!(seen, expected, "{condition:?} {members}");
    };

    let room = Condition::Room(folders(&["100", "drive-12"]));
    check(&room, r#""parentId": 100, "rootId": 1"#, "yes");
    check(&room, r#""parentId": "100""#, "yes");
    check(&room, r#""parentId": 101, "folderIdDisplay": 100"#, "yes");
    check(&room, r#""parentId": 101, "rootId": 100"#, "yes");
    check(&room, r#""parentId": 101, "rootFolderId": 100"#, "yes");
    check(&room, r#""parentId": 101, "rootId": 1"#, "path?");
    check(&room, r#""parentId": 101, "rootFolderType": 5"#, "no");
    check(&room, r#""parentId": 101, "rootFolderType": 3"#, "no");
    check(&room, r#""rootId": 1"#, "file?");
    check(
        &room,
        r#""parentId": "drive-12-|a", "rootId": "drive-12""#,
        "yes",
    );
    check(
        &room,
        r#""parentId": "drive-12-|a|b", "rootId": "drive-13""#,
        "path?",
    );

    let folder = Condition::Folder(folders(&["100", "drive-12-|a b"]));
    check(&folder, r#""parentId": 100"#, "yes");
    check(&folder, r#""parentId": "100""#, "yes");
    check(&folder, r#""parentId": 101, "rootId": 100"#, "no");
    check(&folder, r#""parentId": "drive-12-|a b""#, "yes");
    check(&folder, r#""title": "a.pdf""#, "file?");

    let tree = Condition::FolderTree(folders(&["100"]));
    check(&tree, r#""parentId": 100"#, "yes");
    check(&tree, r#""parentId": 101, "rootId": 100"#, "path?");
    check(&tree, r#""title": "a.pdf""#, "file?");

    let prefix = |prefix: &str| Condition::title_prefix([prefix]).unwrap();
    check(&prefix("invoice"), r#""title": "Invoice-2026.pdf""#, "yes");
    check(&prefix("invoice"), r#""title": "  INVOICE.PDF""#, "yes");
    check(&prefix(" Invoice "), r#""title": "invoice""#, "yes");
    check(&prefix("рахунок"), r#""title": "Рахунок №42.pdf""#, "yes");
    check(
        &prefix("РАХУНОК"),
        r#""title": "\u0440\u0430\u0445\u0443\u043D\u043E\u043A.pdf""#,
        "yes",
    );
    check(&prefix("发票"), r#""title": "发票-7.pdf""#, "yes");
    check(&prefix("发票"), r#""title": "\u53D1\u7968-7.pdf""#, "yes");
    check(
        &prefix("müller & söhne"),
        r#""title": "M\u00FCller \u0026 S\u00F6hne\u0027s.pdf""#,
        "yes",
    );
    check(
        &prefix("\"quoted\""),
        r#""title": "\u0022Quoted\u0022 plan.pdf""#,
        "yes",
    );
    check(&prefix("invoice"), r#""title": "my invoice.pdf""#, "no");
    check(&prefix("invoice"), r#""title": "invoic""#, "no");
    check(&prefix("invoice"), r#""title": """#, "no");
    check(&prefix("invoice"), r#""title": 7"#, "file?");
    check(&prefix("invoice"), r#""parentId": 1"#, "file?");

    let contains = |text: &str| Condition::Title(TextTest::contains([text]).unwrap());
    check(&contains("nda"), r#""title": "Our NDA.docx""#, "yes");
    check(&contains(" NDA. "), r#""title": "Our NDA.docx""#, "yes");
    check(&contains("nda"), r#""title": "plan.docx""#, "no");
    check(&contains("nda"), r#""parentId": 1"#, "file?");

    let glob = |glob: &str| Condition::Title(TextTest::Glob(Pattern::glob(glob).unwrap()));
    check(&glob("*.{pdf,docx}"), r#""title": "Plan.PDF""#, "yes");
    check(&glob("*.{pdf,docx}"), r#""title": "plan.pdf.exe""#, "no");
    check(&glob("договор*"), r#""title": "ДОГОВОР 7.docx""#, "yes");
    check(&glob("合同?.docx"), r#""title": "合同甲.docx""#, "yes");
    check(&glob("*\"*"), r#""title": "a \"b\" c""#, "yes");
    check(&glob("a/b*"), r#""title": "a/b.txt""#, "yes");
    check(&glob("*"), r#""parentId": 1"#, "file?");

    let regex = |regex: &str| Condition::Title(TextTest::Regex(Pattern::regex(regex).unwrap()));
    check(&regex(r"contract|nda"), r#""title": "Our NDA.docx""#, "yes");
    check(&regex(r"^\d{4}-"), r#""title": "2026-plan.docx""#, "yes");
    check(&regex(r"№\s*\d+"), r#""title": "РАХУНОК №42""#, "yes");
    check(&regex(r"^plan$"), r#""title": "planned""#, "no");
    check(&regex(r"x"), r#""parentId": 1"#, "file?");

    let extension = Condition::extension([".PDF", "документ"]);
    check(&extension, r#""title": "a.PDF""#, "yes");
    check(&extension, r#""title": "a.b.pdf ""#, "yes");
    check(&extension, r#""title": "a.ДОКУМЕНТ""#, "yes");
    check(&extension, r#""title": "pdf""#, "no");
    check(&extension, r#""title": ".pdf""#, "no");
    check(&extension, r#""title": "a.pdf.zip""#, "no");
    check(&extension, r#""parentId": 1"#, "file?");
    let none = Condition::Extension(vec![String::new()]);
    check(&none, r#""title": "README""#, "yes");
    check(&none, r#""title": "a.txt""#, "no");
}

#[test]
fn members_of_the_delivery() {
    let check = |path: &str, test: TextTest, payload: &str, expected: &str| {
        let body = format!(r#"{{"event": {{"trigger": "user.updated"}}, "payload": {payload}}}"#);
        let event = Event::parse(body.as_bytes()).unwrap();
        let facts = Facts::delivered(&event, body.as_bytes());
        let path = path.to_owned();
        let condition = Condition::Field(FieldTest { path, test });
        assert_eq!(
            outcome(&condition, &facts),
            expected,
            "{condition:?} {payload}"
        );
    };
    let is = |text: &str| TextTest::is([text]);
    let user = r#"{"id": "c1a5", "status": 2, "email": "Dana@Client.example", "isActive": true, "tags": ["a", "B"]}"#;
    check("payload.status", is("2"), user, "yes");
    check("payload.status", TextTest::is(["1", "4"]), user, "no");
    check("payload.isActive", is("true"), user, "yes");
    check("payload.email", is("dana@client.example"), user, "yes");
    let glob = TextTest::Glob(Pattern::glob("*@client.example").unwrap());
    check("payload.email", glob.clone(), user, "yes");
    check("payload.tags", is("b"), user, "yes");
    check("payload.tags", is("c"), user, "no");
    check(
        "event.trigger",
        TextTest::prefix(["user."]).unwrap(),
        user,
        "yes",
    );
    // What is left out has the default of its type.
    for default in ["0", "false", ""] {
        check("payload.absent", is(default), user, "yes");
        check("payload.status", is(default), user, "no");
    }
    check("payload.absent", is("1"), user, "no");
    check("payload.absent", glob, user, "no");
}

#[test]
fn users_and_groups_need_no_lookup() {
    let body = br#"{"event": {"trigger": "user.created"},
        "payload": {"id": "c1a5", "firstName": "Dana", "lastName": "Klein"}}"#;
    let event = Event::parse(body).unwrap();
    let check = |condition: Condition, expected: &str| {
        assert_eq!(
            outcome(&condition, &Facts::of(&event)),
            expected,
            "{condition:?}"
        );
    };
    check(Condition::title_prefix(["dana k"]).unwrap(), "yes");
    check(Condition::Room(folders(&["100"])), "no");
    check(Condition::Folder(folders(&["100"])), "no");
    check(Condition::FolderTree(folders(&["100"])), "no");
    let (at_least, at_most) = (0, None);
    check(Condition::Size(SizeRange { at_least, at_most }), "no");
}

#[test]
fn the_room_is_looked_up() {
    let acme: FolderInfo = serde_json::from_str(
        r#"{"id": 100, "title": "Acme – Straße", "roomType": 8, "tags": ["Client", "VIP"]}"#,
    )
    .unwrap();
    let title = |test| Condition::RoomTitle(test);
    let is = |text: &str| title(TextTest::is([text]));
    let prefix = title(TextTest::prefix(["acme"]).unwrap());
    let tag = |tag: &str| Condition::room_tag([tag]);
    let data_room = Condition::RoomType(vec![RoomType::Custom, RoomType::DataRoom]);
    let upload = event("file.uploaded", r#""parentId": 101"#);
    let check =
        |condition: &Condition, room: Option<Lookup<Option<FolderInfo>>>, expected: &str| {
            let facts = Facts {
                room,
                ..Facts::of(&upload)
            };
            assert_eq!(outcome(condition, &facts), expected, "{condition:?}");
        };
    let found = || Some(Lookup::Found(Some(acme.clone())));
    check(&is("ACME – STRASSE"), found(), "yes");
    check(&is("acme"), found(), "no");
    check(&prefix, found(), "yes");
    check(&tag("vip"), found(), "yes");
    check(&tag("v"), found(), "no");
    check(&data_room, found(), "yes");
    check(&Condition::RoomType(vec![RoomType::Public]), found(), "no");
    for condition in [prefix, tag("vip"), data_room] {
        check(&condition, None, "room?");
        check(&condition, Some(Lookup::Found(None)), "no");
        // It may have been moved before its folder was deleted.
        check(&condition, Some(Lookup::NotFound), "file?");
    }
}

#[test]
fn which_room_is_looked_up() {
    let check = |trigger: &str, members: &str, expected: Option<MissingFact>| {
        let event = event(trigger, members);
        let facts = Facts::of(&event);
        let view = EntryView::new(event.entry.as_ref().unwrap(), &facts);
        let missing = match Condition::room_tag(["vip"]).check(&view) {
            Check::Needs(missing) => Some(view.missing_fact(missing)),
            _ => None,
        };
        assert_eq!(missing, expected, "{trigger} {members}");
    };
    let room = |id: i64| Some(MissingFact::Room(FolderId::from(id)));
    check("file.uploaded", r#""parentId": 101"#, room(101));
    let file = Some(MissingFact::File(FileId::from(7)));
    check("file.uploaded", r#""title": "a""#, file);
    check(
        "file.uploaded",
        r#""parentId": 5, "rootFolderType": 5"#,
        None,
    );
    let folder = r#""parentId": 3, "fileEntryType": 1"#;
    check("folder.created", folder, room(3));
    check("folder.created", r#""fileEntryType": 1"#, None);
    // The room itself.
    check("room.created", folder, room(7));
    check("user.created", r#""firstName": "Dana""#, None);
}

#[test]
fn the_size_is_that_of_the_file_in_the_portal() {
    let event = event("file.uploaded", r#""parentId": 100, "title": "a.pdf""#);
    let size = |at_least, at_most| Condition::Size(SizeRange { at_least, at_most });
    assert_eq!(outcome(&size(1, None), &Facts::of(&event)), "file?");
    // The file has 5 bytes.
    let found = Lookup::Found(file_info(100, "a.pdf"));
    let facts = Facts {
        file: Some(found),
        ..Facts::of(&event)
    };
    let check = |at_least, at_most, expected: &str| {
        assert_eq!(outcome(&size(at_least, at_most), &facts), expected);
    };
    check(5, None, "yes");
    check(6, None, "no");
    check(0, Some(5), "yes");
    check(0, Some(4), "no");
    check(5, Some(5), "yes");
}

#[test]
fn who_acted() {
    let check = |condition: &Condition, actor: Option<&str>, myself: Option<&str>, expected| {
        let event = Event {
            actor: actor.map(str::to_owned),
            ..event("file.uploaded", r#""parentId": 1"#)
        };
        let facts = Facts {
            current_user: myself.map(str::to_owned),
            ..Facts::of(&event)
        };
        assert_eq!(
            outcome(condition, &facts),
            expected,
            "{condition:?} {actor:?} {myself:?}"
        );
    };
    let (anna, us) = ("5f1d0c52-aaaa", "99999999-bbbb");
    let by_anna = Condition::By(vec![Account::Id(anna.to_uppercase())]);
    check(&by_anna, Some(anna), None, "yes");
    check(&by_anna, Some(us), None, "no");
    check(&by_anna, None, None, "no");
    let not_us = Condition::NotBy(vec![Account::ApiKeyUser]);
    check(&not_us, Some(anna), Some(us), "yes");
    check(&not_us, Some(us), Some(us), "no");
    check(&not_us, Some(anna), None, "current user?");
    check(&not_us, None, None, "yes");
    let neither = Condition::NotBy(vec![Account::ApiKeyUser, Account::Id(anna.to_owned())]);
    check(&neither, Some(anna), None, "no");
}

/// What the portal says of people takes a lookup.
#[test]
fn groups_and_guests() {
    let accounting = GroupInfo {
        id: "7C1F3A52-aaaa".to_owned(),
        name: "Bu\u{308}ro Accounting".to_owned(),
    };
    let profile = |is_guest| Profile {
        display_name: String::new(),
        id: "5f1d0c52-aaaa".to_owned(),
        email: None,
        status: AccountStatus::ACTIVE,
        is_guest,
        is_owner: false,
        is_admin: false,
    };
    let check = |condition: &Condition,
                 actor: Option<&str>,
                 account: Option<Lookup<Profile>>,
                 groups: Option<Lookup<Vec<GroupInfo>>>,
                 expected: &str| {
        let event = Event {
            actor: actor.map(str::to_owned),
            ..event("file.uploaded", r#""parentId": 1"#)
        };
        let facts = Facts {
            actor: account.clone(),
            actor_groups: groups.clone(),
            ..Facts::of(&event)
        };
        let seen = outcome(condition, &facts);
        assert_eq!(
            seen, expected,
            "{condition:?} {actor:?} {account:?} {groups:?}"
        );
    };
    let anna = Some("5f1d0c52-aaaa");
    let (by, not_by) = (Condition::by_group, Condition::not_by_group);
    for group in [" büro ACCOUNTING ", "7c1f3a52-AAAA"] {
        let found = || Some(Lookup::Found(vec![accounting.clone()]));
        check(&by([group]), anna, None, found(), "yes");
        check(&not_by([group]), anna, None, found(), "no");
        let none = || Some(Lookup::Found(Vec::new()));
        check(&by([group]), anna, None, none(), "no");
        check(&not_by([group]), anna, None, none(), "yes");
        check(&by([group]), anna, None, Some(Lookup::NotFound), "no");
        check(&not_by([group]), anna, None, Some(Lookup::NotFound), "yes");
        for condition in [by([group]), not_by([group])] {
            check(&condition, anna, None, None, "groups?");
        }
        check(&by([group]), None, None, None, "no");
        check(&not_by([group]), None, None, None, "yes");
    }
    for (wanted, is_guest, expected) in [
        (true, true, "yes"),
        (true, false, "no"),
        (false, true, "no"),
        (false, false, "yes"),
    ] {
        let condition = Condition::ByGuest(wanted);
        let found = Some(Lookup::Found(profile(is_guest)));
        check(&condition, anna, found, None, expected);
        check(&condition, anna, Some(Lookup::NotFound), None, "no");
        check(&condition, anna, None, None, "account?");
        check(&condition, None, None, None, "no");
    }
}

#[test]
fn the_path_decides_if_the_delivery_does_not() {
    let check = |condition: &Condition, path: Option<&[&str]>, expected: &str| {
        let event = event("file.uploaded", r#""parentId": 101, "rootId": 1"#);
        let path = path.map_or(Lookup::NotFound, |path| Lookup::Found(folders(path)));
        let facts = Facts {
            path: Some(path.clone()),
            ..Facts::of(&event)
        };
        assert_eq!(
            outcome(condition, &facts),
            expected,
            "{condition:?} {path:?}"
        );
    };
    for condition in [
        Condition::Room(folders(&["100", "7"])),
        Condition::FolderTree(folders(&["100"])),
    ] {
        check(&condition, Some(&["1", "100", "101"]), "yes");
        check(&condition, Some(&["1", "200", "101"]), "no");
        check(&condition, None, "file?");
    }
    let folder = Condition::Folder(folders(&["100"]));
    check(&folder, Some(&["1", "100", "101"]), "no");
}

#[test]
fn a_file_that_was_looked_up_overrides_the_delivery() {
    let event = event("file.uploaded", r#""parentId": 100, "title": "old.pdf""#);
    let moved = Lookup::Found(file_info(300, "new.txt"));
    let facts = Facts {
        file: Some(moved),
        ..Facts::of(&event)
    };
    let check = |condition: Condition, expected: &str| {
        assert_eq!(outcome(&condition, &facts), expected, "{condition:?}");
    };
    check(Condition::Room(folders(&["100"])), "path?");
    check(Condition::Folder(folders(&["100"])), "no");
    check(Condition::Folder(folders(&["300"])), "yes");
    check(Condition::title_prefix(["new"]).unwrap(), "yes");
    check(Condition::Extension(vec!["pdf".to_owned()]), "no");
}

#[test]
fn folders_and_rooms_need_no_lookup_of_a_file() {
    let room = Condition::Room(folders(&["7"]));
    let entry = r#""fileEntryType": 1, "parentId": 3, "title": "Contracts""#;
    let changed = event("room.updated", entry);
    assert_eq!(outcome(&room, &Facts::of(&changed)), "yes");
    let elsewhere = event("room.updated", r#""fileEntryType": 1"#);
    let other = Condition::Room(folders(&["8"]));
    assert_eq!(outcome(&other, &Facts::of(&elsewhere)), "no");
    let titled = Condition::title_prefix(["contr"]).unwrap();
    assert_eq!(outcome(&titled, &Facts::of(&changed)), "yes");
    assert_eq!(outcome(&titled, &Facts::of(&elsewhere)), "no");
}

#[test]
fn invalid_patterns() {
    for (regex, named) in [("(", "unclosed group"), ("a{9999999}", "size limit")] {
        let error = Pattern::regex(regex).unwrap_err().to_string();
        assert!(error.contains(named), "{regex}: {error}");
    }
    let error = Pattern::glob("*.{pdf").unwrap_err().to_string();
    assert!(error.starts_with("is not a valid glob"), "{error}");
}
