//! Calls about external links to files (docs/DOCSPACE.md A5.2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::FileId;
use crate::wire;

use super::call::PortalCall;
use super::error::Error;
use super::page::PAGE_SIZE;
use super::path;
use super::transport::Transport;

/// The longest time that a link lasts, in days. The portal refuses links that last longer than ten years.
pub const MAX_LINK_DAYS: i64 = 3_650;

/// The most external links that a file in any room can have. Rooms of some types allow fewer.
pub const MAX_FILE_LINKS: usize = 6;

/// Calls about external links.
#[derive(Clone, Copy, Debug)]
pub struct Links<'a> {
    transport: &'a Transport,
}

/// What a visitor with a link may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkAccess {
    /// Read the file.
    #[default]
    Read,
    /// Comment on it.
    Comment,
    /// Suggest changes.
    Review,
    /// Change it.
    Edit,
    /// Fill in a form.
    FillForms,
}

impl LinkAccess {
    /// DocSpace's number. The portal takes a text that it does not know for an order to delete the link.
    fn number(self) -> u8 {
        match self {
            Self::Read => 2,
            Self::Review => 5,
            Self::Comment => 6,
            Self::FillForms => 7,
            Self::Edit => 10,
        }
    }
}

/// A link as it is wanted.
#[derive(Clone, Debug)]
pub struct WantedLink<'a> {
    /// The GUID that its creator chose. The link that has it is changed.
    pub id: &'a str,
    /// Its title, for the people who manage the links of the file.
    pub title: &'a str,
    /// What visitors may do.
    pub access: LinkAccess,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Whether visitors may download the file.
    pub download: bool,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLink {
    /// Its GUID.
    pub id: String,
    /// Its address.
    pub address: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

impl<'a> Links<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport }
    }

    /// Reads the links to a file, without creating one. Needs the right to share the file.
    pub async fn of_file(self, file: &FileId) -> Result<Vec<FileLink>, Error> {
        let path = path::file(file.as_str()).word("links");
        let path = path.query(&format!("count={PAGE_SIZE}"));
        let shares: Vec<ShareDto> = self.transport.read(PortalCall::list(path)).await?;
        Ok(shares.into_iter().map(FileLink::from).collect())
    }

    /// Creates a link to a file, or changes the one with its GUID, if `may_send` returns true just before the request.
    /// Raises no event.
    ///
    /// The portal makes a link unlimited, without an error, if its end has passed when the portal handles the request.
    pub async fn set(
        self,
        file: &FileId,
        link: &WantedLink<'_>,
        may_send: impl Future<Output = bool>,
    ) -> Result<FileLink, Error> {
        let path = path::file(file.as_str()).word("links");
        let body = LinkBody {
            link_id: link.id,
            title: link.title,
            access: link.access.number(),
            expiration_date: link.expires.map(with_offset),
            internal: false,
            primary: false,
            deny_download: !link.download,
        };
        let set = self
            .transport
            .send_if::<ShareDto>(may_send, PortalCall::put(path, &body));
        Ok(set.await?.response.into())
    }
}

/// The portal reads a date without an offset as its own local time.
fn with_offset(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkBody<'a> {
    link_id: &'a str,
    title: &'a str,
    access: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<String>,
    internal: bool,
    primary: bool,
    deny_download: bool,
}

/// How the portal shows with whom something is shared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShareDto {
    shared_link: LinkDto,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkDto {
    id: String,
    share_link: String,
    #[serde(default, deserialize_with = "wire::optional_time")]
    expiration_date: Option<Timestamp>,
}

impl From<ShareDto> for FileLink {
    fn from(share: ShareDto) -> Self {
        let link = share.shared_link;
        Self {
            id: link.id,
            address: link.share_link,
            expires: link.expiration_date,
        }
    }
}
