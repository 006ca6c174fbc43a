//! What the key reaches beyond the rooms that the rules use. Whoever knows the webhook's secret can have the rules act
//! on any file that the key reaches (docs/SECURITY.md).

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;

use crate::docspace::{Client, Error, FolderInfo};
use crate::finding::Finding;
use crate::ids::FolderId;
use crate::rules::Rule;

use super::deployment::Deployment;
use super::portal::KEY;

/// Rooms named in a finding; there can be thousands.
const NAMED_ROOMS: usize = 3;

const ADVICE: &str =
    "better use the key of a user who is a member of the rooms that the rules use and of no others";

/// The findings; none where the portal does not say enough.
pub(super) async fn check(deployment: &Deployment, portal: &Client) -> Option<Finding> {
    if let Ok(person) = portal.account().current_user().await
        && (person.is_owner || person.is_admin)
    {
        let role = if person.is_owner {
            "the owner"
        } else {
            "an administrator"
        };
        let message = format!("belongs to {role} of the portal, who can read every room: {ADVICE}");
        return Some(Finding::warning(KEY, message));
    }
    let unused = unused_rooms(deployment.rules(), portal).await.ok()??;
    let named: Vec<_> = unused
        .iter()
        .take(NAMED_ROOMS)
        .map(|title| format!("“{title}”"))
        .collect();
    let more = unused.len().saturating_sub(NAMED_ROOMS);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!unused.is_empty()).then(|| {
        let rooms = named.join(", ");
        Finding::warning(
            KEY,
            format!("reaches rooms that no rule uses ({rooms}{more}): {ADVICE}"),
        )
    })
}

/// The titles of the rooms that the key reaches and no rule uses; `None` if a rule is not limited to rooms.
async fn unused_rooms(rules: &[Rule], portal: &Client) -> Result<Option<Vec<String>>, Error> {
    let is_limited = |rule: &Rule| rule.watched_folders().next().is_some();
    if rules.is_empty() || !rules.iter().all(is_limited) {
        return Ok(None);
    }
    let destinations = rules
        .iter()
        .flat_map(|rule| &rule.actions)
        .filter_map(|action| action.properties.named_folder());
    let folders: BTreeSet<&FolderId> = rules
        .iter()
        .flat_map(Rule::watched_folders)
        .chain(destinations)
        .collect();
    let mut used = BTreeSet::new();
    for &folder in &folders {
        let path = portal.files().folder_path(folder).await?;
        used.extend(path.into_iter().map(|folder| folder.id));
    }
    let pages: Vec<_> = portal.files().room_pages().try_collect().await?;
    let rooms = pages.into_iter().flat_map(|page| page.content.folders);
    let is_used = |room: &FolderInfo| {
        // A rule may watch the whole section.
        let section = room.root_folder_id.as_ref();
        used.contains(&room.id) || section.is_some_and(|section| folders.contains(section))
    };
    let unused = rooms.filter(|room| !is_used(room)).map(|room| room.title);
    Ok(Some(unused.collect()))
}
