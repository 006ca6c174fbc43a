//! Reading the activity logs of files, folders and rooms (docs/DOCSPACE.md A1.7).

use axum::extract::{Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::page::{COUNT_OUT_OF_RANGE, MAX_ENTRIES};
use super::{ApiError, ApiResult, Responder};
use crate::ids::{FileId, FolderId};
use crate::json::Renderer;
use crate::portal::Portal;
use crate::storage::Activity;

/// The query of the activity log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityQuery {
    from_date: Option<String>,
    to_date: Option<String>,
    count: Option<usize>,
    start_index: Option<usize>,
}

impl ActivityQuery {
    /// The requested number of entries; `None` if it is out of range.
    fn count(&self) -> Option<usize> {
        let count = self.count.unwrap_or(MAX_ENTRIES);
        (1..=MAX_ENTRIES).contains(&count).then_some(count)
    }

    fn includes(&self, at: Timestamp) -> bool {
        // A date that cannot be read counts as none (docs/DOCSPACE.md A1.1).
        let parse = |date: Option<&String>| date.and_then(|date| date.parse::<Timestamp>().ok());
        let from = parse(self.from_date.as_ref());
        let to = parse(self.to_date.as_ref());
        from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
    }

    /// A page of the log, newest entry first, and the number of all entries. Like actions of one person in one minute are
    /// folded into one entry.
    fn page<'a>(
        &self,
        newest_first: impl Iterator<Item = &'a Activity>,
        count: usize,
        renderer: &Renderer<'_>,
    ) -> (Vec<Value>, usize) {
        let included: Vec<_> = newest_first
            .filter(|activity| self.includes(activity.at))
            .collect();
        let shown = included.iter().skip(self.start_index.unwrap_or(0));
        let mut folded: Vec<(&Activity, Vec<Value>)> = Vec::new();
        for activity in shown.take(count) {
            match folded.last_mut() {
                Some((first, related)) if first.is_folded_with(activity) => {
                    related.push(renderer.activity(activity, &[]));
                }
                _ => folded.push((activity, Vec::new())),
            }
        }
        let entries = folded
            .iter()
            .map(|(activity, related)| renderer.activity(activity, related))
            .collect();
        (entries, included.len())
    }
}

/// A page of a file's activity log.
pub(super) async fn of_file(
    State(portal): State<Portal>,
    Path(id): Path<i64>,
    Query(query): Query<ActivityQuery>,
    responder: Responder,
) -> ApiResult {
    let Some(count) = query.count() else {
        return Ok(invalid_count(&responder));
    };
    let id = FileId::from(id);
    let (entries, total) = {
        let state = portal.state();
        let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
        if !state.storage.may_read(&file.folder) {
            return Err(ApiError::Denied);
        }
        let renderer = state.renderer(&responder.base_url);
        query.page(file.activities.iter().rev(), count, &renderer)
    };
    Ok(responder.page(&entries.into(), total))
}

/// A page of the activity log of a folder or room, which includes that of everything in it.
pub(super) async fn of_folder(
    State(portal): State<Portal>,
    Path(id): Path<i64>,
    Query(query): Query<ActivityQuery>,
    responder: Responder,
) -> ApiResult {
    let Some(count) = query.count() else {
        return Ok(invalid_count(&responder));
    };
    let id = FolderId::from(id);
    let (entries, total) = {
        let state = portal.state();
        let storage = &state.storage;
        storage.folder(&id).ok_or(ApiError::FolderMissing)?;
        if !storage.may_read(&id) {
            return Err(ApiError::Denied);
        }
        let tree = storage.tree(&id);
        let folders = tree.iter().filter_map(|folder| storage.folder(folder));
        let files = tree.iter().flat_map(|folder| storage.files_in(folder));
        let mut activities: Vec<_> = folders
            .flat_map(|folder| &folder.activities)
            .chain(files.flat_map(|file| &file.activities))
            .collect();
        activities.sort_by_key(|activity| activity.at);
        let renderer = state.renderer(&responder.base_url);
        query.page(activities.into_iter().rev(), count, &renderer)
    };
    Ok(responder.page(&entries.into(), total))
}

fn invalid_count(responder: &Responder) -> Response {
    responder.invalid("Count", COUNT_OUT_OF_RANGE)
}
