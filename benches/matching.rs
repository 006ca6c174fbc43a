//! How long it takes to ask 1,000 rules about an event, on average over 10,000 events. Prints one line.
//!
//! The rules listen to a few triggers, half of them to uploads, and look at rooms, folders, extensions,
//! titles, accounts and members of the delivery as people's rules do; the events are uploads and what else a portal tells.
#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use docspace_courier::actions::CopyTo;
use docspace_courier::docspace::{Conflict, FolderInfo};
use docspace_courier::event::{Event, Trigger};
use docspace_courier::ids::FolderId;
use docspace_courier::rules::{
    Account, Condition, Facts, FieldTest, Lookup, Pattern, Rule, RuleSet, TextTest,
};

const RULES: i64 = 1_000;
const EVENTS: i64 = 10_000;

/// What matching may take on average.
const BUDGET: Duration = Duration::from_micros(50);

fn rule(number: i64) -> Rule {
    let triggers: &[&str] = match number % 6 {
        0..=2 => &["file.uploaded", "file.created"],
        3 => &["file.updated"],
        4 => &["file.copied", "file.moved"],
        _ => &["folder.created", "file.trashed"],
    };
    let place = FolderId::from(1_000 + number % 200);
    let mut conditions = vec![match number % 3 {
        0 => Condition::Room(vec![place]),
        1 => Condition::FolderTree(vec![place]),
        _ => Condition::Folder(vec![place]),
    }];
    conditions.push(match number % 9 {
        0 => Condition::extension(["pdf", "docx"]),
        1 => {
            let client = format!("client {number}");
            Condition::title_prefix(["invoice", &client]).expect("visible texts")
        }
        2 => {
            let glob = Pattern::glob("*report*.{pdf,xlsx}").expect("a glob");
            Condition::Title(TextTest::Glob(glob))
        }
        3 => {
            let regex = Pattern::regex(r"contract|nda|\d{6}").expect("a regex");
            Condition::Title(TextTest::Regex(regex))
        }
        4 => Condition::Title(TextTest::contains(["draft", "signed"]).expect("visible texts")),
        5 => Condition::RoomTitle(TextTest::prefix(["acme"]).expect("visible texts")),
        6 => Condition::room_tag(["client", "vip"]),
        7 => Condition::Field(FieldTest {
            path: "payload.createBy".to_owned(),
            test: TextTest::is(["5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11"]),
        }),
        _ => Condition::NotBy(vec![Account::ApiKeyUser]),
    });
    Rule {
        name: format!("rule {number}"),
        triggers: triggers.iter().map(|name| Trigger::new(name)).collect(),
        group: (number % 10 == 0).then(|| format!("group {}", number / 100)),
        conditions,
        actions: vec![
            CopyTo {
                path: None,
                to: FolderId::from(7).into(),
                conflict: Conflict::Duplicate,
            }
            .into(),
        ],
    }
}

fn body(number: i64) -> Vec<u8> {
    let trigger = [
        "file.uploaded",
        "file.uploaded",
        "file.updated",
        "file.moved",
    ][usize::try_from(number % 4).expect("small")];
    let titles = [
        "Invoice 2026-03.pdf",
        "Quarterly report.xlsx",
        "Рахунок №42.docx",
        "合同 7.pdf",
        "plan.docx",
    ];
    let title = titles[usize::try_from(number % 5).expect("small")];
    let parent = 900 + number % 400;
    format!(
        r#"{{"event": {{"id": {number}, "createOn": "2026-03-02T09:14:31Z", "trigger": "{trigger}",
                        "createBy": "5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11"}},
            "payload": {{"id": {number}, "parentId": {parent}, "rootId": 1, "rootFolderType": 14,
                         "createBy": "0a1b2c3d-7a1e-4d1b-9c3b-2f6f0d6a1b11", "access": 1,
                         "title": "{title}", "modifiedOn": "2026-03-02T09:14:31Z"}}}}"#
    )
    .into_bytes()
}

fn room(number: i64) -> FolderInfo {
    let id = 1_000 + number % 200;
    let room = format!(
        r#"{{"id": {id}, "title": "Acme {id} – shared", "roomType": 5, "tags": ["Client"]}}"#
    );
    serde_json::from_str(&room).expect("a room")
}

fn main() {
    let rules = RuleSet::new((0..RULES).map(rule).collect());
    let bodies: Vec<Vec<u8>> = (0..EVENTS).map(body).collect();
    let events = bodies
        .iter()
        .map(|body| Event::parse(body).expect("an event"));
    let events: Vec<Event> = events.collect();
    let rooms = (0..EVENTS).map(|number| Some(Lookup::Found(Some(room(number)))));
    // The folders above each event's folder, as they are remembered while the service runs.
    let paths: Vec<Lookup<Vec<FolderId>>> = (0..EVENTS)
        .map(|number| {
            let ids = [1, 1_000 + number % 200, 900 + number % 400];
            Lookup::Found(ids.into_iter().map(FolderId::from).collect())
        })
        .collect();
    let (mut decided, mut planned) = (0_usize, 0_usize);
    let facts: Vec<Facts<'_>> = events
        .iter()
        .zip(&bodies)
        .zip(paths.into_iter().zip(rooms))
        .map(|((event, body), (path, room))| Facts {
            path: Some(path),
            room,
            current_user: Some("9d5a7a5e-0000-4d1b-9c3b-2f6f0d6a1b11".to_owned()),
            ..Facts::delivered(event, body)
        })
        .collect();
    let began = Instant::now();
    for facts in &facts {
        let decisions = black_box(rules.decide(facts)).expect("nothing is left to look up");
        decided += 1;
        planned += decisions.iter().filter(|it| it.planned.is_some()).count();
    }
    let took = began.elapsed();
    let each = took / u32::try_from(decided).expect("events");
    println!(
        "matching: {each:?} per event on average ({RULES} rules, {EVENTS} events, {planned} wanted; \
         budget {BUDGET:?})"
    );
    assert!(cfg!(debug_assertions) || each < BUDGET, "over the budget");
}
