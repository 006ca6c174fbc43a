//! The files in `recipes/`: each does its job once, although everything is delivered twice, the answer to a call is lost
//! and the service is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use docspace_courier::actions::failpoint::Failpoints;
use docspace_courier::db::Sql;
use docspace_courier::notify::Channels;
use docspace_courier::outbox;
use docspace_courier::rules::Rule;
use docspace_sandbox::{Call, Fault, FaultEffect, FolderId, UploadEvents};

use crate::catch_up::deliver;
use crate::pipeline::Receiver;
use crate::rules::{config, with_ids_of};
use crate::scene::{Scene, scenario};

/// How often each recipe runs with another call whose answer is lost, and is killed at another one.
const RUNS: u64 = 4;

/// What people do in a room.
type Deeds = fn(&Scene) -> Vec<String>;

/// The kinds of the actions that are done, each with how often.
type Actions = &'static [(&'static str, usize)];

/// Each recipe with what people do, and what is done then: the kind of each action, and how often. People's deeds return
/// the bodies of events that the sandbox does not raise.
const JOBS: [(&str, Deeds, Actions); 20] = [
    ("archived-room", archive, &[("call", 1), ("notify", 1)]),
    ("by-month-and-person", upload, &[("move", 3)]),
    ("copy-uploads", upload, &[("copy", 3)]),
    ("critical-folder", change_folder, &[("notify", 4)]),
    ("deletion-log", delete, &[("write", 2)]),
    (
        "employee-folders",
        join,
        &[("create_folder", 4), ("notify", 1)],
    ),
    (
        "forbidden-extensions",
        upload,
        &[("notify", 1), ("trash", 1)],
    ),
    ("forms-handed-in", hand_in, &[("copy", 1), ("notify", 1)]),
    ("guest-uploads", upload, &[("copy", 3), ("notify", 3)]),
    (
        "home-room",
        hire,
        &[
            ("create_folder", 2),
            ("create_room", 1),
            ("notify", 1),
            ("share", 1),
        ],
    ),
    ("invoices", upload, &[("move", 1), ("notify", 1)]),
    ("link-for-clients", route, &[("link", 1), ("notify", 1)]),
    (
        "new-employee-group",
        hire,
        &[("add_to_group", 1), ("notify", 1)],
    ),
    (
        "pdf-of-contracts",
        sign_contracts,
        &[("convert", 2), ("create_folder", 2)],
    ),
    ("review-comment", edit, &[("comment", 1)]),
    (
        "room-folders",
        create_room,
        &[("create_folder", 3), ("share", 2)],
    ),
    (
        "route-by-status",
        route,
        &[("comment", 1), ("copy", 1), ("move", 1)],
    ),
    ("sanitise-file-names", upload, &[("rename", 3)]),
    ("user-status", change_user, &[("notify", 1)]),
    ("users-of-a-domain", add_user, &[("notify", 1)]),
];

fn upload(scene: &Scene) -> Vec<String> {
    scene.upload(&scene.client_room, "Invoice #1.pdf");
    scene.upload(&scene.subfolder, "plan.docx");
    scene.upload(&scene.client_room, "setup.EXE");
    Vec::new()
}

fn sign_contracts(scene: &Scene) -> Vec<String> {
    scene.upload(&scene.client_room, "Contract Acme.docx");
    scene.upload(&scene.subfolder, "contract acme.rtf");
    scene.upload(&scene.client_room, "Contract, signed.pdf");
    Vec::new()
}

fn route(scene: &Scene) -> Vec<String> {
    scene.upload(&scene.client_room, "Draft, signed.docx");
    scene.upload(&scene.client_room, "Draft.docx");
    scene.upload(&scene.client_room, "Final.docx");
    Vec::new()
}

fn delete(scene: &Scene) -> Vec<String> {
    let file = scene.upload(&scene.client_room, "plan.docx");
    let other = scene.upload(&scene.client_room, "=1+1.docx");
    scene.portal.delete(&file);
    scene.portal.delete(&other);
    Vec::new()
}

fn edit(scene: &Scene) -> Vec<String> {
    let file = scene.upload(&scene.client_room, "plan.docx");
    scene.portal.edit(&file, b"edited");
    Vec::new()
}

fn change_folder(scene: &Scene) -> Vec<String> {
    let folder = scene.portal.create_folder(&scene.internal, "contracts");
    let file = scene.upload(&folder, "salaries.xlsx");
    scene.upload(&scene.client_room, "harmless.txt");
    scene.portal.rename_folder(&folder, "legal");
    scene.portal.delete(&file);
    Vec::new()
}

fn hand_in(scene: &Scene) -> Vec<String> {
    let room = &scene.client_room;
    let events = UploadEvents::None;
    let file = scene.portal.upload(room, "Form.pdf", b"form", events);
    let form = format!(
        r#"{{"id":{file},"parentId":{room},"title":"Form.pdf","createOn":"2026-03-02T09:00:00Z","modifiedOn":"2026-03-02T09:00:00Z","fileEntryType":2}}"#
    );
    vec![event(
        1,
        "form.submit",
        &format!(r#"{{"originalForm":{form},"submittedForm":{form}}}"#),
    )]
}

fn archive(scene: &Scene) -> Vec<String> {
    let room = &scene.client_room;
    let payload = format!(r#"{{"id":{room},"title":"Acme","fileEntryType":1}}"#);
    vec![event(1, "room.archived", &payload)]
}

fn create_room(scene: &Scene) -> Vec<String> {
    let room = |id: u8, title: &str| {
        let folder = &scene.client_room;
        let payload = format!(r#"{{"id":{folder},"title":"{title}","fileEntryType":1}}"#);
        event(id, "room.created", &payload)
    };
    vec![room(1, "Client Acme"), room(2, "Team")]
}

fn change_user(_: &Scene) -> Vec<String> {
    vec![
        event(1, "user.updated", &user(1, "dana@partner.example")),
        event(2, "user.updated", &user(2, "dana@partner.example")),
    ]
}

fn add_user(_: &Scene) -> Vec<String> {
    vec![
        event(1, "user.created", &user(1, "dana@Partner.example")),
        event(2, "user.created", &user(1, "max@own.example")),
    ]
}

fn join(_: &Scene) -> Vec<String> {
    let dana = user(1, "dana@own.example");
    vec![event(1, "user.created", &dana)]
}

fn hire(scene: &Scene) -> Vec<String> {
    scene.portal.make_service_account_administrator();
    let email = "olga.owner@sandbox.example.test";
    let id = scene.portal.account_with_email(email).unwrap();
    let payload = format!(r#"{{"id":"{id}","firstName":"Olga","lastName":"Owner"}}"#);
    vec![event(1, "user.created", &payload)]
}

fn user(status: u8, email: &str) -> String {
    format!(
        r#"{{"id":"c1a5b1de-0c61-4a7f-9a3d-8e1f40c2b7aa","firstName":"Dana","lastName":"Klein","status":{status},"email":"{email}"}}"#
    )
}

fn event(id: u8, trigger: &str, payload: &str) -> String {
    format!(
        r#"{{"event":{{"id":{id},"createOn":"2026-03-02T09:00:01Z","trigger":"{trigger}"}},"payload":{payload},"webhook":{{"id":418}}}}"#
    )
}

/// What a recipe has done.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    actions: BTreeMap<String, usize>,
    /// The path, title, content, version, comment and lock of each file, and how many links it has.
    files: Vec<String>,
    /// The members of the client's room, each with the number of the level, the invitations that were mailed, and the
    /// members of the group.
    members: Vec<String>,
    /// How many events of each trigger the portal has raised.
    events: BTreeMap<String, usize>,
    /// How many messages a program got. One that is sent again has the same id.
    messages: usize,
}

impl Done {
    async fn of(scene: &Scene, program: &Receiver) -> Self {
        let mut actions = BTreeMap::new();
        for (kind, state, code) in scene.actions().await {
            assert_eq!(state, "done", "{kind} {code:?}");
            *actions.entry(kind).or_default() += 1;
        }
        let mut files = Vec::new();
        for root in [&scene.client_room, &scene.internal, &scene.incoming] {
            add_files(scene, root, "", &mut files);
        }
        files.sort();
        let mut events = BTreeMap::new();
        for row in scene.portal.log() {
            *events.entry(row.trigger).or_default() += 1;
        }
        let room = scene.portal.room(&scene.client_room);
        let members = room.into_iter().flat_map(|room| room.members);
        let members = members.map(|member| {
            let name = member.email.unwrap_or(member.id);
            format!("{name} {}", member.access)
        });
        let mails = scene.portal.invitation_mails().into_iter();
        let members = members.chain(mails.map(|(_, address)| address));
        let in_group = scene.portal.group_members(&scene.portal.seed().group);
        let members = members.chain(in_group).collect();
        let calls = program.calls();
        let ids: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
        Self {
            actions,
            files,
            members,
            events,
            messages: ids.len(),
        }
    }
}

fn add_files(scene: &Scene, folder: &FolderId, path: &str, files: &mut Vec<String>) {
    let title = scene.portal.folder_title(folder).unwrap();
    let path = format!("{path}/{title}");
    for file in scene.portal.files_in(folder) {
        let content = without_marks(&String::from_utf8_lossy(&file.content));
        let links = scene.portal.links_to_file(&file.id).len();
        files.push(format!(
            "{path}/{} {content} v{} {} {} {links}",
            file.title, file.version, file.comment, file.locked
        ));
    }
    for below in scene.portal.folders_in(folder) {
        files.push(path.clone());
        add_files(scene, &below, &path, files);
    }
}

/// A content without the marks of lines, which contain the portal's address: each digit of one is `#`.
fn without_marks(content: &str) -> String {
    let is_digit = |character: &char| character.is_ascii_digit() || ('a'..='f').contains(character);
    let words = content.split_inclusive(|character: char| !character.is_ascii_alphanumeric());
    let words = words.map(|word| {
        let digits = word.chars().take_while(is_digit).count();
        if digits == 16 {
            format!("{}{}", "#".repeat(digits), &word[digits..])
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

/// What goes wrong in a run.
struct Mishap {
    lost: Option<Fault>,
    /// The service is killed once it has made this many calls.
    killed_after: usize,
}

/// Runs a recipe in a scene, and returns what it has done and the calls that it made.
async fn run(
    scene: &mut Scene,
    name: &str,
    deeds: Deeds,
    mishap: Option<Mishap>,
) -> (Done, Vec<Call>) {
    let program = Receiver::start().await;
    let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap();
    let text =
        with_ids_of(scene, &text).replace("https://pipeline.example.com/export", &program.url());
    let config = config(&text, &[]);
    let channels = Channels::default();
    channels
        .pipelines
        .load(config.pipelines, |_| false)
        .unwrap();
    scene.listen_with(config.rules.clone());
    restart(scene, config.rules.clone(), channels.clone()).await;
    let bodies = deeds(scene);
    scene.portal.wait_for_deliveries().await;
    for row in scene.portal.log() {
        scene.portal.retry_delivery(row.event);
    }
    for body in bodies.iter().chain(&bodies) {
        deliver(scene, body).await;
    }
    scene.portal.wait_for_deliveries().await;
    let before = scene.portal.calls_made();
    if let Some(Mishap { lost, killed_after }) = mishap {
        if let Some(fault) = lost {
            scene.portal.inject_fault(fault);
        }
        tokio::select! {
            () = scene.work_to_the_end() => {}
            () = async {
                while scene.portal.calls_made() < before + killed_after {
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        scene.portal.wait_for_operations().await;
        restart(scene, config.rules, channels).await;
    }
    scene.work_to_the_end().await;
    let calls = scene.portal.calls().split_off(before);
    (Done::of(scene, &program).await, calls)
}

/// Ends the worker as a crash does, and starts another one on the same store.
async fn restart(scene: &mut Scene, rules: Vec<Rule>, channels: Channels) {
    scene.replace_worker(rules, channels, Failpoints::default());
    let now = scene.clock.now();
    let resume = move |sql: &Sql| {
        outbox::reset_due_times(sql, now)?;
        outbox::release_all_leases(sql)
    };
    scene.db.write(resume).await.unwrap();
}

/// A fault that loses the answer to one of the calls, a write if there is one.
fn lost_answer(calls: &[Call], random: &mut fastrand::Rng) -> Option<Fault> {
    let writes: Vec<&Call> = calls.iter().filter(|call| call.method != "GET").collect();
    let candidates = if writes.is_empty() {
        calls.iter().collect()
    } else {
        writes
    };
    let call = random.choice(candidates)?;
    let effect = [
        FaultEffect::DropAfter,
        FaultEffect::StatusAfter(500),
        FaultEffect::GatewayAfter(502),
    ];
    Some(Fault {
        method: Some(call.method.clone().leak()),
        path_contains: call.path.clone().leak(),
        times: 1,
        effect: random.choice(effect)?,
    })
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/recipes"))
}

#[test]
fn every_recipe_has_a_job_and_is_in_the_table() {
    let page = include_str!("../../docs/RULES.md");
    let files = std::fs::read_dir(folder()).unwrap();
    let mut found: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let jobs: Vec<String> = JOBS
        .iter()
        .map(|(name, ..)| format!("{name}.toml"))
        .collect();
    assert_eq!(found, jobs);
    for file in found {
        assert!(page.contains(&format!("(../recipes/{file})")), "{file}");
    }
}

async fn check(name: &'static str) {
    let (_, deeds, expected) = JOBS.into_iter().find(|(known, ..)| *known == name).unwrap();
    let mut planned = None;
    scenario(async |scene| planned = Some(run(scene, name, deeds, None).await)).await;
    let (done, calls) = planned.unwrap();
    let expected: BTreeMap<String, usize> = expected
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect();
    assert_eq!(done.actions, expected, "{name}");
    for seed in 0..RUNS {
        let mut random = fastrand::Rng::with_seed(seed);
        let mishap = Mishap {
            lost: lost_answer(&calls, &mut random),
            killed_after: random.usize(0..=calls.len()),
        };
        let what = format!(
            "{name}, seed {seed}: {:?}, killed after {} calls",
            mishap.lost, mishap.killed_after
        );
        scenario(async |scene| {
            let (again, _) = run(scene, name, deeds, Some(mishap)).await;
            assert_eq!(again, done, "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn archived_room() {
    check("archived-room").await;
}

#[tokio::test]
async fn by_month_and_person() {
    check("by-month-and-person").await;
}

#[tokio::test]
async fn copy_uploads() {
    check("copy-uploads").await;
}

#[tokio::test]
async fn critical_folder() {
    check("critical-folder").await;
}

#[tokio::test]
async fn deletion_log() {
    check("deletion-log").await;
}

#[tokio::test]
async fn employee_folders() {
    check("employee-folders").await;
}

#[tokio::test]
async fn home_room() {
    check("home-room").await;
}

#[tokio::test]
async fn forbidden_extensions() {
    check("forbidden-extensions").await;
}

#[tokio::test]
async fn forms_handed_in() {
    check("forms-handed-in").await;
}

#[tokio::test]
async fn guest_uploads() {
    check("guest-uploads").await;
}

#[tokio::test]
async fn invoices() {
    check("invoices").await;
}

#[tokio::test]
async fn link_for_clients() {
    check("link-for-clients").await;
}

#[tokio::test]
async fn new_employee_group() {
    check("new-employee-group").await;
}

#[tokio::test]
async fn pdf_of_contracts() {
    check("pdf-of-contracts").await;
}

#[tokio::test]
async fn review_comment() {
    check("review-comment").await;
}

#[tokio::test]
async fn room_folders() {
    check("room-folders").await;
}

#[tokio::test]
async fn route_by_status() {
    check("route-by-status").await;
}

#[tokio::test]
async fn sanitise_file_names() {
    check("sanitise-file-names").await;
}

#[tokio::test]
async fn user_status() {
    check("user-status").await;
}

#[tokio::test]
async fn users_of_a_domain() {
    check("users-of-a-domain").await;
}
