//! Rules that would feed themselves because a folder they fill lies in a room that they watch. That is known
//! to the portal alone, so the rules could not be refused for it when they were read.

use crate::docspace::Client;
use crate::rules::{alias_watched_folder, find_cycles, unresolved_destinations};

use super::{Deployment, Finding};

pub(super) async fn look(deployment: &Deployment, portal: &Client) -> Vec<Finding> {
    let mut rules = deployment.rules.clone();
    for (destination, places) in unresolved_destinations(&deployment.rules) {
        // A folder that cannot be read is among the findings about destinations already.
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
            let sentence = format!(
                "would feed themselves, as folders lie in each other: {cycle}; the service ends the chain \
                 after one turn, but say what is meant: watch another place, or add by_not = \"self\""
            );
            Finding::wrong("rules", sentence)
        })
        .collect()
}
