//! The commands about rules, and reloading rules in a running service.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use docspace_sandbox::{PortalSettings, UploadEvents};
use serde_json::Value;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process, binary};

/// A deployment with rules in a file, next to those of the environment.
struct Written {
    deployment: Deployment,
    folder: tempfile::TempDir,
}

impl Written {
    async fn new(text: &str) -> Self {
        let mut deployment = Deployment::new(PortalSettings::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        let file = file.to_str().unwrap().to_owned();
        deployment.variables.push(("RULES_FILE", file));
        let written = Self { deployment, folder };
        written.write(text);
        written
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("rules.toml")
    }

    /// Replaces the rules file atomically, as careful editors do.
    fn write(&self, text: &str) {
        let seed = self.deployment.portal.seed();
        let text = text
            .replace("ROOM", seed.client_room.as_str())
            .replace("INCOMING", seed.incoming_folder.as_str())
            .replace("INTERNAL", seed.internal_folder.as_str());
        let beside = self.folder.path().join("rules.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.path()).unwrap();
    }

    /// Runs a command with the variables of the service.
    fn run(&self, arguments: &[&str]) -> Output {
        binary()
            .args(arguments)
            .envs(self.deployment.variables.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stdout).unwrap();
        let trouble = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {trouble}");
        said
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.say(arguments)).unwrap()
    }

    fn upload(&self, title: &str) {
        let portal = &self.deployment.portal;
        portal.upload(
            &portal.seed().client_room,
            title,
            title.as_bytes(),
            UploadEvents::Uploaded,
        );
    }

    /// Waits until this many reloads had this outcome.
    async fn reloaded(&self, outcome: &str, times: u32) {
        let line = format!("courier_rules_reloads_total{{outcome=\"{outcome}\"}} {times}");
        until(STATE_BOUND, &line, async || {
            let page = self.deployment.operator_page("/metrics").await;
            page.is_some_and(|(_, text)| text.lines().any(|it| it == line))
        })
        .await;
    }
}

const ARCHIVE: &str = r#"
[[rule]]
name = "archive"
triggers = ["file.uploaded"]
room = ROOM
extension = "pdf"
[[rule.action]]
copy = { to = INCOMING, conflict = "skip" }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_active_rules_are_listed() {
    bounded(async {
        let written = Written::new(ARCHIVE).await;
        let seed = written.deployment.portal.seed().clone();
        let said = written.say(&["rules"]);
        let expected = format!(
            "archive\n  on    file.uploaded\n  where room is {} and extension is pdf\n  do    copy to folder {} (skip if the title exists there)\n",
            seed.client_room, seed.incoming_folder
        );
        assert!(said.contains(&expected), "{said}");
        assert!(said.starts_with("copy\n"), "{said}");
        let listed = written.json(&["rules", "--json"]);
        let names: Vec<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["copy", "invoice", "archive"]);

        let fields = "group = \"status\"\nenabled = false\nroom";
        written.write(&ARCHIVE.replace("room", fields));
        let said = written.say(&["rules"]);
        let expected = "archive\n  not evaluated: enabled = false\n  group status: only the first rule that matches acts\n";
        assert!(said.contains(expected), "{said}");
        assert!(said.ends_with("2 rules, evaluated in this order\n"), "{said}");
        let listed = written.json(&["rules", "--json"]);
        assert_eq!(listed[2]["enabled"], false);
        assert_eq!(listed[2]["group"], "status");

        written.write("[[rule]]\nname = \"copy\"\ntrigers = 1\n");
        let output = written.run(&["rules"]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        for words in [
            "rules.toml, line 2, rule “copy”, name: is a reserved name; choose another one",
            "rules.toml, line 3, rule “copy”, trigers: is not a known field; did you mean triggers?",
        ] {
            assert!(said.contains(words), "{said}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_explained_and_past_events_are_tried() {
    bounded(async {
        let written = Written::new(ARCHIVE).await;
        let service = written.deployment.start();
        written.deployment.ready().await;
        written.upload("Report.PDF");
        written.deployment.all_done(STATE_BOUND).await;
        service.kill();

        let said = written.say(&["rules", "explain", "1"]);
        for words in [
            "file.uploaded of “Report.PDF”",
            "archive matches: copy to",
            "matches  extension  the extension is pdf",
            "seen: pdf",
            "invoice does not match: the title does not start with “invoice”",
            "seen: “Report.PDF”",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let explained = written.json(&["rules", "explain", "--json", "1"]);
        assert_eq!(explained["rules"][1]["verdict"], "failed");
        let unknown = written.run(&["rules", "explain", "77777"]);
        assert_eq!(unknown.status.code(), Some(1));
        let said = String::from_utf8(unknown.stderr).unwrap();
        assert!(said.contains("the portal has no file 77777"), "{said}");

        // A file where it is now, as if it had just been uploaded.
        let portal = &written.deployment.portal;
        let report = portal.files_in(&portal.seed().client_room).remove(0).id;
        for arguments in [
            &["rules", "explain", &report.to_string()][..],
            &["rules", "explain", "--file", &report.to_string()],
        ] {
            let said = written.say(arguments);
            assert!(said.contains("file.uploaded of “Report.PDF”"), "{said}");
            assert!(said.contains("archive matches: copy to"), "{said}");
        }

        // A delivery from a file, which does not name the room of its folder.
        let file = written.folder.path().join("delivery.json");
        let subfolder = &written.deployment.portal.seed().client_subfolder;
        let body = format!(
            r#"{{"event": {{"trigger": "file.uploaded"}},
                "payload": {{"id": 7, "parentId": {subfolder}, "title": "a.pdf", "modifiedOn": "2026-03-02T09:14:31Z"}}}}"#
        );
        std::fs::write(&file, body).unwrap();
        let file = file.to_str().unwrap();
        let said = written.say(&["rules", "explain", file]);
        assert!(
            said.contains("Requested from the portal: the path of folder"),
            "{said}"
        );
        assert!(said.contains("archive matches: copy to"), "{said}");
        written.deployment.portal.set_down(true);
        let said = written.say(&["rules", "explain", file]);
        assert!(said.contains("the event would wait"), "{said}");
        assert!(said.contains("archive is undecided"), "{said}");
        written.deployment.portal.set_down(false);

        let said = written.say(&["rules", "try", "--last", "20"]);
        assert!(
            said.contains("unchanged, 0 different"),
            "{said}"
        );
        // Another destination is a difference, too.
        let copied_elsewhere = ARCHIVE.replace("INCOMING", "INTERNAL");
        written.write(&copied_elsewhere);
        let said = written.say(&["rules", "try", "--changes-only"]);
        assert!(said.contains("DIFFERS"), "{said}");
        assert!(said.contains("instead of copy to folder"), "{said}");
        let room = written.deployment.portal.seed().client_room.to_string();
        let said = written.say(&["rules", "try", "--room", &room, "--changes-only"]);
        assert!(said.contains("instead of copy to folder"), "{said}");
        let before = written.deployment.ask_store("SELECT count(*) FROM actions");
        written.write(&ARCHIVE.replace("pdf", "docx"));
        let said = written.say(&["rules", "try"]);
        assert!(
            said.contains("DIFFERS") && said.contains(" 1 different"),
            "{said}"
        );
        let tried = written.json(&["rules", "try", "--last", "1000", "--json"]);
        let upload = tried.as_array().unwrap().last().unwrap();
        assert_eq!(upload["decided"], serde_json::json!(["archive", "copy"]));
        assert_eq!(upload["today"], serde_json::json!(["copy"]));
        let changed = written.json(&["rules", "try", "--last", "1000", "--changes-only", "--json"]);
        assert_eq!(changed, serde_json::json!([upload]));
        let files = written.json(&["rules", "try", "--room", &room, "--json"]);
        let file = &files.as_array().unwrap()[0];
        assert_eq!(file["decided"], serde_json::json!(["archive", "copy"]));
        assert_eq!(file["today"], serde_json::json!(["copy"]));
        let after = written.deployment.ask_store("SELECT count(*) FROM actions");
        assert_eq!(before, after, "nothing is run");
    })
    .await;
}

/// Sends SIGHUP, with which service managers ask for a reload.
fn hang_up(process: &Process) {
    let asked = Command::new("sh")
        .args(["-c", r#"kill -HUP "$1""#, "sh", &process.id().to_string()])
        .status()
        .unwrap();
    assert!(asked.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_reloads_the_rules_and_a_bad_file_changes_nothing() {
    bounded(async {
        let written = Written::new(ARCHIVE).await;
        let portal = written.deployment.portal.clone();
        let incoming = portal.seed().incoming_folder.clone();
        let count = || portal.files_in(&incoming).len();
        let service = written.deployment.start();
        written.deployment.ready().await;

        written.write("[[rule]]\nname = \"archive\"\ntriggers = [\"file.uplaoded\"]\n");
        hang_up(&service);
        written.reloaded("refused", 1).await;
        let log = written.deployment.log();
        assert!(log.contains("did you mean file.uploaded?"), "{log}");
        written.upload("one.pdf");
        written.deployment.all_done(STATE_BOUND).await;
        assert_eq!(count(), 1, "the old rules are in force");

        written.write(&ARCHIVE.replace("\"pdf\"", "\"docx\""));
        hang_up(&service);
        written.reloaded("done", 1).await;
        written.upload("two.pdf");
        written.upload("three.docx");
        written.deployment.all_done(STATE_BOUND).await;
        assert_eq!(count(), 2);
        service.kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_file_is_reloaded_when_it_changes() {
    bounded(async {
        let mut written = Written::new(ARCHIVE).await;
        let watched = ("RULES_RELOAD", "true".to_owned());
        written.deployment.variables.push(watched);
        let service = written.deployment.start();
        written.deployment.ready().await;
        written.write("# no rules any more\n");
        written.reloaded("done", 1).await;
        written.write("[[rule]]\n");
        written.reloaded("refused", 1).await;
        written.write(ARCHIVE);
        written.reloaded("done", 2).await;
        written.upload("one.pdf");
        written.deployment.all_done(STATE_BOUND).await;
        let portal = &written.deployment.portal;
        assert_eq!(portal.files_in(&portal.seed().incoming_folder).len(), 1);
        service.kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_trigger_themselves_are_refused_with_the_chain() {
    bounded(async {
        let written = Written::new(
            "[[rule]]\nname = \"echo\"\ntriggers = [\"file.updated\"]\n[[rule.action]]\ncomment = \"Need Review\"\n",
        )
        .await;
        let output = written.run(&["rules"]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(
                "the rules would trigger themselves: rule “echo” (comment “Need Review”) raises \
                 file.updated for itself"
            ),
            "{said}"
        );
    })
    .await;
}
