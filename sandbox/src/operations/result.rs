//! What an operation shows of its progress and its results (docs/DOCSPACE.md 4.4, 4.5).

use serde_json::{Value, json};

use super::{Operation, Stage, Task};
use crate::bulk_download::download_url;
use crate::json::Renderer;

impl Operation {
    /// The object of the operation.
    pub(super) fn to_json(&self, renderer: &Renderer<'_>) -> Value {
        let finished = self.stage >= Stage::Finished;
        let mut object = json!({
            "id": self.id,
            "Operation": self.task.kind().number(),
            "progress": self.progress(),
            "error": self.error,
            "processed": self.processed.to_string(),
            "finished": finished,
            "status": self.stage.status(),
        });
        if self.progress() < 100 {
            return object;
        }
        let (files, folders) = self.shown_entries(renderer, finished);
        for (name, entries) in [("files", files), ("folders", folders)] {
            if !entries.is_empty() {
                object[name] = entries.into();
            }
        }
        if let Some(name) = self.download.as_deref().filter(|_| finished) {
            object["url"] = download_url(renderer.base_url, name).into();
        }
        object
    }

    /// The files and folders that the operation shows: of a copy or move that is not finished the sources and the
    /// destination, afterwards the results, or the destination if there are none.
    fn shown_entries(&self, renderer: &Renderer<'_>, finished: bool) -> (Vec<Value>, Vec<Value>) {
        let results = || {
            let files = renderer.files(&self.results.files);
            (files, renderer.folders(&self.results.folders))
        };
        match &self.task {
            Task::Transfer(request) => {
                let (files, mut folders) = if finished {
                    results()
                } else {
                    let files = renderer.files(&request.files);
                    (files, renderer.folders(&request.folders))
                };
                if !finished || files.is_empty() && folders.is_empty() {
                    folders.extend(renderer.folders(std::slice::from_ref(&request.destination)));
                }
                (files, folders)
            }
            Task::Duplicate(_) if finished => results(),
            Task::Archive(archiving) if finished && self.processed > 0 => {
                let room = std::slice::from_ref(&archiving.room);
                (Vec::new(), renderer.folders(room))
            }
            _ => (Vec::new(), Vec::new()),
        }
    }
}
