//! The steps of the demo, their expected outcomes, and the actual ones.

use std::time::Duration;

use docspace_sandbox::{Fault, FaultEffect, FileId, FolderId, Portal, Seed, UploadEvents};

use crate::cli::output::{ERROR, OK, Table, styled, terminal_width};

use super::mailbox::DemoMailbox;

/// Uploads that happen together.
pub(super) struct DemoStep {
    /// Printed before the step.
    pub(super) heading: &'static str,
    faults: Vec<Fault>,
    uploads: Vec<Upload>,
}

/// A file that a client uploads, and the expected outcome.
#[derive(Clone)]
struct Upload {
    title: &'static str,
    note: &'static str,
    folder: FolderId,
    events: UploadEvents,
    expected: Expected,
}

#[derive(Clone, Copy)]
enum Expected {
    Copied,
    CopiedAndMoved,
    Untouched,
}

/// An upload that has happened.
pub(super) struct Uploaded {
    upload: Upload,
    content: Vec<u8>,
    file: FileId,
}

/// What became of an upload.
pub(super) struct UploadOutcome {
    /// The file's title, with a note that distinguishes the upload.
    pub(super) title: String,
    expected: &'static str,
    /// As found in the portal and the mailbox.
    pub(super) actual: String,
}

impl UploadOutcome {
    pub(super) fn is_expected(&self) -> bool {
        self.expected == self.actual
    }

    /// A sign that shows whether the outcome is as expected.
    pub(super) fn mark(&self) -> String {
        if self.is_expected() {
            styled(OK, "✓")
        } else {
            styled(ERROR, "✗")
        }
    }
}

impl Expected {
    fn describe(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::CopiedAndMoved => "copied, moved, manager notified",
            Self::Untouched => "untouched",
        }
    }
}

/// The steps, in order.
pub(super) fn steps(seed: &Seed) -> Vec<DemoStep> {
    use Expected::{Copied, CopiedAndMoved, Untouched};
    use UploadEvents::{CreatedAndUploaded, Uploaded};

    let client = &seed.client_room;
    let upload = |title, note, folder: &FolderId, events, expected| Upload {
        title,
        note,
        folder: folder.clone(),
        events,
        expected,
    };
    let step = |heading, uploads| DemoStep {
        heading,
        faults: Vec::new(),
        uploads,
    };
    vec![
        step(
            "A client uploads two files",
            vec![
                upload("Floor plan.pdf", "", client, Uploaded, Copied),
                upload("Angebot Müller & Söhne.docx", "", client, Uploaded, Copied),
            ],
        ),
        step(
            "A program uploads a file, which DocSpace announces twice",
            vec![upload(
                "Contract.docx",
                "announced twice",
                client,
                CreatedAndUploaded,
                Copied,
            )],
        ),
        step(
            "An invoice arrives",
            vec![upload(
                "Invoice-2026-0311.pdf",
                "",
                client,
                CreatedAndUploaded,
                CopiedAndMoved,
            )],
        ),
        step(
            "Two different files with the same name",
            vec![
                upload("Photo.jpg", "first", client, Uploaded, Copied),
                upload("Photo.jpg", "second", client, Uploaded, Copied),
            ],
        ),
        step(
            "A file in a subfolder, whose delivery does not name the room",
            vec![upload(
                "Minutes.docx",
                "in a subfolder",
                &seed.client_subfolder,
                Uploaded,
                Copied,
            )],
        ),
        step(
            "A file in another client's room, which no rule watches",
            vec![upload(
                "Invoice-Beta.pdf",
                "other room",
                &seed.other_room,
                Uploaded,
                Untouched,
            )],
        ),
        DemoStep {
            heading: "The portal has problems: it fails, asks for a pause, and loses responses",
            faults: portal_problems(),
            uploads: vec![
                upload("Budget.xlsx", "portal problems", client, Uploaded, Copied),
                upload(
                    "Invoice-2026-0312.pdf",
                    "portal problems",
                    client,
                    Uploaded,
                    CopiedAndMoved,
                ),
            ],
        },
    ]
}

fn portal_problems() -> Vec<Fault> {
    let fault = |path_contains, effect| Fault {
        method: Some("PUT"),
        path_contains,
        times: 1,
        effect,
    };
    vec![
        fault("fileops/copy", FaultEffect::Status(503)),
        fault("fileops/copy", FaultEffect::DropAfter),
        fault("fileops/move", FaultEffect::Status(429)),
        fault("fileops/move", FaultEffect::DropAfter),
    ]
}

impl DemoStep {
    /// Sets the faults and uploads the files.
    pub(super) fn perform(self, portal: &Portal) -> Vec<Uploaded> {
        for fault in self.faults {
            portal.inject_fault(fault);
        }
        self.uploads
            .into_iter()
            .map(|upload| {
                let content = format!("{} {}", upload.title, upload.note).into_bytes();
                let file = portal.upload(&upload.folder, upload.title, &content, upload.events);
                Uploaded {
                    upload,
                    content,
                    file,
                }
            })
            .collect()
    }
}

/// Inspects the portal and the mailbox for the outcomes of the uploads.
pub(super) fn inspect(
    uploads: &[Uploaded],
    portal: &Portal,
    mailbox: &DemoMailbox,
) -> Vec<UploadOutcome> {
    let mut outcomes = Vec::new();
    for Uploaded {
        upload,
        content,
        file,
    } in uploads
    {
        let seed = portal.seed();
        let copies = portal
            .files_in(&seed.internal_folder)
            .into_iter()
            .filter(|copy| copy.content == *content)
            .count();
        let emails = mailbox.count_about(file);
        let place = match portal.file(file).map(|file| file.folder) {
            None => Some("lost"),
            Some(folder) if folder == seed.incoming_folder => Some("moved"),
            Some(folder) if folder == upload.folder => None,
            Some(_) => Some("moved elsewhere"),
        };
        let note = if upload.note.is_empty() {
            String::new()
        } else {
            format!(" ({})", upload.note)
        };
        outcomes.push(UploadOutcome {
            title: format!("{}{note}", upload.title),
            expected: upload.expected.describe(),
            actual: describe(copies, place, emails),
        });
    }
    outcomes
}

fn describe(copies: usize, place: Option<&str>, emails: usize) -> String {
    let times = |what: &str, count: usize| match count {
        0 => None,
        1 => Some(what.to_owned()),
        more => Some(format!("{what} {more} times")),
    };
    let parts: Vec<String> = [
        times("copied", copies),
        place.map(str::to_owned),
        times("manager notified", emails),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        "untouched".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The expected and actual outcomes side by side, and the conclusion.
pub(super) fn render_summary(outcomes: &[UploadOutcome], duration: Duration) -> Vec<String> {
    let mut table = Table::with_header(["FILE", "EXPECTED", "ACTUAL", ""]).indented(2);
    for outcome in outcomes {
        let mark = if outcome.is_expected() { "✓" } else { "✗" };
        table.row([
            outcome.title.clone(),
            outcome.expected.to_owned(),
            outcome.actual.clone(),
            mark.to_owned(),
        ]);
    }
    let mut lines = vec![String::new()];
    lines.extend(table.lines(terminal_width()).into_iter().map(|line| {
        line.replace('✓', &styled(OK, "✓"))
            .replace('✗', &styled(ERROR, "✗"))
    }));
    let expected = outcomes.iter().filter(|outcome| outcome.is_expected());
    let expected = expected.count();
    let (style, next_step) = if expected == outcomes.len() {
        (OK, "Next: see README.md to set it up on your portal.")
    } else {
        (
            ERROR,
            "Run it again with RUST_LOG=info to see what happened.",
        )
    };
    let conclusion = format!(
        "{expected} of {} as expected, in {:.1} s",
        outcomes.len(),
        duration.as_secs_f64()
    );
    lines.extend([
        String::new(),
        format!("  {}", styled(style, &conclusion)),
        format!("  {next_step}"),
        String::new(),
    ]);
    lines
}
