//! One `[[rule.action]]`: copy, move, comment, notify or call.

use std::ops::Range;

use lettre::Address;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::docspace::{Conflict, LONGEST_COMMENT};
use crate::ids::FolderId;
use crate::pipeline::{self, Signer};
use crate::rules::ActionPlan;
use crate::template::{MessageTemplates, Template, TemplateError, field_names};

use super::Surroundings;
use super::fields::{Fields, Sheet, alike};

/// What was made of a table.
#[derive(Default)]
pub(super) struct Read {
    pub(super) plans: Vec<ActionPlan>,
    pub(super) pipeline: Option<(String, pipeline::PipelineSettings)>,
}

/// A value being read, and whose it is.
struct Part<'a, 't> {
    value: &'a Spanned<DeValue<'t>>,
    rule: &'a str,
    surroundings: Surroundings<'a>,
}

/// Reads one action.
pub(super) fn read(
    table: &DeTable<'_>,
    at: &Range<usize>,
    rule: &str,
    surroundings: Surroundings<'_>,
    sheet: &mut Sheet<'_>,
) -> Read {
    type Reader = fn(&Part<'_, '_>, &mut Sheet<'_>) -> Read;
    const READERS: [(&str, Reader); 5] = [
        ("copy", copy),
        ("move", move_),
        ("comment", comment),
        ("notify", notify),
        ("call", call),
    ];

    let mut fields = Fields::new(table, Some(rule), "action");
    let mut found: Vec<(&str, Read)> = Vec::new();
    for (name, reader) in READERS {
        if let Some(value) = fields.take(name) {
            let part = Part {
                value,
                rule,
                surroundings,
            };
            found.push((name, reader(&part, sheet)));
        }
    }
    let nothing = found.is_empty() && table.is_empty();
    fields.refuse_others(sheet);
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let what = format!(
            "holds {}; write one [[rule.action]] for each, in the order in which to do them",
            names.join(" and ")
        );
        sheet.add(at, Some(rule), "action", what);
    } else if nothing {
        let what = "is empty: it needs copy, move, comment, notify or call";
        sheet.add(at, Some(rule), "action", what);
    }
    found
        .into_iter()
        .next()
        .map(|(_, read)| read)
        .unwrap_or_default()
}

impl<'t> Part<'_, 't> {
    /// The fields of a table.
    fn fields<'a>(&'a self, prefix: &str) -> Option<Fields<'a>>
    where
        't: 'a,
    {
        let DeValue::Table(table) = self.value.get_ref() else {
            return None;
        };
        Some(Fields::new(table, Some(self.rule), prefix))
    }

    fn refuse(&self, field: &str, what: &str, sheet: &mut Sheet<'_>) -> Read {
        sheet.add(&self.value.span(), Some(self.rule), field, what);
        Read::default()
    }
}

fn copy(part: &Part<'_, '_>, sheet: &mut Sheet<'_>) -> Read {
    let plan = relocation(part, "copy", sheet);
    let plan = plan.map(|(to, conflict)| ActionPlan::Copy { to, conflict });
    Read {
        plans: plan.into_iter().collect(),
        pipeline: None,
    }
}

fn move_(part: &Part<'_, '_>, sheet: &mut Sheet<'_>) -> Read {
    let plan = relocation(part, "move", sheet);
    let plan = plan.map(|(to, conflict)| ActionPlan::Move { to, conflict });
    Read {
        plans: plan.into_iter().collect(),
        pipeline: None,
    }
}

/// `copy = 5`, or `copy = { to = 5, conflict = "skip" }`.
fn relocation(
    part: &Part<'_, '_>,
    name: &str,
    sheet: &mut Sheet<'_>,
) -> Option<(FolderId, Conflict)> {
    let Some(mut fields) = part.fields(&format!("action.{name}")) else {
        let to = one_folder(part.rule, &format!("action.{name}"), part.value, sheet);
        return Some((to?, Conflict::default()));
    };
    let to = if let Some(value) = fields.take("to") {
        one_folder(part.rule, &fields.path("to"), value, sheet)
    } else {
        let what = "is missing: the folder to put the file into";
        part.refuse(&fields.path("to"), what, sheet);
        None
    };
    let conflict = fields
        .take("conflict")
        .map(|value| (value, fields.path("conflict")));
    let conflict = match conflict {
        None => Some(Conflict::default()),
        Some((value, field)) => match value.get_ref().as_str() {
            Some("duplicate") => Some(Conflict::Duplicate),
            Some("overwrite") => Some(Conflict::Overwrite),
            Some("skip") => Some(Conflict::Skip),
            _ => {
                let what = "must be \"duplicate\", \"overwrite\" or \"skip\"";
                sheet.add(&value.span(), Some(part.rule), &field, what);
                None
            }
        },
    };
    fields.refuse_others(sheet);
    Some((to?, conflict?))
}

fn one_folder(
    rule: &str,
    field: &str,
    value: &Spanned<DeValue<'_>>,
    sheet: &mut Sheet<'_>,
) -> Option<FolderId> {
    if value.get_ref().is_array() {
        let what = "must be one folder; write one [[rule.action]] for each";
        sheet.add(&value.span(), Some(rule), field, what);
        return None;
    }
    sheet.folders(Some(rule), field, value).pop()
}

/// `comment = "Need Review"`.
fn comment(part: &Part<'_, '_>, sheet: &mut Sheet<'_>) -> Read {
    let Some(text) = sheet.text(Some(part.rule), "action.comment", part.value) else {
        return Read::default();
    };
    if text.chars().count() > LONGEST_COMMENT {
        let what = format!("is longer than the {LONGEST_COMMENT} characters that DocSpace keeps");
        return part.refuse("action.comment", &what, sheet);
    }
    Read {
        plans: vec![ActionPlan::Comment { text }],
        pipeline: None,
    }
}

/// `notify = { email = ["a@x.example"], chat = true, subject = "…", text = "…" }`.
fn notify(part: &Part<'_, '_>, sheet: &mut Sheet<'_>) -> Read {
    let Some(mut fields) = part.fields("action.notify") else {
        return part.refuse(
            "action.notify",
            "must be a table such as { email = \"manager@example.com\" }",
            sheet,
        );
    };
    let email = fields.take("email");
    let chat = fields.take("chat");
    let words = MessageTemplates {
        subject: template(&mut fields, "subject", part.rule, sheet),
        text: template(&mut fields, "text", part.rule, sheet),
    };
    let mut plans = Vec::new();
    if let Some(value) = email {
        for (address, at) in sheet.texts(Some(part.rule), "action.notify.email", value) {
            let address = address.trim().to_owned();
            if address.parse::<Address>().is_err() {
                let what = format!("is no e-mail address: {address}");
                sheet.add(&at, Some(part.rule), "action.notify.email", what);
                continue;
            }
            plans.push(ActionPlan::Notify {
                to: Some(address),
                words: words.clone(),
            });
        }
    }
    if let Some(value) = chat
        && sheet.flag(Some(part.rule), "action.notify.chat", value)
    {
        if !part.surroundings.has_chat {
            let what = "needs NOTIFY_WEBHOOK_URL, which is not set";
            sheet.add(&value.span(), Some(part.rule), "action.notify.chat", what);
        }
        plans.push(if words.text.is_none() {
            ActionPlan::Chat
        } else {
            ActionPlan::Say { words }
        });
    }
    fields.refuse_others(sheet);
    if email.is_none() && plans.is_empty() {
        return part.refuse(
            "action.notify",
            "tells nobody: it needs email, or chat = true",
            sheet,
        );
    }
    Read {
        plans,
        pipeline: None,
    }
}

fn template(
    fields: &mut Fields<'_>,
    name: &'static str,
    rule: &str,
    sheet: &mut Sheet<'_>,
) -> Option<Template> {
    let value = fields.take(name)?;
    let field = fields.path(name);
    let text = sheet.text(Some(rule), &field, value)?;
    if name == "subject" && text.contains(['\r', '\n']) {
        sheet.add(&value.span(), Some(rule), &field, "must be one line");
    }
    match Template::parse(&text) {
        Ok(template) => Some(template),
        Err(error) => {
            let suggestion = match &error {
                TemplateError::Unknown(unknown) => match alike(unknown, field_names()) {
                    Some(known) => format!("; did you mean {{{known}}}?"),
                    None => format!(
                        "; there are {}",
                        field_names().collect::<Vec<_>>().join(", ")
                    ),
                },
                _ => String::new(),
            };
            sheet.add(
                &value.span(),
                Some(rule),
                &field,
                format!("{error}{suggestion}"),
            );
            None
        }
    }
}

/// `call = true` for `PIPELINE_URL`, or `call = { url = "…", secret_file = "…" }`.
fn call(part: &Part<'_, '_>, sheet: &mut Sheet<'_>) -> Read {
    let Some(mut fields) = part.fields("action.call") else {
        if !sheet.flag(Some(part.rule), "action.call", part.value) {
            return Read::default();
        }
        if !part.surroundings.has_pipeline {
            let what = "needs PIPELINE_URL, which is not set; or write call = { url = \"…\" }";
            return part.refuse("action.call", what, sheet);
        }
        return Read {
            plans: vec![ActionPlan::Call],
            pipeline: None,
        };
    };
    let url = secret(&mut fields, ["url", "url_file", "url_env"], part, sheet);
    let secret = secret(
        &mut fields,
        ["secret", "secret_file", "secret_env"],
        part,
        sheet,
    );
    fields.refuse_others(sheet);
    let signer = match secret.as_deref().map(Signer::new) {
        Some(Err(error)) => {
            let what = format!("cannot be used: {error}");
            return part.refuse("action.call.secret", &what, sheet);
        }
        Some(Ok(signer)) => Some(signer),
        None => None,
    };
    let Some(url) = url else {
        return part.refuse("action.call.url", "is missing: where to call", sheet);
    };
    let host = reqwest::Url::parse(&url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .and_then(|url| url.host_str().map(str::to_owned));
    let Some(host) = host else {
        let what = "is no address that begins with https:// or http://";
        return part.refuse("action.call.url", what, sheet);
    };
    let key = pipeline::key_of(part.rule, &url);
    let settings = pipeline::PipelineSettings {
        url: url.into(),
        signer,
    };
    Read {
        plans: vec![ActionPlan::CallTo {
            pipeline: key.clone(),
            host,
        }],
        pipeline: Some((key, settings)),
    }
}

/// A text that may be a secret: as it is, in a file, or in a variable. No problem quotes it.
fn secret(
    fields: &mut Fields<'_>,
    [plain, file, variable]: [&'static str; 3],
    part: &Part<'_, '_>,
    sheet: &mut Sheet<'_>,
) -> Option<String> {
    let mut given: Vec<(&'static str, String)> = Vec::new();
    for name in [plain, file, variable] {
        given.extend(fields.text(name, sheet).map(|text| (name, text)));
    }
    if let [(one, _), (other, _), ..] = &given[..] {
        let what = format!("is set, and so is {one}; set one of them");
        part.refuse(&fields.path(other), &what, sheet);
    }
    let (name, text) = given.into_iter().next()?;
    let field = fields.path(name);
    if name == plain {
        return Some(text);
    }
    let read = if name == file {
        part.surroundings
            .read(&text)
            .map_err(|error| format!("cannot read {text}: {error}"))
    } else {
        part.surroundings
            .variable(&text)
            .map(str::to_owned)
            .ok_or_else(|| format!("the variable {text} is not set"))
    };
    read.map_err(|what| part.refuse(&field, &what, sheet)).ok()
}
