//! The rules file as text: checked, tried on past events, and saved. `rules_editor.rs` reads and writes the file.

use std::io;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::{error, info, warn};

use super::access::{Identity, OperatorName};
use super::console::Console;
use super::layout::{Layout, RelativeTime, Section, log_store_error, message, page, unavailable};
use super::rule_list::RulesNotice;
use super::rules_trial::{LAST, TrialSummary, size, try_rules};
use crate::audit::{self, Author, ChangeKind};
use crate::config::Rules;
use crate::edited_file::WriteError;
use crate::finding::{Finding, Severity};
use crate::rules_editor::RulesEditor;
use crate::telemetry::ErrorChain;
use crate::text::html_verbatim;

/// Where the editor is. Its form may be larger than others.
pub(super) const PATH: &str = "/rules/edit";

#[derive(Debug, Deserialize)]
pub(super) struct EditorQuery {
    /// A former version to begin with.
    version: Option<String>,
}

/// The form. It has no `Debug`, because rules may contain addresses of people.
#[derive(Deserialize)]
pub(super) struct EditorForm {
    text: String,
    /// That of the file when it was read.
    fingerprint: String,
    intent: Intent,
    #[serde(default)]
    last: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Intent {
    Try,
    Save,
}

#[derive(Template)]
#[template(path = "rules_editor.html")]
struct EditorPage {
    layout: Layout,
    file: String,
    fingerprint: String,
    /// The text, escaped.
    text: String,
    /// What the page says first.
    notice: Option<Notice>,
    problems: Vec<Problem>,
    trial: Option<TrialSummary>,
    sizes: Vec<Size>,
    versions: Vec<VersionItem>,
}

struct Notice {
    sentence: String,
    is_bad: bool,
}

/// An error or a warning, with the line that it is about.
struct Problem {
    is_error: bool,
    message: String,
    line: Option<(usize, String)>,
}

struct Size {
    number: u32,
    is_chosen: bool,
}

struct VersionItem {
    address: String,
    replaced: RelativeTime,
    is_shown: bool,
}

/// What is shown beside the text.
#[derive(Default)]
struct Shown {
    notice: Option<Notice>,
    findings: Vec<Finding>,
    trial: Option<TrialSummary>,
    last: Option<u32>,
    version: Option<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<EditorQuery>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    let Some(editor) = editor(&console) else {
        return no_rules_file(layout);
    };
    let (file, version) = (editor.clone(), query.version.clone());
    let read = off_thread(move || {
        let former = version.map(|name| file.version(&name)).transpose()?;
        Ok((file.read()?, former))
    });
    let (content, former) = match read.await {
        Ok((_, Some(None))) => return no_version(layout),
        Ok((content, former)) => (content, former.flatten()),
        Err(error) => return unreadable(layout, &error),
    };
    let notice = former.is_some().then(|| Notice {
        sentence: "This is a former version. Nothing is changed until you save it.".to_owned(),
        is_bad: false,
    });
    let text = former.unwrap_or_else(|| content.text().to_owned());
    let (_, findings) = match read_rules(&console, text.clone()).await {
        Ok(read) => read,
        Err(error) => return unreadable(layout, &error),
    };
    let shown = Shown {
        notice,
        findings,
        version: query.version,
        ..Shown::default()
    };
    let code = StatusCode::OK;
    render(
        &console,
        layout,
        code,
        &editor,
        &text,
        &content.fingerprint(),
        shown,
    )
    .await
}

/// The editor with the text of the file and new rules at its end, which are not saved yet.
pub(super) async fn show_with_addition(
    console: &Console,
    layout: Layout,
    addition: &str,
) -> Response {
    let Some(editor) = editor(console) else {
        return no_rules_file(layout);
    };
    let file = editor.clone();
    let content = match off_thread(move || file.read()).await {
        Ok(content) => content,
        Err(error) => return unreadable(layout, &error),
    };
    let current = content.text().trim_end();
    let separator = if current.is_empty() { "" } else { "\n\n" };
    let text = format!("{current}{separator}{addition}");
    let (_, findings) = match read_rules(console, text.clone()).await {
        Ok(read) => read,
        Err(error) => return unreadable(layout, &error),
    };
    let sentence = "The new rule is at the end of the text. Nothing is changed until you save it.";
    let shown = Shown {
        notice: Some(Notice {
            sentence: sentence.to_owned(),
            is_bad: false,
        }),
        findings,
        ..Shown::default()
    };
    let (code, fingerprint) = (StatusCode::OK, content.fingerprint());
    render(console, layout, code, &editor, &text, &fingerprint, shown).await
}

pub(super) async fn apply(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Extension(name): Extension<OperatorName>,
    Form(form): Form<EditorForm>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    let Some(editor) = editor(&console) else {
        return no_rules_file(layout);
    };
    // Browsers send the line breaks of a text field as CR LF.
    let text = form.text.replace("\r\n", "\n");
    let (rules, findings) = match read_rules(&console, text.clone()).await {
        Ok(read) => read,
        Err(error) => return unreadable(layout, &error),
    };
    let has_errors = findings.iter().any(|it| it.severity == Severity::Error);
    let mut fingerprint = form.fingerprint;
    let mut shown = Shown {
        findings,
        last: form.last,
        ..Shown::default()
    };
    let code = match form.intent {
        _ if has_errors => {
            let sentence = "There are errors. Nothing was saved or tried.".to_owned();
            shown.notice = Some(Notice {
                sentence,
                is_bad: true,
            });
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Intent::Try => match try_rules(&console, rules, form.last).await {
            Ok(trial) => {
                shown.trial = Some(trial);
                StatusCode::OK
            }
            Err(error) => return unavailable(layout, &error),
        },
        Intent::Save => {
            let (console, file) = (Arc::clone(&console), editor.clone());
            let save = save(
                console,
                file,
                fingerprint.clone(),
                text.clone(),
                name.author(),
            );
            // A browser that closes the connection must not end it half way.
            let saved = tokio::spawn(save).await.unwrap_or_else(|error| {
                Err(SaveRefusal {
                    code: StatusCode::INTERNAL_SERVER_ERROR,
                    sentence: error.to_string(),
                    fingerprint: None,
                })
            });
            match saved {
                Ok(()) => return Redirect::to(RulesNotice::Saved.address()).into_response(),
                Err(refusal) => {
                    fingerprint = refusal.fingerprint.unwrap_or(fingerprint);
                    shown.notice = Some(Notice {
                        sentence: refusal.sentence,
                        is_bad: true,
                    });
                    refusal.code
                }
            }
        }
    };
    render(&console, layout, code, &editor, &text, &fingerprint, shown).await
}

/// Why the file was not saved, or is not active.
struct SaveRefusal {
    code: StatusCode,
    sentence: String,
    /// That of the file, if it is saved.
    fingerprint: Option<String>,
}

async fn save(
    console: Arc<Console>,
    editor: RulesEditor,
    fingerprint: String,
    text: String,
    author: Author,
) -> Result<(), SaveRefusal> {
    // Between reading the file and replacing it, no other save may replace it.
    let _one_at_a_time = console.saving.lock().await;
    let now = console.clock.now();
    let file = editor.clone();
    match off_thread(move || Ok(file.save(&fingerprint, &text, now))).await {
        Ok(Ok(())) => {}
        Ok(Err(WriteError::Changed)) => {
            let sentence = "The file has changed since you opened it, so it was not saved. Copy your text, then open \
                            the editor again.";
            return Err(SaveRefusal {
                code: StatusCode::CONFLICT,
                sentence: sentence.to_owned(),
                fingerprint: None,
            });
        }
        Ok(Err(WriteError::Io(error))) | Err(error) => {
            warn!(error = %ErrorChain(&error), "the rules file cannot be saved");
            let code = match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    StatusCode::FORBIDDEN
                }
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let sentence = format!(
                "{} cannot be saved ({error}). Copy the text below into the file where it is kept.",
                editor.name()
            );
            return Err(SaveRefusal {
                code,
                sentence,
                fingerprint: None,
            });
        }
    }
    info!("an operator saved the rules file");
    record(&console, &editor, &author, now).await;
    let Err(why) = console.reload.now().await else {
        return Ok(());
    };
    let saved = off_thread(move || editor.read()).await;
    Err(SaveRefusal {
        code: StatusCode::INTERNAL_SERVER_ERROR,
        sentence: format!("The file is saved, but the rules before it stay active: {why}"),
        fingerprint: saved.ok().map(|content| content.fingerprint()),
    })
}

/// Records that the file was saved. It is saved already, so a store that fails is only logged.
async fn record(console: &Console, editor: &RulesEditor, author: &Author, now: Timestamp) {
    let (author, file) = (author.clone(), editor.name());
    let recorded = console
        .db
        .write(move |sql| audit::record(sql, &author, ChangeKind::SaveRules, &file, None, now));
    if let Err(error) = recorded.await {
        log_store_error(&error);
    }
}

/// Reads the rules of a text, and the files that it names.
async fn read_rules(console: &Console, text: String) -> io::Result<(Rules, Vec<Finding>)> {
    let source = console.reload.source.clone();
    off_thread(move || Ok(source.with_text(&text))).await
}

/// The editor of the rules file; `None` if `RULES_FILE` is not set.
fn editor(console: &Console) -> Option<RulesEditor> {
    console.reload.source.file().map(RulesEditor::new)
}

/// Runs what reads or writes files, which a network file system may block.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

async fn render(
    console: &Console,
    layout: Layout,
    code: StatusCode,
    editor: &RulesEditor,
    text: &str,
    fingerprint: &str,
    shown: Shown,
) -> Response {
    let now = console.clock.now();
    let file = editor.clone();
    let versions = off_thread(move || file.versions()).await;
    let versions = versions.unwrap_or_else(|error| {
        error!(error = %ErrorChain(&error), "the former versions of the rules file cannot be listed");
        Vec::new()
    });
    let versions = versions.into_iter().map(|version| VersionItem {
        address: format!("{PATH}?version={}", version.name),
        replaced: RelativeTime::new(version.replaced_at, now),
        is_shown: shown.version.as_ref() == Some(&version.name),
    });
    let chosen = size(shown.last);
    let view = EditorPage {
        layout,
        file: editor.name(),
        fingerprint: fingerprint.to_owned(),
        text: html_verbatim(text),
        notice: shown.notice,
        problems: problems(&shown.findings, text),
        trial: shown.trial,
        sizes: LAST
            .map(|number| Size {
                number,
                is_chosen: number == chosen,
            })
            .into(),
        versions: versions.collect(),
    };
    page(code, &view)
}

/// The errors, then the warnings about the file.
fn problems(findings: &[Finding], text: &str) -> Vec<Problem> {
    let problem = |finding: &Finding| {
        let line = finding.line.map(|number| {
            let line = text.lines().nth(number - 1).unwrap_or_default();
            (number, line.trim().to_owned())
        });
        Problem {
            is_error: finding.severity == Severity::Error,
            message: if finding.line.is_some() {
                finding.message.clone()
            } else {
                format!("{} {}", finding.subject, finding.message)
            },
            line,
        }
    };
    let mut problems: Vec<Problem> = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok)
        .map(problem)
        .collect();
    problems.sort_by_key(|problem| !problem.is_error);
    problems
}

fn no_rules_file(layout: Layout) -> Response {
    let sentence = "RULES_FILE is not set. Set it to the path of a file in which the service keeps the rules, such as \
                    rules.toml beside its store, create the file, and restart the service. An empty file is enough.";
    let link = Some(("/rules".to_owned(), "All rules"));
    let code = StatusCode::NOT_FOUND;
    message(layout, code, "There is no rules file", sentence, link)
}

fn no_version(layout: Layout) -> Response {
    let sentence = "There is no such version of the rules file. The last 20 are kept.";
    let link = Some((PATH.to_owned(), "Edit the rules file"));
    let code = StatusCode::NOT_FOUND;
    message(layout, code, "No such version", sentence, link)
}

fn unreadable(layout: Layout, error: &io::Error) -> Response {
    let sentence = format!("The rules file cannot be read: {error}.");
    let link = Some(("/rules".to_owned(), "All rules"));
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    message(
        layout,
        code,
        "The rules file cannot be read",
        sentence,
        link,
    )
}
