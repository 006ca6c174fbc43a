//! The destinations of rules: whether they exist and the key may write to them.

use std::collections::BTreeMap;

use crate::docspace::{Client, FolderInfo};
use crate::ids::FolderId;
use crate::rules::{Puts, Rule};
use crate::wire::FolderType;

use super::deployment::Deployment;
use super::folders::unreadable;
use crate::finding::Finding;

/// What rules do with a destination.
#[derive(Clone, Copy, Debug, Default)]
struct DestinationUse {
    copies: bool,
    moves: bool,
}

pub(super) async fn check(deployment: &Deployment, portal: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, usage) in destinations(deployment.rules()) {
        let subject = format!("folder {folder}");
        findings.push(match portal.files().folder(folder).await {
            Ok(folder) => judge(subject, &folder, usage),
            Err(error) => unreadable(subject, &deployment.users_of(folder), &error),
        });
    }
    findings
}

fn destinations(rules: &[Rule]) -> BTreeMap<&FolderId, DestinationUse> {
    let mut destinations: BTreeMap<&FolderId, DestinationUse> = BTreeMap::new();
    for action in rules.iter().flat_map(|rule| &rule.actions) {
        if let Some(folder) = action.properties.named_folder() {
            let usage = destinations.entry(folder).or_default();
            match action.properties.placement.as_ref().map(|it| &it.puts) {
                Some(Puts::Copy) => usage.copies = true,
                Some(Puts::File { .. }) => usage.moves = true,
                Some(Puts::Conversion(_) | Puts::Line { .. }) | None => {}
            }
        }
    }
    destinations
}

fn judge(subject: String, folder: &FolderInfo, usage: DestinationUse) -> Finding {
    let title = &folder.title;
    if folder.is_section() {
        let message = format!(
            "is the section “{title}”, which cannot contain files: use a folder or a room in it"
        );
        return Finding::error(subject, message);
    }
    if let Some(FolderType::Archive | FolderType::Trash) = folder.root_folder_type {
        let message =
            format!("“{title}” is in the archive or the trash: restore it, or use another folder");
        return Finding::error(subject, message);
    }
    if folder.accepts_only_forms() {
        let message = format!(
            "“{title}” is in a form-filling room, which accepts only PDF forms: use another folder"
        );
        return Finding::error(subject, message);
    }
    let needed = folder.security.map(|rights| {
        let copying = usage.copies.then_some(rights.copy_to);
        let moving = usage.moves.then_some(rights.move_to);
        let mut needed = vec![rights.create];
        needed.extend(copying.into_iter().chain(moving));
        needed
    });
    match needed {
        Some(rights) if rights.contains(&Some(false)) => Finding::error(
            subject,
            format!(
                "“{title}” is not writable with this key: make its user a room manager or content creator there"
            ),
        ),
        Some(rights) if rights.iter().all(|right| *right == Some(true)) => {
            Finding::ok(subject, format!("“{title}” is writable with this key"))
        }
        _ => Finding::warning(
            subject,
            format!(
                "“{title}” exists, but the portal does not report whether the key may write to it"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;

    use super::*;

    #[test]
    fn folders_that_can_and_cannot_be_written() {
        let check = |members: &str, severity: Severity| {
            let folder = format!(r#"{{"id": 7, "title": "Inbox", {members}}}"#);
            let folder: FolderInfo = serde_json::from_str(&folder).unwrap();
            let usage = DestinationUse {
                copies: true,
                moves: false,
            };
            let finding = judge("folder 7".to_owned(), &folder, usage);
            assert_eq!(finding.severity, severity, "{members}: {}", finding.message);
        };
        let all = r#""security": {"Create": true, "CopyTo": true, "MoveTo": false}"#;
        check(all, Severity::Ok);
        check(
            r#""security": {"Create": true, "CopyTo": false}"#,
            Severity::Error,
        );
        check(r#""security": {"Create": true}"#, Severity::Warning);
        check(r#""rootFolderId": 1"#, Severity::Warning);
        check(&format!(r#""rootFolderId": 7, {all}"#), Severity::Error);
        check(&format!(r#""rootFolderType": 20, {all}"#), Severity::Error);
        check(&format!(r#""roomType": 1, {all}"#), Severity::Error);
        check(&format!(r#""parentRoomType": 15, {all}"#), Severity::Error);
    }
}
