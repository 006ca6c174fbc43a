//! Calls about files, folders and rooms (docs/DOCSPACE.md 5).

use futures_util::Stream;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::ids::{FileId, FolderId};

use super::activity::{Activity, ActivityDto};
use super::call::PortalCall;
use super::error::Error;
use super::file::FileInfo;
use super::folder::{FolderContent, FolderInfo};
use super::page::{PAGE_SIZE, Page, pages};
use super::path::{self, ApiPath};
use super::transport::Transport;
use super::upload::{IfExists, UploadForm};

/// The portal cuts a comment to this many characters (docs/DOCSPACE.md A9.2).
pub const MAX_COMMENT_LENGTH: usize = 255;

/// The longest tag (docs/DOCSPACE.md A8).
pub const MAX_TAG_LENGTH: usize = 255;

/// Calls about files, folders and rooms.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    transport: &'a Transport,
}

impl<'a> Files<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads a file.
    pub async fn file(self, file: &FileId) -> Result<FileInfo, Error> {
        self.transport
            .read(PortalCall::get(path::file(file.as_str())))
            .await
    }

    /// Sets the comment of one version of a file, if `may_send` returns true just before the request. The portal
    /// cuts it to [`MAX_COMMENT_LENGTH`] characters.
    ///
    /// Raises `file.updated`, but leaves the time of the last change as it is. Refused with 403 while another
    /// account has locked the file (docs/DOCSPACE.md A9.2).
    pub async fn set_comment(
        self,
        file: &FileId,
        version: u64,
        comment: &str,
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let path = path::file(file.as_str()).word("comment");
        let body = CommentBody { version, comment };
        let done = self
            .transport
            .send_if::<IgnoredAny>(may_send, PortalCall::put(path, &body));
        done.await.map(drop)
    }

    /// Renames a file, if `may_send` returns true just before the request, and returns it as it is afterwards. A file of
    /// third-party storage may have another id then.
    ///
    /// Raises `file.updated` and changes the time of the last change, unless the file has the title. Answered with 500
    /// while another account has locked the file, and in the trash (docs/DOCSPACE.md A3.1).
    pub async fn rename(
        self,
        file: &FileId,
        title: &str,
        may_send: impl Future<Output = bool>,
    ) -> Result<FileInfo, Error> {
        let path = path::file(file.as_str());
        let body = TitleBody { title };
        let renamed = self
            .transport
            .send_if(may_send, PortalCall::put(path, &body));
        Ok(renamed.await?.response)
    }

    /// Locks a file for the key's user, if `may_send` returns true just before the request, and returns the file as it is
    /// afterwards: the lock of another account stays, without an error. Raises `file.updated` (docs/DOCSPACE.md A9.1).
    pub async fn lock(
        self,
        file: &FileId,
        may_send: impl Future<Output = bool>,
    ) -> Result<FileInfo, Error> {
        let path = path::file(file.as_str()).word("lock");
        let body = LockBody { lock_file: true };
        let locked = self
            .transport
            .send_if(may_send, PortalCall::put(path, &body));
        Ok(locked.await?.response)
    }

    /// Makes a new file of this title in a folder from a file, if `may_send` returns true just before the request, and
    /// returns it. The extension of the title says in which format, and is not the one of the file; a title that is taken
    /// gets a number. Raises `file.created` and `file.uploaded`. The answer comes when the file is converted
    /// (docs/DOCSPACE.md A7.1).
    pub async fn convert(
        self,
        file: &FileId,
        folder: &FolderId,
        title: &str,
        may_send: impl Future<Output = bool>,
    ) -> Result<FileInfo, Error> {
        let path = path::file(file.as_str()).word("copyas");
        let body = CopyAsBody {
            dest_title: title,
            dest_folder_id: folder,
        };
        let converted = self
            .transport
            .send_if(may_send, PortalCall::post(path, &body));
        Ok(converted.await?.response)
    }

    /// Reads the content of a file, of which at most this much is accepted. Raises no event (docs/DOCSPACE.md A9.6).
    pub async fn file_content(self, file: &FileId, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let path = path::content(file.as_str());
        self.transport.download(&path, max_bytes).await
    }

    /// Stores a file of this title and content in a folder, if `may_send` returns true just before the request, and returns
    /// it. Raises `file.created` and `file.uploaded`, also for a new version (docs/DOCSPACE.md A9.5).
    pub async fn upload(
        self,
        folder: &FolderId,
        (title, content): (&str, &[u8]),
        if_exists: IfExists,
        may_send: impl Future<Output = bool>,
    ) -> Result<FileInfo, Error> {
        let path = path::files().id(folder.as_str()).word("insert");
        let form = UploadForm::new(title, content, if_exists);
        let stored = self.transport.send_form_if(may_send, &path, form);
        Ok(stored.await?.response)
    }

    /// Gives tags to a room, if `may_send` returns true just before the request. Unknown tags are created; those that the
    /// room has stay. Raises no event (docs/DOCSPACE.md A8).
    pub async fn add_tags(
        self,
        room: &FolderId,
        names: &[String],
        may_send: impl Future<Output = bool>,
    ) -> Result<(), Error> {
        let path = path::rooms().id(room.as_str()).word("tags");
        let body = TagsBody { names };
        let done = self
            .transport
            .send_if::<IgnoredAny>(may_send, PortalCall::put(path, &body));
        done.await.map(drop)
    }

    /// Reads what the activity log says of a file since this time, without regard to its order. It is written
    /// some seconds late, and entries can be missing; third-party files have none (docs/DOCSPACE.md A1.7).
    pub async fn activities(self, file: &FileId, since: Timestamp) -> Result<Vec<Activity>, Error> {
        let entries = self.log(file, since).await?.into_iter();
        Ok(entries.flat_map(ActivityDto::flatten).collect())
    }

    /// Reads the titles that a file had since this time and has no longer, from its activity log.
    pub async fn old_titles(self, file: &FileId, since: Timestamp) -> Result<Vec<String>, Error> {
        let entries = self.log(file, since).await?.into_iter();
        Ok(entries.flat_map(ActivityDto::old_titles).collect())
    }

    async fn log(self, file: &FileId, since: Timestamp) -> Result<Vec<ActivityDto>, Error> {
        let query = format!("fromDate={since}&count={PAGE_SIZE}");
        let path = path::file(file.as_str()).word("log").query(&query);
        self.transport.read(PortalCall::list(path)).await
    }

    /// Reads a folder or room.
    pub async fn folder(self, folder: &FolderId) -> Result<FolderInfo, Error> {
        self.transport
            .read(PortalCall::get(path::folder(folder.as_str())))
            .await
    }

    /// Reads all folders that are directly in a folder.
    pub async fn subfolders(self, folder: &FolderId) -> Result<Vec<FolderInfo>, Error> {
        let path = path::files().id(folder.as_str()).word("subfolders");
        self.transport.read(PortalCall::list(path)).await
    }

    /// Creates a folder, if `may_send` returns true just before the request, also if there is one of this title. Raises
    /// `folder.created` (docs/DOCSPACE.md A3.4).
    pub async fn create_folder(
        self,
        parent: &FolderId,
        title: &str,
        may_send: impl Future<Output = bool>,
    ) -> Result<FolderInfo, Error> {
        let path = path::folder(parent.as_str());
        let body = TitleBody { title };
        let created = self
            .transport
            .send_if(may_send, PortalCall::post(path, &body));
        Ok(created.await?.response)
    }

    /// Reads a room with its tags (docs/DOCSPACE.md A8).
    pub async fn room(self, room: &FolderId) -> Result<FolderInfo, Error> {
        let path = path::rooms().id(room.as_str());
        self.transport.read(PortalCall::get(path)).await
    }

    /// Reads the folders from the section down to this folder; the room is among them (docs/DOCSPACE.md 5.3).
    pub async fn folder_path(self, folder: &FolderId) -> Result<Vec<FolderInfo>, Error> {
        let path = path::folder(folder.as_str()).word("path");
        self.transport.read(PortalCall::list(path)).await
    }

    /// Reads one page of what is directly in a folder, last changed first, from this entry on.
    pub async fn folder_page(
        self,
        folder: &FolderId,
        start: u64,
    ) -> Result<Page<FolderContent>, Error> {
        let query =
            format!("sortBy=DateAndTime&sortOrder=descending&count={PAGE_SIZE}&startIndex={start}");
        let path = path::files().id(folder.as_str()).query(&query);
        self.content(path, start).await
    }

    /// Reads one page of all files in a folder or room at any depth, first created first, from this entry on
    /// (docs/DOCSPACE.md A11.1).
    pub async fn tree_page(
        self,
        folder: &FolderId,
        start: u64,
    ) -> Result<Page<FolderContent>, Error> {
        let query = format!(
            "filterType=1&sortBy=DateAndTimeCreation&sortOrder=ascending&count={PAGE_SIZE}&startIndex={start}"
        );
        let path = path::files().id(folder.as_str()).query(&query);
        self.content(path, start).await
    }

    /// Reads all pages of what lies directly in a folder, last changed first.
    pub fn folder_pages(
        self,
        folder: &'a FolderId,
    ) -> impl Stream<Item = Result<Page<FolderContent>, Error>> + 'a {
        pages(move |start| self.folder_page(folder, start))
    }

    /// Reads all pages of the rooms that the key can see. The rooms are the folders of a page.
    pub fn room_pages(self) -> impl Stream<Item = Result<Page<FolderContent>, Error>> + 'a {
        pages(move |start| self.room_page(start))
    }

    async fn room_page(self, start: u64) -> Result<Page<FolderContent>, Error> {
        let query = format!("count={PAGE_SIZE}&startIndex={start}");
        self.content(path::rooms().query(&query), start).await
    }

    async fn content(self, path: ApiPath, start: u64) -> Result<Page<FolderContent>, Error> {
        let ContentDto {
            files,
            folders,
            total,
        } = self.transport.read(PortalCall::list(path)).await?;
        let len = files.len() + folders.len();
        let content = FolderContent { files, folders };
        Ok(Page::new(content, start, len, total))
    }
}

#[derive(Serialize)]
struct CommentBody<'a> {
    version: u64,
    comment: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LockBody {
    lock_file: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyAsBody<'a> {
    dest_title: &'a str,
    dest_folder_id: &'a FolderId,
}

#[derive(Serialize)]
struct TagsBody<'a> {
    names: &'a [String],
}

#[derive(Serialize)]
struct TitleBody<'a> {
    title: &'a str,
}

#[derive(Deserialize)]
struct ContentDto {
    #[serde(default)]
    files: Vec<FileInfo>,
    #[serde(default)]
    folders: Vec<FolderInfo>,
    total: Option<u64>,
}
