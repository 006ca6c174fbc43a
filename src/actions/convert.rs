//! Convert: makes a new file from the file, in another format.
//!
//! The portal converts while the call waits, and may finish after its answer was lost, so the new file is searched for
//! before the call is repeated (docs/DOCSPACE.md A7.1). Only formats are offered that the portal tries to make of
//! anything: for other ones it stores the original's content under the new title, without an error.

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, converted_title, has_extension};
use crate::ids::FolderId;
use crate::outbox::{self, Action, ActionResult, ClaimStatus};
use crate::results::ResultName;
use crate::rules::{ActionProperties, FileRight, PlacedIn, Placement, Puts};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::current_file::current_file;
use super::destination::Destination;
use super::failpoint::Failpoint;
use super::intent;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::new_file::{self, NewFile, refused_in_folder};
use super::parse::one_of;
use super::portal_error::unreadable_file;

/// A format that the portal makes of any file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Pdf,
    Docx,
    Xlsx,
    Pptx,
}

/// The formats as rules name them, which are their extensions.
const FORMATS: [(&str, Format); 4] = [
    ("pdf", Format::Pdf),
    ("docx", Format::Docx),
    ("xlsx", Format::Xlsx),
    ("pptx", Format::Pptx),
];

/// Makes a new file in another format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Convert {
    /// The format.
    pub format: Format,
    /// The folder for the new file; the one that the file is in if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Destination>,
}

impl Kind for Convert {
    const NAME: &'static str = "convert";

    const MAKES: &'static [ResultName] = &[ResultName::Folder, ResultName::File];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"convert":{"format":"pdf"}}"#,
            described: "convert to folder of the file (as PDF)",
        },
        Example {
            stored: r#"{"convert":{"format":"docx","to":5}}"#,
            described: "convert to folder 5 (as DOCX)",
        },
    ];

    /// `convert = "pdf"`, or `convert = { format = "pdf", to = 5 }`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let Some(mut table) = value.as_table() else {
            let format = one_of(value, &FORMATS)?;
            return Some(vec![Self { format, to: None }]);
        };
        let format = table.required("format", "the format, such as \"pdf\"");
        let format = format.and_then(|value| one_of(&value, &FORMATS));
        let to = match table.field("to") {
            None => Some(None),
            Some(value) => Destination::parse(&value).map(Some),
        };
        table.finish();
        Some(vec![Self {
            format: format?,
            to: to?,
        }])
    }

    fn properties(&self) -> ActionProperties {
        let to = self.to.as_ref();
        ActionProperties {
            raises: Some("file.created"),
            needs: to.is_none().then_some(FileRight::CreateFile),
            placement: Some(Placement {
                to: to.map_or(PlacedIn::Beside, Destination::placed_in),
                is_below: false,
                puts: Puts::Conversion(self.format.extension()),
            }),
            uses: to.map_or_else(Vec::new, Destination::uses),
            target_text: Some(to.map_or_else(|| "of the file".to_owned(), ToString::to_string)),
            remark: Some(match self.format {
                Format::Pdf => "as PDF",
                Format::Docx => "as DOCX",
                Format::Xlsx => "as XLSX",
                Format::Pptx => "as PPTX",
            }),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| convert(context, action, self)).await
    }
}

impl Format {
    fn extension(self) -> &'static str {
        let mut formats = FORMATS.iter();
        let found = formats.find(|(_, format)| *format == self);
        found.map_or("pdf", |(extension, _)| extension)
    }
}

async fn convert(
    context: &Context<'_>,
    action: &Action,
    plan: &Convert,
) -> Result<AttemptOutcome, StoreError> {
    let extension = plan.format.extension();
    let title = converted_title(&action.title, extension);
    // The folder was stored before the call.
    if let (Some(intent), Some(folder)) = (&action.intent, &action.destination) {
        match new_file::find(context, action, intent, (folder, &title)).await? {
            NewFile::Created(outcome) | NewFile::Unknown(outcome) => return Ok(outcome),
            NewFile::NotApplied => {}
        }
    }
    let id = current_file(context, action).await?;
    let source = match context.portal.files().file(&id).await {
        Ok(source) if source.in_trash => return Ok(AttemptOutcome::in_trash()),
        Ok(source) => source,
        Err(error) => return Ok(unreadable_file(context, &error).await),
    };
    if has_extension(&source.title, extension) {
        return Ok(AttemptOutcome::Done(ActionResult {
            note: Some("not converted: the file has that format already".to_owned()),
            named: new_file::results(&source),
            ..ActionResult::default()
        }));
    }
    let folder = match &plan.to {
        None => source.folder.clone(),
        Some(to) => {
            let report = Report::load(context, action).await?;
            match to.resolve(&report.results) {
                Ok(folder) => folder,
                Err(outcome) => return Ok(outcome),
            }
        }
    };
    call(context, action, &source, (&folder, &title)).await
}

/// Makes the call for a file of which no earlier one has made, or will make, a new file.
async fn call(
    context: &Context<'_>,
    action: &Action,
    source: &FileInfo,
    (folder, title): (&FolderId, &str),
) -> Result<AttemptOutcome, StoreError> {
    let (claim, to, written) = (action.claim, folder.clone(), title.to_owned());
    let stored = context
        .db
        .write(move |sql| outbox::store_destination(sql, claim, &to, &written));
    if stored.await? == ClaimStatus::Lost {
        return Ok(AttemptOutcome::ClaimLost);
    }
    let intent = intent::new(context);
    let mut ended = Outcomes::new();
    let held = intent::store(context, [action], &intent, &mut ended).await?;
    let Some(unconfirmed) = held.into_iter().next() else {
        return Ok(AttemptOutcome::ClaimLost);
    };
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let files = context.portal.files();
    let may_send = context.holds_claims(vec![claim]);
    let converted = files.convert(&source.id, folder, title, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match converted {
        Ok(file) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            new_file::created(&file, file.updated)
        }
        Err(Error::Forbidden | Error::NotFound) => refused(context, action, source, folder).await,
        Err(error) => unconfirmed.call_failed(context, &error).1,
    })
}

/// The outcome for a conversion that the portal refuses. It says neither whether that is because of the file or of the
/// folder, nor whether either is gone or a right is missing.
async fn refused(
    context: &Context<'_>,
    action: &Action,
    source: &FileInfo,
    folder: &FolderId,
) -> AttemptOutcome {
    if let Err(error) = context.portal.files().file(&source.id).await {
        return unreadable_file(context, &error).await;
    }
    refused_in_folder(context, action, folder).await
}
