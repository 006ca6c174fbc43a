//! `docspace-courier rooms`: lists the portal's rooms with the ids that the configuration needs.

use std::pin::pin;
use std::process::ExitCode;

use futures_util::TryStreamExt as _;
use serde::Serialize;

use crate::clock::Clock;
use crate::config::Settings;
use crate::docspace::{Client, Error, FolderInfo};
use crate::ids::FolderId;
use crate::wire::RoomType;

use super::output::{DIM, Table, print_error, print_json, print_lines, styled, terminal_width};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Needs DOCSPACE_API_HOST and DOCSPACE_API_KEY, and a key with the scope rooms:read; \
                  --folders also needs files:read or files:write."
)]
pub struct Args {
    /// Also list the folders in the rooms, at any depth.
    #[arg(long)]
    folders: bool,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// Maximum number of calls for folders: the portal allows 1,500 a minute, shared with the key's user.
const MAX_CALLS: usize = 1_000;

/// A room, or a folder in one.
#[derive(Debug, Serialize)]
struct RoomEntry {
    id: FolderId,
    kind: &'static str,
    title: String,
    /// The depth below the room; 0 for the room itself.
    depth: usize,
}

/// A folder whose direct subfolders are to be listed.
struct Parent {
    folder: FolderId,
    /// How many subfolders it has, if the portal says so.
    count: Option<u64>,
    depth: usize,
}

/// The rooms and folders found.
struct RoomListing {
    entries: Vec<RoomEntry>,
    /// The section that contains the rooms; its id means all of them.
    section: Option<FolderId>,
    /// Whether folders are missing because of [`MAX_CALLS`].
    truncated: bool,
}

/// Lists the rooms.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let portal = settings.portal()?;
    let client = portal.client(Clock::system())?;
    let listing = match list(&client, args.folders).await {
        Ok(listing) => listing,
        Err(error) => {
            let explanation = explain(&error);
            return Err(anyhow::Error::new(error).context(explanation));
        }
    };
    if listing.truncated {
        print_error("there are more folders than are listed here");
    }
    if args.json {
        print_json(&listing.entries)?;
    } else {
        print_lines(render(&listing));
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(error: &Error) -> &'static str {
    match error {
        Error::Forbidden => "the key may not list the rooms: it needs the scope rooms:read",
        _ => "the rooms could not be listed",
    }
}

async fn list(portal: &Client, with_folders: bool) -> Result<RoomListing, Error> {
    let mut listing = RoomListing {
        entries: Vec::new(),
        section: None,
        truncated: false,
    };
    let mut calls = 0;
    let mut pages = pin!(portal.files().room_pages());
    while let Some(page) = pages.try_next().await? {
        for room in page.content.folders {
            listing.section = listing.section.or_else(|| room.root_folder_id.clone());
            let kind = room.room_type.map_or("room", RoomType::name);
            let parent = Parent {
                folder: room.id.clone(),
                count: room.folders_count,
                depth: 1,
            };
            listing.entries.push(RoomEntry::new(room, kind, 0));
            if with_folders {
                list_folders(portal, parent, &mut listing, &mut calls).await?;
            }
        }
    }
    Ok(listing)
}

/// Lists the folders in a room, each followed by its subfolders.
async fn list_folders(
    portal: &Client,
    room: Parent,
    listing: &mut RoomListing,
    calls: &mut usize,
) -> Result<(), Error> {
    let mut open = folders_in(portal, room, listing, calls).await?;
    open.reverse();
    while let Some((folder, depth)) = open.pop() {
        let parent = Parent {
            folder: folder.id.clone(),
            count: folder.folders_count,
            depth: depth + 1,
        };
        listing
            .entries
            .push(RoomEntry::new(folder, "folder", depth));
        let below = folders_in(portal, parent, listing, calls).await?;
        open.extend(below.into_iter().rev());
    }
    Ok(())
}

/// The direct subfolders, ordered by title.
async fn folders_in(
    portal: &Client,
    parent: Parent,
    listing: &mut RoomListing,
    calls: &mut usize,
) -> Result<Vec<(FolderInfo, usize)>, Error> {
    let mut folders = Vec::new();
    if parent.count == Some(0) {
        return Ok(folders);
    }
    let mut pages = pin!(portal.files().folder_pages(&parent.folder));
    loop {
        if *calls >= MAX_CALLS {
            listing.truncated = true;
            return Ok(folders);
        }
        *calls += 1;
        let Some(page) = pages.try_next().await? else {
            break;
        };
        // The portal lists folders before files, so no more folders follow the first file.
        let is_last = page.is_last() || !page.content.files.is_empty();
        let found = page.content.folders.into_iter();
        folders.extend(found.map(|folder| (folder, parent.depth)));
        if is_last {
            break;
        }
    }
    folders.sort_by_key(|(folder, _)| folder.title.to_lowercase());
    Ok(folders)
}

impl RoomEntry {
    fn new(folder: FolderInfo, kind: &'static str, depth: usize) -> Self {
        Self {
            id: folder.id,
            kind,
            title: folder.title,
            depth,
        }
    }
}

fn render(listing: &RoomListing) -> Vec<String> {
    if listing.entries.is_empty() {
        let message = "The user of the key sees no rooms: invite that user to the rooms that the rules are about.";
        return vec![message.to_owned()];
    }
    let mut table = Table::with_header(["ID", "KIND", "TITLE"]);
    for entry in &listing.entries {
        let indent = "  ".repeat(entry.depth);
        let title = format!("{indent}{}", entry.title);
        table.row([entry.id.to_string(), entry.kind.to_owned(), title]);
    }
    let mut lines = table.lines(terminal_width());
    if let Some(section) = &listing.section {
        let remark =
            format!("{section} is the Rooms section; as CLIENT_ROOT_ID it matches every room.");
        lines.extend([String::new(), styled(DIM, &remark)]);
    }
    lines
}
