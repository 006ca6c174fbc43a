//! Calls that copy and move files: they start operations, whose outcome is read later (docs/DOCSPACE.md 4).

use serde::Serialize;

use crate::ids::{FileId, FolderId};

use super::call::PortalCall;
use super::error::Error;
use super::operation::{
    Conflict, Operation, OperationId, OperationKind, OperationNumber, OperationState,
};
use super::path::{self, ApiPath};
use super::transport::Transport;
use super::unclaimed_results::UnclaimedResults;

/// The most files in one call. The portal sets no limit; this one keeps its log and ours readable.
pub const FILES_IN_ONE_CALL: usize = 100;

/// The most files in one call when few calls matter more than an early end: an operation takes them one by one.
pub const FILES_IN_ONE_LARGE_CALL: usize = 250;

/// Calls that start and watch operations.
#[derive(Clone, Copy, Debug)]
pub struct Operations<'a> {
    transport: &'a Transport,
    unclaimed: &'a UnclaimedResults,
}

impl<'a> Operations<'a> {
    pub(super) fn new(transport: &'a Transport, unclaimed: &'a UnclaimedResults) -> Self {
        Self {
            transport,
            unclaimed,
        }
    }

    /// Starts to copy or move files, if `may_send` returns true just before the request. One bad file refuses the
    /// whole call (docs/DOCSPACE.md 4.3).
    ///
    /// `None` if the portal accepted the call but did not name the operation, which happens before 3.2.1.
    pub async fn start(
        self,
        kind: OperationKind,
        files: &[&FileId],
        to: &FolderId,
        conflict: Conflict,
        may_send: impl Future<Output = bool>,
    ) -> Result<Option<Operation>, Error> {
        let path = match kind {
            OperationKind::Copy => "files/fileops/copy",
            OperationKind::Move => "files/fileops/move",
        };
        let body = StartBody {
            file_ids: files,
            folder_ids: [],
            dest_folder_id: to,
            conflict_resolve_type: conflict.number(),
            delete_after: false,
            content: false,
            return_single_operation: true,
        };
        let started = self
            .transport
            .send_if(may_send, PortalCall::put(path, &body).returning_list())
            .await?;
        Ok(only_operation(started.response, kind.number()))
    }

    /// Starts to move a file to the trash of the key's user, if `may_send` returns true just before the request.
    ///
    /// A file that is there already is **destroyed**, so it must have been seen elsewhere, and no earlier call may be in
    /// flight. Refused with 403 while another account has locked the file, or somebody has it open (docs/DOCSPACE.md A6).
    /// The call does not count as one of the day's writes (docs/DOCSPACE.md 7).
    pub async fn trash(
        self,
        file: &FileId,
        may_send: impl Future<Output = bool>,
    ) -> Result<Option<Operation>, Error> {
        let path = path::file(file.as_str()).query("returnSingleOperation=true");
        let body = DeleteBody {
            delete_after: false,
            immediately: false,
        };
        let call = PortalCall::delete_with(path, &body).returning_list();
        let started = self.transport.send_if(may_send, call).await?;
        Ok(only_operation(started.response, OperationNumber::DELETE))
    }

    /// Starts to move a room to the Archive, if `may_send` returns true just before the request. The operation ends with an
    /// error while somebody has a file in the room open (docs/DOCSPACE.md A8).
    pub async fn archive(
        self,
        room: &FolderId,
        may_send: impl Future<Output = bool>,
    ) -> Result<Option<Operation>, Error> {
        let path = path::rooms().id(room.as_str()).word("archive");
        let body = RoomBody {
            delete_after: false,
        };
        let started = self
            .transport
            .send_if(may_send, PortalCall::put(path, &body));
        Ok(Some(started.await?.response))
    }

    /// Reads an operation. The portal shows a result once.
    ///
    /// `None` if the portal does not show it, which proves neither success nor failure (docs/DOCSPACE.md 4.4).
    pub async fn get(self, id: &OperationId) -> Result<Option<Operation>, Error> {
        if let Some(operation) = self.unclaimed.take(id) {
            return Ok(Some(operation));
        }
        let query = format!("id={}", path::segment(id.as_str()));
        let path = ApiPath::from("files/fileops").query(&query);
        let operations: Vec<Operation> = self.transport.read(PortalCall::list(path)).await?;
        Ok(operations.into_iter().find(|operation| operation.id == *id))
    }

    /// Reads all operations of the key's user that have not ended.
    ///
    /// The same read takes the results of those that have ended, so they are kept for [`Operations::get`].
    pub async fn pending(self) -> Result<Vec<Operation>, Error> {
        let operations: Vec<Operation> = self
            .transport
            .read(PortalCall::list("files/fileops"))
            .await?;
        let (pending, ended): (Vec<_>, Vec<_>) = operations
            .into_iter()
            .partition(|operation| operation.state == OperationState::Pending);
        self.unclaimed.keep(ended);
        Ok(pending)
    }
}

/// The body of a call about a room (docs/DOCSPACE.md A8).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomBody {
    /// As for a copy.
    delete_after: bool,
}

/// The body of a deletion (docs/DOCSPACE.md A6).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteBody {
    /// As for a copy.
    delete_after: bool,
    /// Whether the file is destroyed instead of moved to the trash.
    immediately: bool,
}

/// The operation that a call has started, if its response names only one that it can be.
fn only_operation(mut operations: Vec<Operation>, kind: OperationNumber) -> Option<Operation> {
    if operations.len() > 1 {
        operations.retain(|operation| operation.is_pending(kind));
    }
    let operation = operations.pop();
    operation.filter(|_| operations.is_empty())
}

/// The body of a copy or move (docs/DOCSPACE.md 4.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartBody<'a> {
    file_ids: &'a [&'a FileId],
    folder_ids: [&'a FolderId; 0],
    dest_folder_id: &'a FolderId,
    conflict_resolve_type: u8,
    /// Deletes nothing, despite its name: `false` keeps the result until it is read.
    delete_after: bool,
    content: bool,
    /// Without it the call takes the results of all our other operations (docs/DOCSPACE.md 4.4 rule 4).
    return_single_operation: bool,
}
