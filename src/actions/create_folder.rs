//! Create folder: finds or creates the folder at a path made from a template, and leaves it as a result.
//!
//! Nothing is stored with the action: what may be in flight is stored with the folder (`folder_creation.rs`), for whichever
//! action needs it next.

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::ids::FolderId;
use crate::outbox::{Action, ActionResult};
use crate::results::{ResultName, Results};
use crate::rules::{ActionProperties, FileRight, NewFolder, WorksOn};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::folder_path::FolderPath;

use super::attempt::{AttemptOutcome, Context, Outcomes};
use super::destination::Destination;
use super::event_room::event_room;
use super::folder_finder::FolderFinder;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::parse::folder_path;
use super::path_titles::PathTitles;

/// Finds or creates a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateFolder {
    /// Its path. What is missing of it is created.
    pub path: FolderPath,
    /// The folder below which the path begins; the room of the event if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Destination>,
}

impl Kind for CreateFolder {
    const NAME: &'static str = "create_folder";

    const MAKES: &'static [ResultName] = &[ResultName::Folder];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"create_folder":{"path":"Contracts"}}"#,
            described: "create_folder “Contracts” in the room",
        },
        Example {
            stored: r#"{"create_folder":{"path":"{year}/{name}","below":5}}"#,
            described: "create_folder “{year}/{name}” below folder 5",
        },
    ];

    /// `create_folder = "Contracts"`, or `create_folder = { path = "{year}/{name}", below = 5 }`. Each path of a list is
    /// an action of its own.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let Some(mut table) = value.as_table() else {
            return plans(value, None);
        };
        let path = table.required("path", "the path of the folder, such as \"{year}\"");
        let below = match table.field("below") {
            None => Some(None),
            Some(value) => Destination::parse(&value).map(Some),
        };
        table.finish();
        plans(&path?, below?.as_ref())
    }

    fn properties(&self) -> ActionProperties {
        let (new_folder, place) = match &self.below {
            None => (NewFolder::InRoom, "in the room".to_owned()),
            Some(Destination::NewRoom) => (NewFolder::InNewRoom, "in the new room".to_owned()),
            Some(below) => (
                NewFolder::Below(below.folder().cloned()),
                format!("below folder {below}"),
            ),
        };
        let is_in_room = self.below.is_none();
        ActionProperties {
            works_on: if is_in_room {
                WorksOn::Room
            } else {
                WorksOn::Anything
            },
            raises: Some("folder.created"),
            needs: is_in_room.then_some(FileRight::CreateFolder),
            uses: self.below.as_ref().map_or_else(Vec::new, Destination::uses),
            new_folder: Some(new_folder),
            target_text: Some(format!("“{}” {place}", self.path)),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let mut finder = FolderFinder::new(context);
        let mut titles = PathTitles::default();
        let mut ended = Outcomes::new();
        for action in actions {
            let report = Report::load(context, action).await?;
            let root = self.root(context, action, &report).await?;
            let titles = titles.titles(context, action, &report, &self.path).await?;
            let found = match (root, titles) {
                (Ok(root), Ok(titles)) => finder.find_or_create(&root, &titles, action).await?,
                (Err(outcome), _) | (_, Err(outcome)) => Err(outcome),
            };
            ended.push((action, found.map_or_else(|outcome| outcome, done)));
        }
        Ok(ended)
    }
}

impl CreateFolder {
    /// The folder below which the path begins.
    async fn root(
        &self,
        context: &Context<'_>,
        action: &Action,
        report: &Report,
    ) -> Result<Result<FolderId, AttemptOutcome>, StoreError> {
        match &self.below {
            Some(below) => Ok(below.resolve(&report.results)),
            None => event_room(context, action).await,
        }
    }
}

/// A plan for each path.
fn plans(paths: &FieldValue<'_>, below: Option<&Destination>) -> Option<Vec<CreateFolder>> {
    let paths = paths.items().into_iter();
    let plans = paths.map(|path| {
        Some(CreateFolder {
            path: folder_path(&path)?,
            below: below.cloned(),
        })
    });
    plans.collect()
}

fn done(folder: FolderId) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        note: Some(format!("it is folder {folder}")),
        named: Results::one(ResultName::Folder, folder.as_str()),
        folder: Some(folder),
        ..ActionResult::default()
    })
}
