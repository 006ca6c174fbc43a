//! Exchanges: calls of which the whole response is shown, whatever its status. `rehearse` compares them with
//! docs/DOCSPACE.md; everything else uses the typed calls.

use reqwest::Method;
use serde_json::{Value, json};

use crate::ids::{FileId, FolderId, WebhookId};

use super::error::Error;
use super::operation::{Conflict, OperationKind};
use super::path::{self, ApiPath};
use super::transport::{RawRequest, Transport};

/// The number of a custom room, which takes files of all kinds (docs/DOCSPACE.md 5.3).
const CUSTOM_ROOM: u8 = 5;

/// Separates the parts of an upload. The content of the uploads does not contain it.
const BOUNDARY: &str = "docspace-courier-rehearsal";

/// Calls of which the whole response is shown.
#[derive(Clone, Copy, Debug)]
pub struct Exchanges<'a> {
    transport: &'a Transport,
}

/// A request, and the response to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The HTTP method.
    pub method: String,
    /// The path below `/api/2.0/`, with its query.
    pub path: String,
    /// The body of the request, if it was JSON.
    pub request: Option<Value>,
    /// The status of the response.
    pub status: u16,
    /// The body of the response; null if it was not JSON.
    pub body: Value,
}

impl Exchange {
    /// The content of a successful response; null for any other.
    pub fn response(&self) -> &Value {
        match self.status {
            200 => &self.body["response"],
            _ => &Value::Null,
        }
    }
}

/// A copy or move of one file.
#[derive(Clone, Copy, Debug)]
pub struct TransferRequest<'a> {
    /// Whether it is copied or moved.
    pub kind: OperationKind,
    /// The file.
    pub file: &'a FileId,
    /// The folder it goes to.
    pub to: &'a FolderId,
    /// What happens if there is a file of the same title.
    pub conflict: Conflict,
    /// Whether the portal forgets the result, in spite of the name (docs/DOCSPACE.md 4.1).
    pub delete_after: bool,
}

impl TransferRequest<'_> {
    fn path(&self) -> ApiPath {
        match self.kind {
            OperationKind::Copy => "files/fileops/copy".into(),
            OperationKind::Move => "files/fileops/move".into(),
        }
    }

    fn body(&self) -> Value {
        json!({
            "fileIds": [self.file],
            "destFolderId": self.to,
            "conflictResolveType": self.conflict.number(),
            "deleteAfter": self.delete_after,
            "returnSingleOperation": true,
        })
    }
}

impl<'a> Exchanges<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// The version of the portal, which it shows without a key (docs/DOCSPACE.md A10.3).
    pub async fn version(self) -> Result<Exchange, Error> {
        let path = ApiPath::from("settings/version/build");
        self.send(Method::GET, path, None, false).await
    }

    /// The settings of the portal, which it also shows without a key, except for some (docs/DOCSPACE.md A10.3).
    pub async fn settings(self, with_key: bool) -> Result<Exchange, Error> {
        self.send(Method::GET, ApiPath::from("settings"), None, with_key)
            .await
    }

    /// The account of the key.
    pub async fn account(self) -> Result<Exchange, Error> {
        self.get("people/@self".into()).await
    }

    /// A page of the rooms with this in their titles.
    pub async fn rooms(self, title: &str, start: usize, count: usize) -> Result<Exchange, Error> {
        let title = path::segment(title);
        let query = format!("filterValue={title}&startIndex={start}&count={count}");
        self.get(path::rooms().query(&query)).await
    }

    /// Creates a room, in which the account is the owner.
    pub async fn create_room(self, title: &str) -> Result<Exchange, Error> {
        let body = json!({ "title": title, "roomType": CUSTOM_ROOM });
        self.send(Method::POST, path::rooms(), Some(body), true)
            .await
    }

    /// Deletes a room for good.
    pub async fn delete_room(self, room: &FolderId) -> Result<Exchange, Error> {
        let path = path::rooms().id(room.as_str());
        let body = json!({ "deleteAfter": false });
        self.send(Method::DELETE, path, Some(body), true).await
    }

    /// Creates a folder.
    pub async fn create_folder(self, parent: &FolderId, title: &str) -> Result<Exchange, Error> {
        let path = path::folder(parent.as_str());
        let body = json!({ "title": title });
        self.send(Method::POST, path, Some(body), true).await
    }

    /// Deletes a folder for good.
    pub async fn delete_folder(self, folder: &FolderId) -> Result<Exchange, Error> {
        let body = json!({
            "folderIds": [folder],
            "deleteAfter": false,
            "immediately": true,
            "returnSingleOperation": true,
        });
        let path = ApiPath::from("files/fileops/delete");
        self.send(Method::PUT, path, Some(body), true).await
    }

    /// Reads a folder or room.
    pub async fn folder(self, folder: &FolderId) -> Result<Exchange, Error> {
        self.get(path::folder(folder.as_str())).await
    }

    /// Reads the folders from the section down to this folder.
    pub async fn path(self, folder: &FolderId) -> Result<Exchange, Error> {
        self.get(path::folder(folder.as_str()).word("path")).await
    }

    /// Reads the first hundred entries directly in a folder.
    pub async fn content(self, folder: &FolderId) -> Result<Exchange, Error> {
        let path = path::files().id(folder.as_str()).query("count=100");
        self.get(path).await
    }

    /// Uploads a small file as text.
    pub async fn upload(self, to: &FolderId, title: &str, text: &str) -> Result<Exchange, Error> {
        let path = path::files().id(to.as_str()).word("upload");
        let form = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{title}\"\r\n\
             Content-Type: text/plain\r\n\r\n{text}\r\n--{BOUNDARY}--\r\n"
        );
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = RawRequest {
            method: Method::POST,
            path,
            body: Some((content_type, form.into_bytes())),
            with_key: true,
            read_response: true,
        };
        self.exchange(request, None).await
    }

    /// Reads a file.
    pub async fn file(self, file: &FileId) -> Result<Exchange, Error> {
        self.get(path::file(file.as_str())).await
    }

    /// Sets the comment of a version of a file.
    pub async fn comment(
        self,
        file: &FileId,
        version: u64,
        comment: &str,
    ) -> Result<Exchange, Error> {
        let path = path::file(file.as_str()).word("comment");
        let body = json!({ "version": version, "comment": comment });
        self.send(Method::PUT, path, Some(body), true).await
    }

    /// Starts to copy or move a file.
    pub async fn transfer(self, transfer: TransferRequest<'_>) -> Result<Exchange, Error> {
        let body = transfer.body();
        self.send(Method::PUT, transfer.path(), Some(body), true)
            .await
    }

    /// Starts to copy or move a file, and closes the connection instead of reading the response.
    pub async fn transfer_unread(self, transfer: TransferRequest<'_>) -> Result<(), Error> {
        let request = RawRequest {
            method: Method::PUT,
            path: transfer.path(),
            body: Some(json_body(&transfer.body())),
            with_key: true,
            read_response: false,
        };
        self.transport.exchange(request).await.map(drop)
    }

    /// Reads an operation.
    pub async fn operation(self, id: &str) -> Result<Exchange, Error> {
        let query = format!("id={}", path::segment(id));
        self.get(ApiPath::from("files/fileops").query(&query)).await
    }

    /// Reads the webhooks that the account may see.
    pub async fn webhooks(self) -> Result<Exchange, Error> {
        self.get("settings/webhook".into()).await
    }

    /// Reads the newest rows of a webhook's delivery log.
    pub async fn log(self, webhook: WebhookId) -> Result<Exchange, Error> {
        let query = format!("configId={webhook}&count=100");
        self.get(ApiPath::from("settings/webhooks/log").query(&query))
            .await
    }

    async fn get(self, path: ApiPath) -> Result<Exchange, Error> {
        self.send(Method::GET, path, None, true).await
    }

    async fn send(
        self,
        method: Method,
        path: ApiPath,
        body: Option<Value>,
        with_key: bool,
    ) -> Result<Exchange, Error> {
        let request = RawRequest {
            method,
            path,
            body: body.as_ref().map(json_body),
            with_key,
            read_response: true,
        };
        self.exchange(request, body).await
    }

    async fn exchange(self, request: RawRequest, body: Option<Value>) -> Result<Exchange, Error> {
        let (method, path) = (request.method.to_string(), request.path.as_str().to_owned());
        let response = self.transport.exchange(request).await?;
        let (status, text) = response.unwrap_or_default();
        Ok(Exchange {
            method,
            path,
            request: body,
            status,
            body: serde_json::from_slice(&text).unwrap_or_default(),
        })
    }
}

fn json_body(body: &Value) -> (String, Vec<u8>) {
    ("application/json".to_owned(), body.to_string().into_bytes())
}
