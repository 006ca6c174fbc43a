//! The model: how often each file must have been copied and moved in the end, given what people did.

use docspace_sandbox::FileId;

/// How often something must, and may, have been done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub least: usize,
    pub most: usize,
}

impl Times {
    pub fn contains(self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }

    fn once(&mut self) {
        self.least += 1;
        self.most += 1;
    }
}

/// What no event has reported of a file, because the webhook was off, and no listing has found yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unseen {
    #[default]
    Nothing,
    /// That it was overwritten.
    Version,
    /// That it exists.
    File,
}

/// A file that a person uploaded.
#[derive(Debug)]
pub struct ModelFile {
    pub id: FileId,
    pub is_invoice: bool,
    /// How often it was uploaded to the client room.
    uploads: Times,
    unseen: Unseen,
    /// Edits whose event the receiver did not get.
    unreported_edits: usize,
}

/// The portal's webhook.
#[derive(Debug)]
struct Webhook {
    is_on: bool,
    /// Whether it subscribes to changes of files, too.
    reports_updates: bool,
    was_changed: bool,
}

/// What the portal should hold at the end.
#[derive(Debug)]
pub struct Model {
    pub files: Vec<ModelFile>,
    pub receiver_is_closed: bool,
    webhook: Webhook,
    /// Whether rules were applied to existing files.
    was_backfilled: bool,
    renamed: usize,
}

impl Model {
    pub fn new() -> Self {
        Self {
            files: Vec::new(),
            receiver_is_closed: false,
            webhook: Webhook {
                is_on: true,
                reports_updates: false,
                was_changed: false,
            },
            was_backfilled: false,
            renamed: 0,
        }
    }

    /// A file that a number picks.
    pub fn pick(&self, number: usize) -> Option<(usize, FileId)> {
        let position = number.checked_rem(self.files.len())?;
        Some((position, self.files[position].id.clone()))
    }

    /// The content of a file and of its copies. All have one size, so that only the titles, times and order
    /// distinguish them for the service.
    pub fn content(position: usize) -> Vec<u8> {
        format!("{position:04}").into_bytes()
    }

    /// A title that no file has, of the same kind.
    pub fn new_title(&mut self, position: usize) -> String {
        self.renamed += 1;
        if self.files[position].is_invoice {
            format!("invoice renamed {}.pdf", self.renamed)
        } else {
            format!("renamed {}.docx", self.renamed)
        }
    }

    /// How often a file must have been copied.
    pub fn copies(&self, position: usize) -> Times {
        let file = &self.files[position];
        let ambiguous = if self.webhook.was_changed {
            file.unreported_edits
        } else {
            0
        };
        Times {
            least: if self.was_backfilled {
                file.uploads.least.min(1)
            } else {
                file.uploads.least
            },
            most: file.uploads.most + ambiguous,
        }
    }

    /// Rules are applied to existing files: to each once, in its last state, which includes earlier versions whose
    /// deliveries arrive later.
    pub fn backfilled(&mut self) {
        self.was_backfilled = true;
    }

    /// After any change of the webhook, it may have been off before.
    pub fn switch_webhook(&mut self, on: bool) {
        self.webhook.is_on = on;
        self.webhook.was_changed = true;
    }

    /// Whether changes of files raise events for the webhook, too.
    pub fn subscribe_to_updates(&mut self, subscribe: bool) {
        self.webhook.reports_updates = subscribe;
        self.webhook.was_changed = true;
    }

    /// A new file. A listing finds it if the webhook is off.
    pub fn uploaded(&mut self, id: FileId, title: &str, is_watched: bool) {
        let mut uploads = Times::default();
        let mut unseen = Unseen::Nothing;
        if is_watched && self.webhook.is_on {
            uploads.once();
        } else if is_watched {
            uploads.most += 1;
            unseen = Unseen::File;
        }
        self.files.push(ModelFile {
            id,
            is_invoice: title.to_lowercase().starts_with("invoice"),
            uploads,
            unseen,
            unreported_edits: 0,
        });
    }

    /// A new version of a file that is in a watched folder. While the webhook is off, one listing sees only the
    /// last of several versions, and none if the file is moved away before.
    pub fn overwritten(&mut self, position: usize) {
        let is_on = self.webhook.is_on;
        let file = &mut self.files[position];
        if is_on {
            file.uploads.once();
            file.unseen = Unseen::Nothing;
        } else {
            file.uploads.most += 1;
            if file.unseen == Unseen::Nothing && !file.is_invoice {
                file.unseen = Unseen::Version;
            }
        }
    }

    /// A save in the editor of a file that is in a watched folder. Unless its event arrives, nothing
    /// distinguishes it from an upload while the webhook is off.
    pub fn edited(&mut self, position: usize) {
        let is_reported = self.reports_updates();
        let is_on = self.webhook.is_on;
        let file = &mut self.files[position];
        if !is_on {
            file.uploads.most += 1;
        } else if !is_reported {
            file.unreported_edits += 1;
        }
        self.changed(position);
    }

    /// Any other change, even one that leaves the time of the last change. If an event reports it, a listing no
    /// longer sees that an earlier version was not reported.
    pub fn changed(&mut self, position: usize) {
        let file = &mut self.files[position];
        let is_reported = self.webhook.is_on && self.webhook.reports_updates;
        if is_reported && file.unseen == Unseen::Version {
            file.unseen = Unseen::Nothing;
        }
    }

    fn reports_updates(&self) -> bool {
        self.webhook.is_on && self.webhook.reports_updates && !self.receiver_is_closed
    }

    /// The watched rooms have been listed.
    pub fn listed(&mut self) {
        for file in &mut self.files {
            if std::mem::take(&mut file.unseen) != Unseen::Nothing {
                file.uploads.least += 1;
            }
        }
    }
}
