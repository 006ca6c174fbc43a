//! Call: hands the file to a pipeline, as JSON in an HTTP request.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::address::{PLAIN_TEXT, is_plain_text, parse_web_address};
use crate::db::StoreError;
use crate::event::Trigger;
use crate::outbox::Action;
use crate::pipeline::{self, Pipeline, Signer};
use crate::rules::{ActionProperties, ChannelId};
use crate::table_reader::{FieldValue, RuleContext, TableReader};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
#[cfg(test)]
use super::kind::Example;
use super::kind::{Kind, PLAIN_DATA};
use super::message::{self, Report};
use super::parse::switched_on;

/// Calls a pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// The one of the environment.
    Call,
    /// One of the rules file.
    CallTo {
        /// The key of its address; the address itself may be a secret and is not stored.
        pipeline: String,
        /// Its host, for people.
        host: String,
    },
}

impl Kind for Call {
    const NAME: &'static str = "call";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#""call""#,
            described: "call the pipeline",
        },
        Example {
            stored: r#"{"call_to":{"pipeline":"0a","host":"x.example"}}"#,
            described: "call the pipeline at x.example",
        },
    ];

    /// `call = true` for `PIPELINE_URL`, or `call = { url = "…", secret_file = "…" }`.
    fn parse(value: &FieldValue<'_>, context: RuleContext<'_>) -> Option<Vec<Self>> {
        let Some(mut table) = value.as_table() else {
            switched_on(value)?;
            if !context.is_set("PIPELINE_URL") {
                value.report(
                    "needs PIPELINE_URL, which is not set; or write call = { url = \"…\" }",
                );
            }
            return Some(vec![Self::Call]);
        };
        let url = url(&mut table, context);
        let signer = signer(&mut table, context);
        table.finish();
        let (url, host) = url?;
        let pipeline = pipeline::key_of(value.rule(), &url);
        let url = url.into();
        context.add_pipeline(pipeline.clone(), value.rule(), url, signer);
        Some(vec![Self::CallTo { pipeline, host }])
    }

    fn properties(&self) -> ActionProperties {
        let (channel, target) = match self {
            Self::Call => (ChannelId::Pipeline, "the pipeline".to_owned()),
            Self::CallTo { pipeline, host } => (
                ChannelId::PipelineOfRule(pipeline.clone()),
                format!("the pipeline at {host}"),
            ),
        };
        ActionProperties {
            channel: Some(channel),
            target_text: Some(target),
            ..ActionProperties::external()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let key = match self {
            Self::Call => None,
            Self::CallTo { pipeline, .. } => Some(pipeline.as_str()),
        };
        each(actions, |action| call_configured(context, action, key)).await
    }

    fn to_stored(&self) -> String {
        serde_json::to_string(self).expect(PLAIN_DATA)
    }

    fn from_stored(stored: &str) -> Option<Self> {
        serde_json::from_str(stored).ok()
    }
}

async fn call_configured(
    context: &Context<'_>,
    action: &Action,
    key: Option<&str>,
) -> Result<AttemptOutcome, StoreError> {
    let (pipeline, setting) = match key {
        None => (context.channels.pipeline.clone(), "PIPELINE_URL"),
        Some(key) => (
            context.channels.pipelines.get(key),
            "the pipeline in RULES_FILE",
        ),
    };
    match pipeline {
        Some(pipeline) => call(context, action, &pipeline).await,
        None => Ok(message::not_configured(setting)),
    }
}

async fn call(
    context: &Context<'_>,
    action: &Action,
    pipeline: &Pipeline,
) -> Result<AttemptOutcome, StoreError> {
    let report = Report::load(context, action).await?;
    let document = document(context.portal.host(), action, &report).to_string();
    let id = format!("msg_{}", message::message_id(context, action, "pipeline"));
    let send = pipeline.call(&id, document, context.clock);
    Ok(message::send(context, action, send).await)
}

/// The body of a call.
fn document(portal: &str, action: &Action, report: &Report) -> serde_json::Value {
    let Report {
        event,
        before,
        results,
    } = report;
    let result_file = before
        .as_ref()
        .and_then(|before| before.result.file.as_ref());
    let result = before.as_ref().map(|before| {
        let result = &before.result;
        json!({ "action": before.kind, "file_id": result.file, "folder_id": result.folder })
    });
    json!({
        "event": {
            "id": action.event,
            "docspace_id": event.id,
            "webhook_id": event.webhook.map_or(0, |webhook| webhook.0),
            "trigger": event.trigger.as_ref().map(Trigger::as_str),
            "happened_at": event.happened_at.unwrap_or_default().to_string(),
            "actor": event.actor,
        },
        "rule": action.rule,
        "file": {
            "id": action.file,
            "title": action.title,
            "folder_id": event.entry.as_ref().and_then(|entry| entry.parent.as_ref()),
        },
        "result": result,
        "results": results,
        "links": {
            "file": report.link(portal, result_file.unwrap_or(&action.file)),
            "portal": portal,
        },
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
