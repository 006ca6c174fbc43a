//! What happens in the demo, what should come of it, and what did.

use std::time::Duration;

use docspace_sandbox::{Fault, FaultEffect, FileId, FolderId, Portal, Seed, UploadEvents};

use crate::cli::paint::Paint;

use super::mailbox::Mailbox;

/// Things that happen together.
pub(super) struct Chapter {
    /// What a person is told before it happens.
    pub(super) heading: &'static str,
    faults: Vec<Fault>,
    uploads: Vec<Upload>,
}

/// One file a client uploads, and what should come of it.
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

/// What came of an upload.
pub(super) struct Told {
    /// The file's title, and what was special about it.
    pub(super) title: String,
    expected: &'static str,
    /// What was found in the portal and the mailbox.
    pub(super) happened: String,
}

impl Told {
    /// Whether it is what should have come of it.
    pub(super) fn is_well(&self) -> bool {
        self.expected == self.happened
    }
}

impl Expected {
    fn describe(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::CopiedAndMoved => "copied, moved, manager told",
            Self::Untouched => "untouched",
        }
    }
}

/// The story, in order.
pub(super) fn chapters(seed: &Seed) -> Vec<Chapter> {
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
    let chapter = |heading, uploads| Chapter {
        heading,
        faults: Vec::new(),
        uploads,
    };
    vec![
        chapter(
            "A client uploads two files",
            vec![
                upload("Floor plan.pdf", "", client, Uploaded, Copied),
                upload("Angebot Müller & Söhne.docx", "", client, Uploaded, Copied),
            ],
        ),
        chapter(
            "A program uploads a file, which DocSpace announces twice",
            vec![upload(
                "Contract.docx",
                "announced twice",
                client,
                CreatedAndUploaded,
                Copied,
            )],
        ),
        chapter(
            "An invoice arrives",
            vec![upload(
                "Invoice-2026-0311.pdf",
                "",
                client,
                CreatedAndUploaded,
                CopiedAndMoved,
            )],
        ),
        chapter(
            "Two different files of the same name",
            vec![
                upload("Photo.jpg", "first", client, Uploaded, Copied),
                upload("Photo.jpg", "second", client, Uploaded, Copied),
            ],
        ),
        chapter(
            "A file in a subfolder, where the delivery does not name the room",
            vec![upload(
                "Minutes.docx",
                "in a subfolder",
                &seed.client_subfolder,
                Uploaded,
                Copied,
            )],
        ),
        chapter(
            "Another client's room, which no rule watches",
            vec![upload(
                "Invoice-Beta.pdf",
                "other room",
                &seed.other_room,
                Uploaded,
                Untouched,
            )],
        ),
        Chapter {
            heading: "The portal has a bad moment: it fails, asks for a pause, and loses an answer",
            faults: bad_moment(),
            uploads: vec![
                upload("Budget.xlsx", "bad moment", client, Uploaded, Copied),
                upload(
                    "Invoice-2026-0312.pdf",
                    "bad moment",
                    client,
                    Uploaded,
                    CopiedAndMoved,
                ),
            ],
        },
    ]
}

fn bad_moment() -> Vec<Fault> {
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

impl Chapter {
    /// Lets it happen.
    pub(super) fn begin(self, portal: &Portal) -> Vec<Uploaded> {
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

/// Looks at what came of the uploads.
pub(super) fn look(uploads: &[Uploaded], portal: &Portal, mailbox: &Mailbox) -> Vec<Told> {
    let mut told = Vec::new();
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
        let announcements = mailbox.count_about(file);
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
        told.push(Told {
            title: format!("{}{note}", upload.title),
            expected: upload.expected.describe(),
            happened: describe(copies, place, announcements),
        });
    }
    told
}

fn describe(copies: usize, place: Option<&str>, announcements: usize) -> String {
    let times = |what: &str, count: usize| match count {
        0 => None,
        1 => Some(what.to_owned()),
        more => Some(format!("{what} {more} times")),
    };
    let parts: Vec<String> = [
        times("copied", copies),
        place.map(str::to_owned),
        times("manager told", announcements),
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

/// Prints what was expected beside what happened; whether it is all the same.
#[expect(clippy::print_stdout, reason = "the command line talks to a person")]
pub(super) fn print_table(told: &[Told], took: Duration, paint: Paint) -> bool {
    let column = |text: fn(&Told) -> &str, heading: &str| {
        told.iter()
            .map(|line| text(line).chars().count())
            .chain([heading.len()])
            .max()
            .unwrap_or(0)
    };
    let title_width = column(|line| &line.title, "file");
    let expected_width = column(|line| line.expected, "expected");
    let happened_width = column(|line| &line.happened, "happened");
    let rule = |width: usize| "─".repeat(width);

    println!(
        "\n  {:title_width$}   {:expected_width$}   happened",
        "file", "expected"
    );
    println!(
        "  {}   {}   {}",
        rule(title_width),
        rule(expected_width),
        rule(happened_width)
    );
    for line in told {
        let mark = if line.is_well() {
            paint.good("✓")
        } else {
            paint.bad("✗")
        };
        println!(
            "  {:title_width$}   {:expected_width$}   {:happened_width$} {mark}",
            line.title, line.expected, line.happened
        );
    }
    let well = told.iter().filter(|line| line.is_well()).count();
    let verdict = format!(
        "{well} of {} as expected, in {:.1} s",
        told.len(),
        took.as_secs_f64()
    );
    let all_well = well == told.len();
    println!(
        "\n  {}",
        if all_well {
            paint.good(&verdict)
        } else {
            paint.bad(&verdict)
        }
    );
    if all_well {
        println!("  Next: README.md says how to run it on your own portal.\n");
    } else {
        println!("  Run it again with RUST_LOG=info to see what it did.\n");
    }
    all_well
}
