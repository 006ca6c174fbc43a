//! One `[[rule.action]]`. A new kind of action is one function and one line in [`PARSERS`].

use lettre::Address;

use crate::config::reader::{
    PLAIN_TEXT, SMTPUTF8, is_plain_text, needs_smtputf8, parse_web_address,
};
use crate::config::similar::closest_match;
use crate::docspace::{Conflict, LONGEST_COMMENT};
use crate::ids::FolderId;
use crate::pipeline::{self, PipelineSettings, Signer};
use crate::rules::ActionPlan;
use crate::template::{MessageTemplates, Template, TemplateError, field_names};

use super::context::RuleContext;
use super::table::{FieldValue, TableReader};

/// The header of an action's table.
pub(super) const ACTION: &str = "[[rule.action]]";

/// Parses the value of an action's field; `None` if it is not valid and was reported.
type Parser = fn(&FieldValue<'_>, RuleContext<'_>) -> Option<ParsedAction>;

const PARSERS: &[(&str, Parser)] = &[
    ("copy", copy),
    ("move", move_),
    ("comment", comment),
    ("notify", notify),
    ("call", call),
];

/// What was made of a table.
#[derive(Default)]
pub(super) struct ParsedAction {
    pub(super) plans: Vec<ActionPlan>,
    /// The pipeline that the action calls, with its key, if it is not that of the environment.
    pub(super) pipeline: Option<(String, PipelineSettings)>,
}

impl From<ActionPlan> for ParsedAction {
    fn from(plan: ActionPlan) -> Self {
        Self {
            plans: vec![plan],
            pipeline: None,
        }
    }
}

/// Parses one action.
pub(super) fn parse(mut table: TableReader<'_>, context: RuleContext<'_>) -> Option<ParsedAction> {
    let mut parsed = Vec::new();
    let mut found = Vec::new();
    for &(name, parser) in PARSERS {
        if let Some(value) = table.field(name) {
            found.push(name);
            parsed.push(parser(&value, context));
        }
    }
    if found.len() > 1 {
        table.report(&format!(
            "contains {}; write one {ACTION} for each, in the order in which they run",
            found.join(" and ")
        ));
    } else if table.is_empty() {
        let names: Vec<&str> = PARSERS.iter().map(|(name, _)| *name).collect();
        table.report(&format!("is empty; expected one of {}", names.join(", ")));
    }
    table.finish();
    parsed.into_iter().next().flatten()
}

fn copy(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<ParsedAction> {
    let (to, conflict) = transfer(value)?;
    Some(ActionPlan::Copy { to, conflict }.into())
}

fn move_(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<ParsedAction> {
    let (to, conflict) = transfer(value)?;
    Some(ActionPlan::Move { to, conflict }.into())
}

/// `copy = 5`, or `copy = { to = 5, conflict = "skip" }`.
fn transfer(value: &FieldValue<'_>) -> Option<(FolderId, Conflict)> {
    let Some(mut table) = value.as_table() else {
        return Some((value.folder_id()?, Conflict::default()));
    };
    let to = table.required("to", "the destination folder");
    let to = to.and_then(|value| value.folder_id());
    let conflict = match table.field("conflict") {
        None => Some(Conflict::default()),
        Some(value) => conflict(&value),
    };
    table.finish();
    Some((to?, conflict?))
}

fn conflict(value: &FieldValue<'_>) -> Option<Conflict> {
    match value.text()?.as_str() {
        "duplicate" => Some(Conflict::Duplicate),
        "overwrite" => Some(Conflict::Overwrite),
        "skip" => Some(Conflict::Skip),
        _ => {
            value.report("must be \"duplicate\", \"overwrite\" or \"skip\"");
            None
        }
    }
}

/// `comment = "Need Review"`.
fn comment(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<ParsedAction> {
    let text = value.text()?;
    if text.chars().count() > LONGEST_COMMENT {
        value.report(&format!(
            "is longer than the {LONGEST_COMMENT} characters that DocSpace stores"
        ));
        return None;
    }
    Some(ActionPlan::Comment { text }.into())
}

/// `notify = { email = ["a@x.example"], chat = true, subject = "…", text = "…" }`.
fn notify(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<ParsedAction> {
    let mut table = value.table("{ email = \"manager@example.com\" }")?;
    let email = table.field("email");
    let chat = table.field("chat");
    let words = MessageTemplates {
        subject: template(table.field("subject"), LineLimit::One),
        text: template(table.field("text"), LineLimit::Many),
    };
    table.finish();

    let addresses = email.as_ref().map(email_addresses);
    let to_chat = chat.filter(|chat| chat.flag() == Some(true));
    if addresses.is_none() && to_chat.is_none() {
        value.report("notifies no one: set email, or chat = true");
    }
    let mut plans: Vec<ActionPlan> = addresses
        .into_iter()
        .flatten()
        .map(|address| ActionPlan::Notify {
            to: Some(address),
            words: words.clone(),
        })
        .collect();
    if let Some(chat) = to_chat {
        if !context.variables.is_set("NOTIFY_WEBHOOK_URL") {
            chat.report("needs NOTIFY_WEBHOOK_URL, which is not set");
        }
        plans.push(if words.text.is_none() {
            ActionPlan::Chat
        } else {
            ActionPlan::Say { words }
        });
    }
    Some(ParsedAction {
        plans,
        pipeline: None,
    })
}

fn email_addresses(value: &FieldValue<'_>) -> Vec<String> {
    let items = value.items().into_iter();
    let addresses = items.filter_map(|item| {
        let address = item.text()?.trim().to_owned();
        if address.parse::<Address>().is_err() {
            item.report(&format!("is not a valid email address: {address}"));
            return None;
        }
        if needs_smtputf8(&address) {
            item.warn(SMTPUTF8);
        }
        Some(address)
    });
    addresses.collect()
}

/// How many lines a text may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineLimit {
    One,
    Many,
}

fn template(value: Option<FieldValue<'_>>, limit: LineLimit) -> Option<Template> {
    let value = value?;
    let text = value.text()?;
    if limit == LineLimit::One && text.contains(['\r', '\n']) {
        value.report("must be one line");
    }
    let error = match Template::parse(&text) {
        Ok(template) => return Some(template),
        Err(error) => error,
    };
    let hint = match &error {
        TemplateError::Unknown(unknown) => unknown_field_hint(unknown),
        _ => String::new(),
    };
    value.report(&format!("{error}{hint}"));
    None
}

fn unknown_field_hint(unknown: &str) -> String {
    if let Some(known) = closest_match(unknown, field_names()) {
        return format!("; did you mean {{{known}}}?");
    }
    let names: Vec<&str> = field_names().collect();
    format!("; expected one of {}", names.join(", "))
}

/// `call = true` for `PIPELINE_URL`, or `call = { url = "…", secret_file = "…" }`.
fn call(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<ParsedAction> {
    let Some(mut table) = value.as_table() else {
        if !value.flag()? {
            value.report("must be true; leave the action out if it is not wanted");
            return None;
        }
        if !context.variables.is_set("PIPELINE_URL") {
            value.report("needs PIPELINE_URL, which is not set; or write call = { url = \"…\" }");
        }
        return Some(ActionPlan::Call.into());
    };
    let url = url(&mut table, context);
    let signer = signer(&mut table, context);
    table.finish();
    let (url, host) = url?;
    let key = pipeline::key_of(value.rule(), &url);
    let settings = PipelineSettings {
        url: url.into(),
        signer,
    };
    Some(ParsedAction {
        plans: vec![ActionPlan::CallTo {
            pipeline: key.clone(),
            host,
        }],
        pipeline: Some((key, settings)),
    })
}

/// The URL and its host.
fn url(table: &mut TableReader<'_>, context: RuleContext<'_>) -> Option<(String, String)> {
    let given = indirect_text(table, ["url", "url_file", "url_env"], context);
    let Some(url) = given else {
        if !table.has_known_field() {
            table.report_field("url", "is missing: the URL to call");
        }
        return None;
    };
    match parse_web_address(&url) {
        Ok(parsed) => {
            if is_plain_text(&parsed) {
                table.warn_field("url", PLAIN_TEXT);
            }
            Some((url, parsed.host_str()?.to_owned()))
        }
        Err(what) => {
            table.report_field("url", what);
            None
        }
    }
}

/// The signer with the secret, if one is given and valid.
fn signer(table: &mut TableReader<'_>, context: RuleContext<'_>) -> Option<Signer> {
    let names = ["secret", "secret_file", "secret_env"];
    let secret = indirect_text(table, names, context)?;
    let signer = Signer::new(&secret);
    signer
        .map_err(|error| table.report_field("secret", &format!("cannot be used: {error}")))
        .ok()
}

/// A text that may be secret: directly, in a file, or in a variable. No problem quotes it.
fn indirect_text(
    table: &mut TableReader<'_>,
    [direct, file, variable]: [&'static str; 3],
    context: RuleContext<'_>,
) -> Option<String> {
    let given = [direct, file, variable].map(|name| table.field(name).map(|value| (name, value)));
    let mut given = given.into_iter().flatten();
    let (name, value) = given.next()?;
    for (_, other) in given {
        other.report(&format!("is set, and so is {name}; set only one of them"));
    }
    let text = value.text()?;
    let found = if name == file {
        context.read_file(&text)
    } else if name == variable {
        context.variable(&text)
    } else if text.trim().is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(text)
    };
    found.map_err(|what| value.report(&what)).ok()
}
