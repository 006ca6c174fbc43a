//! Api: makes any other call to the portal, whose path and body the rule gives.
//!
//! What the call does is not known here, so neither can its effect be looked for. After an answer that is lost, a call that
//! the rule declares safe to repeat is repeated; another one becomes a dead letter, and a person looks.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::db::StoreError;
use crate::docspace::{CallMethod, Error, ErrorClass, WriteOutcome};
use crate::event::Trigger;
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, OtherEvents, WorksOn};
use crate::table_reader::{FieldValue, RuleContext};
use crate::template::api::{ApiBody, ApiField, ApiPathError, ApiPathTemplate, ApiValues};
use crate::template::title::TitleValues;

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::current_file::current_file;
use super::failpoint::Failpoint;
use super::intent;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::message::Report;
use super::parse::{LineLimit, one_of, template, template_error};
use super::portal_error::{failed_call, refused_without_cause};

/// Why the portal refuses a call.
const NO_RIGHT: &str =
    "this key or its user may not make the call, or what it is about is gone or in use";

/// The same for a call that is not made again: some calls are refused when they have done a part (docs/DOCSPACE.md A5).
const NO_RIGHT_AT_ONCE: &str = "this key or its user may not make the call, or what it is about is gone or in use; \
                                it is not safe to repeat, so look whether a part of it was done";

/// Makes a call to the portal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Api {
    /// The method.
    pub method: CallMethod,
    /// The path.
    pub path: ApiPathTemplate,
    /// The body; an empty object if there is none, because the portal requires one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ApiBody>,
    /// Whether the call does no harm if it is made twice.
    pub safe_to_repeat: bool,
}

impl Kind for Api {
    const NAME: &'static str = "api";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"api":{"method":"PUT","path":"files/rooms/{result.room}/pin","safe_to_repeat":true}}"#,
            described: "api PUT files/rooms/{result.room}/pin",
        },
        Example {
            stored: r#"{"api":{"method":"POST","path":"files/5/text","body":{"title":"{name}"},"safe_to_repeat":false}}"#,
            described: "api POST files/5/text (not safe to repeat)",
        },
    ];

    /// `api = { method = "PUT", path = "files/rooms/{result.room}/pin", safe_to_repeat = true }`, with `body = { … }`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let example =
            "{ method = \"PUT\", path = \"files/rooms/{result.room}/pin\", safe_to_repeat = true }";
        let mut table = value.table(example)?;
        let method = table.required("method", "\"POST\", \"PUT\" or \"DELETE\"");
        let path = table.required("path", "the path below /api/2.0/");
        let body = table.field("body");
        let safe = table.required(
            "safe_to_repeat",
            "whether the call does no harm if it is made twice, true or false",
        );
        table.finish();
        let method = method.and_then(|method| one_of(&method, &CallMethod::NAMES));
        let path = path.and_then(|path| api_path(&path));
        let body = match body {
            None => Some(None),
            Some(body) => api_body(&body).map(Some),
        };
        Some(vec![Self {
            method: method?,
            path: path?,
            body: body?,
            safe_to_repeat: safe?.flag()?,
        }])
    }

    fn properties(&self) -> ActionProperties {
        let in_body = self.body.iter().flat_map(ApiBody::results);
        ActionProperties {
            works_on: WorksOn::Anything,
            other_events: OtherEvents::Any,
            uses: self.path.results().into_iter().chain(in_body).collect(),
            target_text: Some(format!("{} {}", self.method.name(), self.path)),
            remark: (!self.safe_to_repeat).then_some("not safe to repeat"),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| call(context, action, self)).await
    }
}

fn api_path(value: &FieldValue<'_>) -> Option<ApiPathTemplate> {
    let error = match ApiPathTemplate::parse(&value.text()?) {
        Ok(path) => return Some(path),
        Err(error) => error,
    };
    match &error {
        ApiPathError::Template(error) => template_error::<ApiField>(value, error),
        ApiPathError::Outside => value.report(&error.to_string()),
    }
    None
}

/// The value as JSON, whose strings are templates.
fn api_body(value: &FieldValue<'_>) -> Option<ApiBody> {
    if let Some(table) = value.as_table() {
        let members = table.into_fields().into_iter();
        let members = members.map(|(name, member)| Some((name.to_owned(), api_body(&member)?)));
        return members.collect::<Option<_>>().map(ApiBody::Object);
    }
    if let Some(items) = value.as_list() {
        return items
            .iter()
            .map(api_body)
            .collect::<Option<_>>()
            .map(ApiBody::List);
    }
    if value.as_text().is_some() {
        return template(value, LineLimit::Many).map(ApiBody::Text);
    }
    // Dates and what is no number in JSON are reported.
    let text = value.scalar()?;
    match text.as_str() {
        "true" => Some(ApiBody::Flag(true)),
        "false" => Some(ApiBody::Flag(false)),
        number => {
            let number = serde_json::from_str::<Number>(number).ok();
            if number.is_none() {
                value.report("is not a number in JSON");
            }
            number.map(ApiBody::Number)
        }
    }
}

async fn call(
    context: &Context<'_>,
    action: &Action,
    plan: &Api,
) -> Result<AttemptOutcome, StoreError> {
    if action.intent.is_some() && !plan.safe_to_repeat {
        return Ok(plan.unclear());
    }
    let id = current_file(context, action).await?;
    let report = Report::load(context, action).await?;
    let event = &report.event;
    let folder = event.entry.as_ref().and_then(|entry| entry.parent.as_ref());
    let happened_at = event.happened_at.unwrap_or_default();
    let values = ApiValues {
        title: TitleValues {
            title: &action.title,
            happened_at,
            rule: &action.rule,
        },
        happened_at,
        event: event.trigger.as_ref().map_or("", Trigger::as_str),
        id: id.as_str(),
        folder: folder.map_or("", |folder| folder.as_str()),
        actor: event.actor.as_deref().unwrap_or_default(),
        results: &report.results,
    };
    let Some(path) = plan.path.render(&values) else {
        return Ok(AttemptOutcome::Dead {
            code: "blank_value",
            reason: format!(
                "a part of the path {} would be blank, or dots only",
                plan.path
            ),
            intent: None,
        });
    };
    let body = plan.body.as_ref().map(|body| body.render(&values));
    let body = body.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if !plan.safe_to_repeat {
        let mut ended = Outcomes::new();
        let intent = intent::new(context);
        if intent::store(context, [action], &intent, &mut ended)
            .await?
            .is_empty()
        {
            return Ok(AttemptOutcome::ClaimLost);
        }
    }
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let may_send = context.holds_claims(vec![action.claim]);
    let calls = context.portal.rule_calls();
    let sent = calls.send(plan.method, &path, &body, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match sent {
        Ok(()) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            AttemptOutcome::Done(ActionResult::default())
        }
        Err(Error::NotFound) => AttemptOutcome::Dead {
            code: "not_found",
            reason: "the portal does not know what the call is about".to_owned(),
            intent: None,
        },
        Err(Error::Forbidden) if !plan.safe_to_repeat => AttemptOutcome::no_right(NO_RIGHT_AT_ONCE),
        Err(Error::Forbidden) => {
            refused_without_cause(action, || AttemptOutcome::no_right(NO_RIGHT))
        }
        Err(error) if !plan.safe_to_repeat && error.write_outcome() != WriteOutcome::NotApplied => {
            plan.unclear()
        }
        Err(error) => failed(context, error).await,
    })
}

/// The outcome for a call that the portal has not carried out, or that may be repeated. Whether the portal itself is
/// down or refuses the key is seen from another call: this one may be about something that always fails.
async fn failed(context: &Context<'_>, error: Error) -> AttemptOutcome {
    let is_about_the_portal = matches!(
        error,
        Error::KeyRefused
            | Error::Unavailable { .. }
            | Error::Gateway { .. }
            | Error::Unreachable { .. }
    );
    if !is_about_the_portal {
        return failed_call(context, &error, None);
    }
    match context.portal.account().verify_key().await {
        Err(portal) if portal.class() != ErrorClass::Ambiguous => {
            failed_call(context, &portal, None)
        }
        Ok(()) | Err(_) if matches!(error, Error::KeyRefused) => AttemptOutcome::Dead {
            code: "refused",
            reason: "the portal takes no API key for this call".to_owned(),
            intent: None,
        },
        Ok(()) | Err(_) => AttemptOutcome::failed(error.to_string()),
    }
}

impl Api {
    /// The outcome for a call that may have been made, and must not be made again.
    fn unclear(&self) -> AttemptOutcome {
        AttemptOutcome::Dead {
            code: "unclear_result",
            reason: format!(
                "it is not known whether the portal has carried out {} {}, which is not safe to repeat: look there \
                 whether it has; then discard the action, or replay it to make the call again",
                self.method.name(),
                self.path
            ),
            intent: None,
        }
    }
}
