//! Call: hands the file to a pipeline, as JSON in an HTTP request.

use crate::db::StoreError;
use crate::outbox::Action;
use crate::pipeline::{Document, EventPart, FilePart, LinksPart, Pipeline, ResultPart};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::message::{self, Report};

/// Calls the pipeline of the rules file that has this key; without a key, the one of the environment.
pub(super) async fn run<'a>(
    context: &Context<'_>,
    actions: &'a [Action],
    key: Option<&str>,
) -> Result<Outcomes<'a>, StoreError> {
    each(actions, |action| call_configured(context, action, key)).await
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
    let document = document(context.portal.host(), action, report);
    let id = format!("msg_{}", message::message_id(context, action, "pipeline"));
    let send = pipeline.call(&id, &document, context.clock);
    Ok(message::send(context, action, send).await)
}

fn document(portal: &str, action: &Action, report: Report) -> Document {
    let result_file = report
        .result
        .as_ref()
        .and_then(|(_, result)| result.file.as_ref());
    let link = report.link(portal, result_file.unwrap_or(&action.file));
    let Report { event, result } = report;
    Document {
        event: EventPart {
            id: action.event,
            docspace_id: event.id.map(|id| id.0),
            webhook_id: event.webhook.map_or(0, |webhook| webhook.0),
            trigger: event.trigger.map(|trigger| trigger.as_str().to_owned()),
            happened_at: event.happened_at.unwrap_or_default().to_string(),
            actor: event.actor,
        },
        rule: action.rule.clone(),
        file: FilePart {
            id: action.file.clone(),
            title: action.title.clone(),
            folder_id: event.entry.and_then(|entry| entry.parent),
        },
        result: result.map(|(kind, result)| ResultPart {
            action: kind.to_string(),
            file_id: result.file,
            folder_id: result.folder,
        }),
        links: LinksPart {
            file: link,
            portal: portal.to_owned(),
        },
    }
}
