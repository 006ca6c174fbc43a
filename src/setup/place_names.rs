//! The names of the chosen rooms and folders, read from the portal once and kept in the draft.

use crate::docspace::{Client, Error, FolderInfo};
use crate::ids::FolderId;

use super::job::Job;
use super::state::Setup;

/// The name of a room or folder with those of the folders around it, and with what it means if it is the Rooms section.
pub(super) async fn full_name(portal: &Client, folder: &FolderInfo) -> Result<String, Error> {
    if folder.is_section() {
        return Ok(format!("Every room ({})", folder.title));
    }
    let path = portal.files().folder_path(&folder.id).await?;
    let below_section = path.iter().filter(|folder| !folder.is_section());
    let titles: Vec<&str> = below_section.map(|folder| folder.title.as_str()).collect();
    if titles.is_empty() {
        return Ok(folder.title.clone());
    }
    Ok(titles.join(" / "))
}

/// Reads the names that are not known yet, such as those of ids in an env file that was written by hand. Where the portal
/// does not show one, it stays unknown.
pub(super) async fn look_up(setup: &Setup) -> anyhow::Result<()> {
    let proposal = setup.proposal()?;
    let places = [Job::Copy, Job::Invoice].into_iter().flat_map(Job::places);
    let ids = places.map(|place| proposal.value(place.variable()).to_owned());
    let unknown: Vec<String> = ids
        .filter(|id| !id.is_empty() && proposal.name_of(id).is_none())
        .collect();
    let deployment = proposal.deployment(setup.clock());
    let Some(portal) = deployment.client().filter(|_| !unknown.is_empty()) else {
        return Ok(());
    };
    for id in unknown {
        let Ok(folder_id) = id.parse::<FolderId>() else {
            continue;
        };
        if let Ok(folder) = portal.files().folder(&folder_id).await
            && let Ok(name) = full_name(portal, &folder).await
        {
            setup.change(|draft| draft.set_name(&id, &name))?;
        }
    }
    Ok(())
}
