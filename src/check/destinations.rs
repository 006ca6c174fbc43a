//! The folders that rules put files into: whether they exist, and whether this key may write there.

use std::collections::BTreeMap;

use crate::docspace::{Client, FolderInfo};
use crate::ids::FolderId;
use crate::rules::{ActionPlan, Rule};
use crate::wire::FolderType;

use super::sources::unread;
use super::{Deployment, Finding};

/// What rules put into one folder.
#[derive(Clone, Copy, Debug, Default)]
struct Incoming {
    copies: bool,
    moves: bool,
}

pub(super) async fn look(deployment: &Deployment, portal: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, incoming) in destinations(&deployment.rules) {
        let subject = format!("folder {folder}");
        findings.push(match portal.files().folder(folder).await {
            Ok(folder) => takes(subject, &folder, incoming),
            Err(error) => unread(subject, &error),
        });
    }
    findings
}

fn destinations(rules: &[Rule]) -> BTreeMap<&FolderId, Incoming> {
    let mut destinations: BTreeMap<&FolderId, Incoming> = BTreeMap::new();
    for action in rules.iter().flat_map(|rule| &rule.actions) {
        if let Some(folder) = action.destination() {
            let incoming = destinations.entry(folder).or_default();
            incoming.copies |= matches!(action, ActionPlan::Copy { .. });
            incoming.moves |= matches!(action, ActionPlan::Move { .. });
        }
    }
    destinations
}

fn takes(subject: String, folder: &FolderInfo, incoming: Incoming) -> Finding {
    let title = &folder.title;
    if folder.is_section() {
        let sentence = format!(
            "is the section “{title}”, which takes no files: name a folder or a room in it"
        );
        return Finding::wrong(subject, sentence);
    }
    if let Some(FolderType::Archive | FolderType::Trash) = folder.root_folder_type {
        let sentence =
            format!("“{title}” is in the archive or the trash: restore it, or name another");
        return Finding::wrong(subject, sentence);
    }
    if folder.takes_only_forms() {
        let sentence = format!(
            "“{title}” is in a form-filling room, which refuses every file but PDF forms: name another"
        );
        return Finding::wrong(subject, sentence);
    }
    let needed = folder.security.map(|rights| {
        let copying = incoming.copies.then_some(rights.copy_to);
        let moving = incoming.moves.then_some(rights.move_to);
        let mut needed = vec![rights.create];
        needed.extend(copying.into_iter().chain(moving));
        needed
    });
    match needed {
        Some(rights) if rights.contains(&Some(false)) => Finding::wrong(
            subject,
            format!(
                "“{title}” may not be written by this key: make its user a room manager or content \
                 creator there"
            ),
        ),
        Some(rights) if rights.iter().all(|right| *right == Some(true)) => {
            Finding::good(subject, format!("“{title}” can be written with this key"))
        }
        _ => Finding::warning(
            subject,
            format!("“{title}” exists; the portal does not say whether this key may write there"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    #[test]
    fn what_a_folder_says_of_itself() {
        let check = |members: &str, mark: Mark| {
            let folder = format!(r#"{{"id": 7, "title": "Inbox", {members}}}"#);
            let folder: FolderInfo = serde_json::from_str(&folder).unwrap();
            let incoming = Incoming {
                copies: true,
                moves: false,
            };
            let finding = takes("folder 7".to_owned(), &folder, incoming);
            assert_eq!(finding.mark, mark, "{members}: {}", finding.sentence);
        };
        let all = r#""security": {"Create": true, "CopyTo": true, "MoveTo": false}"#;
        check(all, Mark::Good);
        check(
            r#""security": {"Create": true, "CopyTo": false}"#,
            Mark::Wrong,
        );
        check(r#""security": {"Create": true}"#, Mark::Warning);
        check(r#""rootFolderId": 1"#, Mark::Warning);
        check(&format!(r#""rootFolderId": 7, {all}"#), Mark::Wrong);
        check(&format!(r#""rootFolderType": 20, {all}"#), Mark::Wrong);
        check(&format!(r#""roomType": 1, {all}"#), Mark::Wrong);
        check(&format!(r#""parentRoomType": 15, {all}"#), Mark::Wrong);
    }
}
