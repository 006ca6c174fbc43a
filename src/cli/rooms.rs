//! `docspace-courier rooms`: the portal's rooms with their ids, so that a person can fill in the
//! configuration.

use std::pin::pin;
use std::process::ExitCode;

use futures_util::TryStreamExt as _;
use serde::Serialize;

use crate::clock::Clock;
use crate::docspace::{Client, Error, FolderInfo};
use crate::ids::FolderId;
use crate::wire::RoomType;

use super::paint::Paint;
use super::{Environment, say};
use crate::text::clean;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Needs DOCSPACE_API_HOST and DOCSPACE_API_KEY, and a key with the scope rooms:read;\n\
                  --folders needs files:read or files:write, too."
)]
pub struct Args {
    /// List the folders in the rooms, too, however deep.
    #[arg(long)]
    folders: bool,

    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// Calls for folders at the most: the portal takes 1,500 a minute, shared with the key's user.
const CALLS: usize = 1_000;

/// A room, or a folder in one.
#[derive(Debug, Serialize)]
struct Shown {
    id: FolderId,
    kind: &'static str,
    title: String,
    /// How far below its room it lies; 0 for a room.
    depth: usize,
}

/// What is to be listed: the folders directly in this one.
struct Inside {
    folder: FolderId,
    /// How many there are, where the portal says so.
    count: Option<u64>,
    depth: usize,
}

/// What was read.
struct Listing {
    entries: Vec<Shown>,
    /// The section that holds the rooms, and stands for all of them.
    section: Option<FolderId>,
    /// Whether there were more folders than calls for them.
    cut: bool,
}

/// Lists the rooms.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    environment.log_if_asked();
    let portal = environment.portal()?;
    let client = Client::new(&portal.host, portal.key, Clock::system())?;
    let listing = match list(&client, args.folders).await {
        Ok(listing) => listing,
        Err(error) => {
            let explanation = explain(&error);
            return Err(anyhow::Error::new(error).context(explanation));
        }
    };
    if listing.cut {
        eprintln!("docspace-courier: there are more folders than are listed here");
    }
    if args.json {
        say(&format!(
            "{}\n",
            serde_json::to_string_pretty(&listing.entries)?
        ));
    } else {
        say(&render(&listing, Paint::for_stdout()));
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(error: &Error) -> &'static str {
    match error {
        Error::Forbidden => "the key may not list the rooms: it needs the scope rooms:read",
        _ => "the rooms could not be listed",
    }
}

async fn list(portal: &Client, with_folders: bool) -> Result<Listing, Error> {
    let mut listing = Listing {
        entries: Vec::new(),
        section: None,
        cut: false,
    };
    let mut calls = 0;
    let mut pages = pin!(portal.files().room_pages());
    while let Some(page) = pages.try_next().await? {
        for room in page.content.folders {
            listing.section = listing.section.or_else(|| room.root_folder_id.clone());
            let kind = room.room_type.map_or("room", RoomType::name);
            let inside = Inside {
                folder: room.id.clone(),
                count: room.folders_count,
                depth: 1,
            };
            listing.entries.push(Shown::new(room, kind, 0));
            if with_folders {
                list_folders(portal, inside, &mut listing, &mut calls).await?;
            }
        }
    }
    Ok(listing)
}

/// Lists the folders in a room, each followed by what is in it.
async fn list_folders(
    portal: &Client,
    room: Inside,
    listing: &mut Listing,
    calls: &mut usize,
) -> Result<(), Error> {
    let mut open = folders_in(portal, room, listing, calls).await?;
    open.reverse();
    while let Some((folder, depth)) = open.pop() {
        let inside = Inside {
            folder: folder.id.clone(),
            count: folder.folders_count,
            depth: depth + 1,
        };
        listing.entries.push(Shown::new(folder, "folder", depth));
        let below = folders_in(portal, inside, listing, calls).await?;
        open.extend(below.into_iter().rev());
    }
    Ok(())
}

/// The folders directly in one, by title. They stand before the files, so files end the reading.
async fn folders_in(
    portal: &Client,
    inside: Inside,
    listing: &mut Listing,
    calls: &mut usize,
) -> Result<Vec<(FolderInfo, usize)>, Error> {
    let mut folders = Vec::new();
    if inside.count == Some(0) {
        return Ok(folders);
    }
    let mut pages = pin!(portal.files().folder_pages(&inside.folder));
    loop {
        if *calls >= CALLS {
            listing.cut = true;
            return Ok(folders);
        }
        *calls += 1;
        let Some(page) = pages.try_next().await? else {
            break;
        };
        // Folders come before files.
        let is_last = page.is_last() || !page.content.files.is_empty();
        let found = page.content.folders.into_iter();
        folders.extend(found.map(|folder| (folder, inside.depth)));
        if is_last {
            break;
        }
    }
    folders.sort_by_key(|(folder, _)| folder.title.to_lowercase());
    Ok(folders)
}

impl Shown {
    fn new(folder: FolderInfo, kind: &'static str, depth: usize) -> Self {
        Self {
            id: folder.id,
            kind,
            title: folder.title,
            depth,
        }
    }
}

fn render(listing: &Listing, paint: Paint) -> String {
    if listing.entries.is_empty() {
        return "The key's user sees no rooms: invite that user to the rooms the rules are about.\n"
            .to_owned();
    }
    let entries = &listing.entries;
    let ids = entries.iter().map(|entry| entry.id.as_str().len());
    let (ids, kinds) = (
        ids.max().unwrap_or(0).max(2),
        entries
            .iter()
            .map(|entry| entry.kind.len())
            .max()
            .unwrap_or(0),
    );
    let head = format!("{:<ids$}  {:<kinds$}  TITLE", "ID", "KIND");
    let mut lines = vec![paint.strong(&head)];
    lines.extend(entries.iter().map(|entry| {
        let (kind, indent) = (entry.kind, entry.depth * 2);
        let (id, title) = (clean(entry.id.as_str()), clean(&entry.title));
        format!("{id:<ids$}  {kind:<kinds$}  {:indent$}{title}", "")
    }));
    if let Some(section) = &listing.section {
        let remark =
            format!("{section} is the Rooms section; as CLIENT_ROOT_ID it means every room.");
        lines.extend([String::new(), paint.dim(&remark)]);
    }
    lines.join("\n") + "\n"
}
