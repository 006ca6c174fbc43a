//! The two kinds: copy and move.

use serde::{Deserialize, Serialize};

use crate::actions::attempt::{Context, Outcomes};
use crate::actions::destination::Destination;
#[cfg(test)]
use crate::actions::kind::Example;
use crate::actions::kind::Kind;
use crate::actions::parse::{folder_path, one_of};
use crate::db::StoreError;
use crate::docspace::{Conflict, OperationKind};
use crate::outbox::Action;
use crate::results::ResultName;
use crate::rules::{ActionProperties, FileRight, Placement, Puts};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::folder_path::FolderPath;

use super::{Transfer, below};

/// What to do if a title is taken, as rules name it.
const CONFLICTS: [(&str, Conflict); 3] = [
    ("duplicate", Conflict::Duplicate),
    ("overwrite", Conflict::Overwrite),
    ("skip", Conflict::Skip),
];

/// Copies the file into a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CopyTo {
    /// The destination, or the folder that contains it.
    pub to: Destination,
    /// The path of the destination below that folder. What is missing of it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<FolderPath>,
    /// What to do if the title is taken there.
    #[serde(default, skip_serializing_if = "Conflict::is_default")]
    pub conflict: Conflict,
}

/// Moves the file into a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoveTo {
    /// The destination, or the folder that contains it.
    pub to: Destination,
    /// The path of the destination below that folder. What is missing of it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<FolderPath>,
    /// What to do if the title is taken there.
    #[serde(default, skip_serializing_if = "Conflict::is_default")]
    pub conflict: Conflict,
}

impl Kind for CopyTo {
    const NAME: &'static str = "copy";

    const MAKES: &'static [ResultName] = &[ResultName::Folder];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"copy":{"to":5}}"#,
            described: "copy to folder 5",
        },
        Example {
            stored: r#"{"copy":{"to":5,"path":"{year}/{person}","conflict":"skip"}}"#,
            described: "copy to folder 5/{year}/{person} (skip if the title exists there)",
        },
        Example {
            stored: r#"{"copy":{"to":"{result.folder}"}}"#,
            described: "copy to folder {result.folder}",
        },
    ];

    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let (to, path, conflict) = destination(value)?;
        Some(vec![Self { to, path, conflict }])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("file.copied"),
            needs: Some(FileRight::Copy),
            placement: Some(Placement {
                to: self.to.placed_in(),
                is_below: self.path.is_some(),
                puts: Puts::Copy,
            }),
            ..properties(&self.to, self.path.as_ref(), self.conflict)
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let transfer = (OperationKind::Copy, self.conflict);
        run(context, actions, transfer, &self.to, self.path.as_ref()).await
    }
}

impl Kind for MoveTo {
    const NAME: &'static str = "move";

    const MAKES: &'static [ResultName] = &[ResultName::Folder];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"move":{"to":"drive-1","conflict":"overwrite"}}"#,
        described: "move to folder drive-1 (overwrite a file with the same title)",
    }];

    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let (to, path, conflict) = destination(value)?;
        Some(vec![Self { to, path, conflict }])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            raises: Some("file.moved"),
            needs: Some(FileRight::Move),
            placement: Some(Placement {
                to: self.to.placed_in(),
                is_below: self.path.is_some(),
                puts: Puts::File {
                    overwrites: self.conflict == Conflict::Overwrite,
                },
            }),
            ..properties(&self.to, self.path.as_ref(), self.conflict)
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let transfer = (OperationKind::Move, self.conflict);
        run(context, actions, transfer, &self.to, self.path.as_ref()).await
    }
}

async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    (kind, conflict): (OperationKind, Conflict),
    to: &Destination,
    path: Option<&FolderPath>,
) -> Result<Outcomes<'a>, StoreError> {
    match (to, path) {
        (Destination::Folder(to), None) => {
            let transfer = Transfer { kind, to, conflict };
            super::run(context, actions.iter().collect(), transfer).await
        }
        _ => below::run(context, actions, (kind, conflict), to, path).await,
    }
}

fn properties(to: &Destination, path: Option<&FolderPath>, conflict: Conflict) -> ActionProperties {
    let path = path.map_or_else(String::new, |path| format!("/{path}"));
    ActionProperties {
        uses: to.uses(),
        shares_calls: true,
        target_text: Some(format!("{to}{path}")),
        remark: match conflict {
            Conflict::Duplicate => None,
            Conflict::Overwrite => Some("overwrite a file with the same title"),
            Conflict::Skip => Some("skip if the title exists there"),
        },
        ..ActionProperties::on_file()
    }
}

/// `copy = 5`, or `copy = { to = 5, path = "{year}/{month}", conflict = "skip" }`.
fn destination(value: &FieldValue<'_>) -> Option<(Destination, Option<FolderPath>, Conflict)> {
    let Some(mut table) = value.as_table() else {
        return Some((Destination::parse(value)?, None, Conflict::default()));
    };
    let to = table.required("to", "the destination folder");
    let to = to.and_then(|value| Destination::parse(&value));
    let conflict = match table.field("conflict") {
        None => Some(Conflict::default()),
        Some(value) => one_of(&value, &CONFLICTS),
    };
    let path = match table.field("path") {
        None => Some(None),
        Some(value) => folder_path(&value).map(Some),
    };
    table.finish();
    Some((to?, path?, conflict?))
}
