//! What rehearsals leave if they are killed: finds it and removes it, after checking that nothing else is in it.

use std::time::Duration;

use serde_json::Value;

use crate::docspace::{Client, Exchange, Exchanges};
use crate::ids::{FolderId, WebhookId};

use super::session::{Stop, folder_id};

/// What the titles of rooms, folders and webhooks of a rehearsal begin with; its token follows.
const PREFIX: &str = "docspace-courier rehearsal ";

/// What the titles of everything else begin with.
const ENTRY_PREFIX: &str = "rehearsal-";

/// The digits of a token.
const TOKEN_DIGITS: usize = 8;

/// The entries of a page.
const PAGE: usize = 100;

/// How long the deletion of a room may take, and the wait between two looks.
const BOUND: Duration = Duration::from_mins(1);
const INTERVAL: Duration = Duration::from_millis(200);

/// Something that a rehearsal of this account created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    Room { id: FolderId, title: String },
    Folder { id: FolderId, title: String },
    Webhook { id: WebhookId, name: String },
}

impl Leftover {
    /// What it is, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Room { title, .. } => format!("the room “{title}”"),
            Self::Folder { title, .. } => format!("the folder “{title}”"),
            Self::Webhook { name, .. } => format!("the webhook “{name}”"),
        }
    }
}

/// The title of the room, folder or webhook of the rehearsal with this token.
pub(super) fn title_of(token: &str) -> String {
    format!("{PREFIX}{token}")
}

/// Everything that rehearsals of this account created as rooms, as webhooks, and as folders in this room.
pub(super) async fn find(
    portal: Exchanges<'_>,
    account: &str,
    room: Option<&FolderId>,
) -> Result<Vec<Leftover>, Stop> {
    let mut found = Vec::new();
    let mut start = 0;
    loop {
        let page = portal.rooms(PREFIX.trim_end(), start, PAGE).await?;
        let rooms = list(&page, "folders", "list the rooms")?;
        for (id, title) in rooms.iter().filter_map(|room| own(room, account)) {
            found.push(Leftover::Room { id, title });
        }
        start += PAGE;
        if rooms.len() < PAGE {
            break;
        }
    }
    if let Some(room) = room {
        let content = portal.content(room).await?;
        let folders = list(&content, "folders", "list the room")?;
        for (id, title) in folders.iter().filter_map(|folder| own(folder, account)) {
            found.push(Leftover::Folder { id, title });
        }
    }
    // A key that may not read webhooks cannot have created one either.
    let webhooks = portal.webhooks().await?;
    for webhook in webhooks.response().as_array().into_iter().flatten() {
        let configs = &webhook["configs"];
        let name = configs["name"].as_str().unwrap_or_default();
        let is_own = is_title(name) && configs["createdBy"]["id"] == *account;
        if let Some(id) = configs["id"].as_i64().filter(|_| is_own) {
            let (id, name) = (WebhookId(id), name.to_owned());
            found.push(Leftover::Webhook { id, name });
        }
    }
    Ok(found)
}

/// Removes something, and returns once it is gone. A room or folder with anything in it that a rehearsal of this
/// account did not create stays as it is.
pub(super) async fn remove(
    client: &Client,
    account: &str,
    leftover: &Leftover,
) -> Result<(), Stop> {
    let portal = client.exchanges();
    let (id, deleted) = match leftover {
        Leftover::Webhook { id, .. } => return Ok(client.webhooks().delete(*id).await?),
        Leftover::Room { id, .. } => {
            check_content(portal, account, id).await?;
            (id, portal.delete_room(id).await?)
        }
        Leftover::Folder { id, .. } => {
            check_content(portal, account, id).await?;
            (id, portal.delete_folder(id).await?)
        }
    };
    if deleted.status != 200 {
        return Err(Stop::Refused {
            what: "delete it",
            status: deleted.status,
        });
    }
    let gone = async {
        while portal.folder(id).await?.status == 200 {
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    };
    let gone = tokio::time::timeout(BOUND, gone).await;
    gone.unwrap_or(Err(Stop::TooSlow("it was still there")))
}

/// Checks that everything below a folder was created by this account, under a title of a rehearsal.
async fn check_content(
    portal: Exchanges<'_>,
    account: &str,
    folder: &FolderId,
) -> Result<(), Stop> {
    let mut unchecked = vec![folder.clone()];
    while let Some(folder) = unchecked.pop() {
        let content = portal.content(&folder).await?;
        let files = list(&content, "files", "list its files")?;
        let folders = list(&content, "folders", "list its folders")?;
        let total = content.response()["total"].as_u64();
        let is_whole = total.is_none_or(|total| total == (files.len() + folders.len()) as u64);
        let is_own = |entry: &Value| {
            let title = entry["title"].as_str().unwrap_or_default();
            title.starts_with(ENTRY_PREFIX) && entry["createdBy"]["id"] == *account
        };
        if !is_whole || !files.iter().chain(&folders).all(is_own) {
            let sentence = "something in it was not created by a rehearsal";
            return Err(Stop::NotOwn(sentence.to_owned()));
        }
        unchecked.extend(folders.iter().filter_map(|folder| folder_id(&folder["id"])));
    }
    Ok(())
}

fn list(page: &Exchange, member: &str, what: &'static str) -> Result<Vec<Value>, Stop> {
    let status = page.status;
    if status != 200 {
        return Err(Stop::Refused { what, status });
    }
    let entries = page.response()[member].as_array();
    Ok(entries.cloned().unwrap_or_default())
}

/// The id and title of a room or folder, if a rehearsal of this account created it.
fn own(folder: &Value, account: &str) -> Option<(FolderId, String)> {
    let title = folder["title"].as_str().filter(|title| is_title(title))?;
    let is_own = folder["createdBy"]["id"] == *account;
    is_own.then_some((folder_id(&folder["id"])?, title.to_owned()))
}

fn is_title(title: &str) -> bool {
    title.strip_prefix(PREFIX).is_some_and(|token| {
        token.len() == TOKEN_DIGITS && token.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
