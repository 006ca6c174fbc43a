//! Converting files (docs/DOCSPACE.md A7). The sandbox does not convert: what a conversion makes of a file is its content
//! after a line that names the new format.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::guid::random_guid;
use super::ids::FileId;
use super::json::Renderer;
use super::storage::{Action, File, NewFile, Section, Storage, split_extension};
use super::user::User;

/// How long the result of a conversion is kept if it is not read.
const RETENTION: SignedDuration = SignedDuration::from_mins(1);

/// DocSpace's number for a conversion among operations.
const OPERATION: u8 = 6;

/// The formats that are converted on opening, and what they become.
const CONVERTED_ON_OPENING: [(&str, &[&str]); 3] = [
    (
        ".docx",
        &[".doc", ".odt", ".rtf", ".html", ".htm", ".md", ".epub"],
    ),
    (".xlsx", &[".xls", ".ods"]),
    (".pptx", &[".ppt", ".odp"]),
];

/// The formats to which everything is converted on request.
const TARGETS: [&str; 4] = [".docx", ".xlsx", ".pptx", ".pdf"];

/// The format that a file becomes when it is opened, with its dot; `None` if it is opened as it is.
pub(super) fn opened_as(title: &str) -> Option<&'static str> {
    let extension = split_extension(title).1.to_lowercase();
    let mut formats = CONVERTED_ON_OPENING.iter();
    let found = formats.find(|(_, sources)| sources.contains(&extension.as_str()));
    found.map(|(target, _)| *target)
}

/// The content of a file in another format. A format to which nothing is converted leaves the bytes as they are.
pub(super) fn converted(content: &Bytes, extension: &str) -> Bytes {
    let extension = extension.to_lowercase();
    if !TARGETS.contains(&extension.as_str()) {
        return content.clone();
    }
    let mut converted = format!("converted to {extension}\n").into_bytes();
    converted.extend_from_slice(content);
    converted.into()
}

/// A conversion of a file that is converted on opening.
#[derive(Debug)]
struct Conversion {
    id: String,
    file: FileId,
    /// The new file and the time of its creation, once there is one.
    result: Option<(FileId, Timestamp)>,
}

/// The conversions that run, or whose results were not read yet.
#[derive(Debug, Default)]
pub(super) struct Conversions(Vec<Conversion>);

impl Conversions {
    /// Registers the conversion of a file. `false` if there is one already.
    pub(super) fn start(&mut self, file: &FileId) -> bool {
        if self.0.iter().any(|known| known.file == *file) {
            return false;
        }
        self.0.push(Conversion {
            id: random_guid(),
            file: file.clone(),
            result: None,
        });
        true
    }

    /// Finishes the conversion of a file: the result lies beside it, or in My documents without the right to create.
    pub(super) fn finish(&mut self, file: &FileId, storage: &mut Storage, now: Timestamp) {
        let running = self.0.iter_mut().find(|known| known.file == *file);
        let converted = storage.file(file).cloned();
        if let (Some(conversion), Some(file)) = (running, converted) {
            let result = add_result(&file, storage, now);
            conversion.result = result.map(|result| (result, now));
        }
    }

    /// The conversion of a file as the portal shows it. A finished one is shown once.
    pub(super) fn read(&mut self, file: &FileId, renderer: &Renderer<'_>, now: Timestamp) -> Value {
        self.0.retain(|known| {
            let finished = known.result.as_ref().map(|(_, at)| *at);
            finished.is_none_or(|at| now.duration_since(at) <= RETENTION)
        });
        let known = self.0.iter().find(|known| known.file == *file);
        let shown: Vec<_> = known.iter().map(|known| known.to_json(renderer)).collect();
        self.0
            .retain(|known| known.file != *file || known.result.is_none());
        shown.into()
    }
}

impl Conversion {
    fn to_json(&self, renderer: &Renderer<'_>) -> Value {
        let result = self.result.as_ref();
        let result = result.and_then(|(id, _)| renderer.storage.file(id));
        let source = json!({ "id": self.file.as_str(), "version": 1, "updateIfExist": false });
        let mut shown = json!({
            "id": self.id,
            "Operation": OPERATION,
            "progress": if result.is_some() { 100 } else { 0 },
            "source": source.to_string(),
            "error": "",
            "processed": if result.is_some() { "1" } else { "" },
        });
        if let Some(result) = result {
            shown["result"] = renderer.file(result);
        }
        shown
    }
}

fn add_result(file: &File, storage: &mut Storage, now: Timestamp) -> Option<FileId> {
    let extension = opened_as(&file.title)?;
    let beside = storage.folder(&file.folder)?;
    let folder = if storage.may_create_in(beside) {
        file.folder.clone()
    } else {
        storage.section_of_user(Section::Personal, User::Service)?
    };
    let (name, _) = split_extension(&file.title);
    let title = storage.free_title(&folder, &format!("{name}{extension}"));
    let new = NewFile {
        folder,
        title,
        content: converted(&file.content, extension),
        by: User::Service,
    };
    let result = storage.add_file(new, now);
    if let Some(file) = storage.file_mut(&result) {
        file.log(Action::Converted, User::Service, now);
    }
    Some(result)
}
