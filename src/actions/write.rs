//! Write: appends a line to a small text or CSV file, which is created if there is none.
//!
//! The portal has no call that appends, so the file is read and stored again with one line more (docs/DOCSPACE.md A9.5,
//! A9.6). Only one action at a time works on a title in a folder, also across instances (the outbox's `target`). Each line
//! has a mark, so that an attempt after a crash or a lost answer finds the line instead of writing it again.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, IfExists, LockHolder, file_title};
use crate::ids::FolderId;
use crate::outbox::{Action, ActionResult};
use crate::results::{ResultName, Results};
use crate::rules::{ActionProperties, PlacedIn, Placement, Puts, WorksOn};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::line::{LineField, LineTemplate, LineValues};
use crate::template::title::{TitleTemplate, TitleValues};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::failpoint::Failpoint;
use super::intent::{self, Unconfirmed};
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::{Report, message_id};
use super::new_file::refused_in_folder;
use super::parse::{LineLimit, template};
use super::portal_error::{failed_call, refused_without_cause};
use super::portal_view::same_title;

/// The largest file that lines are appended to, in bytes: all of it is read and stored again for each line.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// How many hexadecimal digits the mark of a line has.
const MARK_DIGITS: usize = 16;

/// What a CSV file begins with, so that spreadsheet programs read it as UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The extensions of files that lines are appended to.
const EXTENSIONS: [&str; 2] = ["csv", "txt"];

/// Appends a line to a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Write {
    /// The folder of the file.
    pub to: FolderId,
    /// The title of the file, which ends with one of `.csv` or `.txt`.
    pub title: TitleTemplate,
    /// The line.
    pub line: Line,
}

/// A line as rules write it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A line of text.
    Text(LineTemplate),
    /// The fields of a CSV row.
    Row(Vec<LineTemplate>),
}

impl Kind for Write {
    const NAME: &'static str = "write";

    const MAKES: &'static [ResultName] = &[ResultName::File];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"write":{"to":5,"title":"{year}.csv","line":["{time}","{title}"]}}"#,
            described: "write to folder 5/{year}.csv",
        },
        Example {
            stored: r#"{"write":{"to":5,"title":"log.txt","line":"{time} {title}"}}"#,
            described: "write to folder 5/log.txt",
        },
    ];

    /// `write = { to = 5, title = "log.csv", line = ["{time}", "{title}"] }`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let example = "{ to = 5, title = \"log.csv\", line = [\"{time}\", \"{title}\"] }";
        let mut table = value.table(example)?;
        let to = table.required("to", "the folder of the file");
        let title = table.required("title", "the title of the file, such as \"log.csv\"");
        let line = table.required("line", "the line, such as [\"{time}\", \"{title}\"]");
        table.finish();
        let to = to.and_then(|to| to.folder_id());
        let (title, extension) = file_to_write(&title?)?;
        let line = match extension {
            "csv" => Line::Row(line?.items().iter().map(one_line).collect::<Option<_>>()?),
            _ => Line::Text(one_line(&line?)?),
        };
        Some(vec![Self {
            to: to?,
            title,
            line,
        }])
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            works_on: WorksOn::Anything,
            raises: Some("file.created"),
            placement: Some(Placement {
                to: PlacedIn::Folder(self.to.clone()),
                is_below: false,
                puts: Puts::Line {
                    title: self.title.clone(),
                    extension: extension(&self.title).unwrap_or_default(),
                },
            }),
            uses: self
                .line
                .templates()
                .flat_map(LineTemplate::results)
                .collect(),
            target_text: Some(format!("{}/{}", self.to, self.title)),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| write(context, action, self)).await
    }
}

impl Line {
    fn templates(&self) -> impl Iterator<Item = &LineTemplate> {
        match self {
            Self::Text(template) => std::slice::from_ref(template).iter(),
            Self::Row(fields) => fields.iter(),
        }
    }
}

/// The title of a file that lines can be appended to, and its extension.
fn file_to_write(value: &FieldValue<'_>) -> Option<(TitleTemplate, &'static str)> {
    let title: TitleTemplate = template(value, LineLimit::One)?;
    let found = extension(&title);
    if found.is_none() {
        value.report("must end with .csv or .txt");
    }
    Some((title, found?))
}

fn extension(title: &TitleTemplate) -> Option<&'static str> {
    let title = title.to_string().to_lowercase();
    let mut extensions = EXTENSIONS.into_iter();
    extensions.find(|extension| title.ends_with(&format!(".{extension}")))
}

fn one_line(value: &FieldValue<'_>) -> Option<LineTemplate> {
    template(value, LineLimit::One)
}

async fn write(
    context: &Context<'_>,
    action: &Action,
    plan: &Write,
) -> Result<AttemptOutcome, StoreError> {
    let began_at = context.portal.portal_time();
    let report = Report::load(context, action).await?;
    let values = TitleValues {
        title: &action.title,
        happened_at: report.event.happened_at.unwrap_or_default(),
        rule: &action.rule,
    };
    let title = file_title(&plan.title.render(|field| values.value(field)));
    let id = message_id(context, action, Write::NAME);
    let mark = id.get(..MARK_DIGITS).unwrap_or(&id);
    let present = read(context, action, &plan.to, &title).await;
    if let Ok(Some((file, text))) = &present
        && contains(text, mark.as_bytes())
    {
        return Ok(written(file));
    }
    // The read may have corrected what is known of the portal's clock.
    let now = began_at.min(context.portal.portal_time());
    let in_flight = action.intent.clone();
    let in_flight = in_flight.filter(|intent| now < intent.in_flight_until);
    let present = match (present, in_flight) {
        (Ok(_) | Err(AttemptOutcome::Denied { .. }), Some(intent)) => {
            let reason = "the portal may still be processing a call whose response was lost";
            let unconfirmed = Unconfirmed { action, intent };
            return Ok(unconfirmed.search_again(context, began_at, reason).1);
        }
        (Ok(present), None) => present,
        (Err(outcome), _) => return Ok(outcome.keeping(action.intent.clone())),
    };
    if let Some((file, _)) = &present
        && (file.open || file.lock == Some(LockHolder::Other))
    {
        return Ok(AttemptOutcome::busy(file));
    }
    let person = match person(context, &report, &plan.line).await {
        Ok(person) => person,
        Err(outcome) => return Ok(outcome),
    };
    let results = report.results_for_people(context.portal.host());
    let values = LineValues {
        title: values,
        happened_at: values.happened_at,
        event: report.event.trigger.as_ref().map_or("", |it| it.as_str()),
        person: &person,
        results: &results,
    };
    let text = with_line(present.as_ref(), &plan.line, &values, mark);
    if text.len() > MAX_FILE_BYTES {
        return Ok(full());
    }
    let (title, if_exists) = match present {
        // The portal may tell titles apart by case.
        Some((file, _)) => (file.title, IfExists::Overwrite),
        None => (title, IfExists::Number),
    };
    store(context, action, plan, (&title, &text, if_exists)).await
}

/// The newest file of this title in a folder, with its content.
async fn read(
    context: &Context<'_>,
    action: &Action,
    folder: &FolderId,
    title: &str,
) -> Result<Option<(FileInfo, Vec<u8>)>, AttemptOutcome> {
    let files = context.portal.files();
    let file = match find(context, folder, title).await {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(None),
        Err(Error::Forbidden | Error::NotFound) => {
            return Err(refused_in_folder(context, action, folder).await);
        }
        Err(error) => return Err(failed_call(context, &error, None)),
    };
    if file.size_bytes > MAX_FILE_BYTES as u64 {
        return Err(full());
    }
    match files.file_content(&file.id, MAX_FILE_BYTES).await {
        Ok(text) if contains(&text, &[0]) => Err(AttemptOutcome::Dead {
            code: "not_text",
            reason: format!("the file {} is not a text in UTF-8", file.id),
            intent: None,
        }),
        Ok(text) => Ok(Some((file, text))),
        Err(Error::Forbidden) => Err(refused_without_cause(action, || {
            AttemptOutcome::no_right("this key's user may not download the file with the lines")
        })),
        Err(Error::TooLong { .. }) => Err(full()),
        Err(Error::NotFound) => Err(AttemptOutcome::failed("the file has just been deleted")),
        Err(error) => Err(failed_call(context, &error, None)),
    }
}

/// Of several files of a title the one that changed last, which has all lines.
async fn find(
    context: &Context<'_>,
    folder: &FolderId,
    title: &str,
) -> Result<Option<FileInfo>, Error> {
    let mut pages = pin!(context.portal.files().folder_pages(folder));
    while let Some(page) = pages.try_next().await? {
        let mut files = page.content.files.into_iter();
        if let Some(file) = files.find(|file| same_title(&file.title, title)) {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The name of the account that acted, if the line contains it, else its id.
async fn person(
    context: &Context<'_>,
    report: &Report,
    line: &Line,
) -> Result<String, AttemptOutcome> {
    let names_person = |template: &LineTemplate| template.contains(LineField::Person);
    let Some(actor) = &report.event.actor else {
        return Ok(String::new());
    };
    if !line.templates().any(names_person) {
        return Ok(String::new());
    }
    match context.portal.people().account(actor).await {
        Ok(profile) if !profile.display_name.is_empty() => Ok(profile.display_name),
        // The account is gone, or the key's user may not read it.
        Ok(_) | Err(Error::NotFound | Error::Forbidden) => Ok(actor.clone()),
        Err(error) => Err(failed_call(context, &error, None)),
    }
}

/// The content of the file with one line more.
fn with_line(
    present: Option<&(FileInfo, Vec<u8>)>,
    line: &Line,
    values: &LineValues<'_>,
    mark: &str,
) -> Vec<u8> {
    let mut text = match (present, line) {
        (Some((_, text)), _) => text.clone(),
        (None, Line::Row(_)) => BYTE_ORDER_MARK.to_vec(),
        (None, Line::Text(_)) => Vec::new(),
    };
    let ends_line = text.is_empty() || text == BYTE_ORDER_MARK || text.ends_with(b"\n");
    if !ends_line {
        text.push(b'\n');
    }
    let line = match line {
        Line::Text(template) => values.line(template, mark),
        Line::Row(fields) => values.row(fields, mark),
    };
    text.extend_from_slice(line.as_bytes());
    text
}

/// Stores the new content, of which no earlier call of the action has stored, or will store, the line.
async fn store(
    context: &Context<'_>,
    action: &Action,
    plan: &Write,
    (title, text, if_exists): (&str, &[u8], IfExists),
) -> Result<AttemptOutcome, StoreError> {
    let intent = intent::new(context);
    let mut ended = Outcomes::new();
    let held = intent::store(context, [action], &intent, &mut ended).await?;
    let Some(unconfirmed) = held.into_iter().next() else {
        return Ok(AttemptOutcome::ClaimLost);
    };
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let files = context.portal.files();
    let may_send = context.holds_claims(vec![action.claim]);
    let stored = files.upload(&plan.to, (title, text), if_exists, may_send);
    let stored = stored.await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match stored {
        Ok(file) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            written(&file)
        }
        Err(Error::Forbidden | Error::NotFound) => {
            refused_in_folder(context, action, &plan.to).await
        }
        Err(error) => unconfirmed.call_failed(context, &error).1,
    })
}

/// The outcome for a file that has the line. It leaves no folder: the file of the event is where it was.
fn written(file: &FileInfo) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        file: Some(file.id.clone()),
        changed_at: Some(file.updated),
        note: Some(format!("it is in file {}, “{}”", file.id, file.title)),
        named: Results::one(ResultName::File, file.id.as_str()),
        ..ActionResult::default()
    })
}

fn full() -> AttemptOutcome {
    AttemptOutcome::Dead {
        code: "file_full",
        reason: format!(
            "the file would be larger than {MAX_FILE_BYTES} bytes: use a title with {{month}} in it, or move the file away"
        ),
        intent: None,
    }
}
