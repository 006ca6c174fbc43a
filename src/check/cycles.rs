//! Rules that would trigger themselves because a destination is inside a room that they watch. Only the portal
//! knows which folders are inside a room, so such rules cannot be rejected when they are read.

use crate::docspace::Client;
use crate::rules::{alias_watched_folder, find_cycles, unresolved_destinations};

use super::deployment::Deployment;
use crate::finding::Finding;

pub(super) async fn check(deployment: &Deployment, portal: &Client) -> Vec<Finding> {
    let mut rules = deployment.rules().to_vec();
    for (destination, places) in unresolved_destinations(deployment.rules()) {
        // There is already a finding about a destination that cannot be read.
        let Ok(path) = portal.files().folder_path(&destination).await else {
            continue;
        };
        for place in places {
            if path.iter().any(|folder| folder.id == place) {
                alias_watched_folder(&mut rules, &place, &destination);
            }
        }
    }
    find_cycles(&rules)
        .iter()
        .map(|cycle| {
            let message = format!(
                "would trigger themselves, because a destination is inside a watched room: {cycle}; the service \
                 stops such a chain after one round, but fix it: watch another place, or add by_not = \"self\""
            );
            Finding::error("rules", message)
        })
        .collect()
}
