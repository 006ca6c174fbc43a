//! Pausing and resuming a rule: a page that asks for confirmation, and the form on it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use tracing::info;

use super::access::{Identity, OperatorName};
use super::console::Console;
use super::layout::{Layout, Section, message, page, unavailable};
use super::rule_list::RulesNotice;
use crate::db::StoreError;
use crate::outbox::{Held, paused_rules};
use crate::rule_pause;
use crate::text::clean;

/// A change of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleChange {
    Pause,
    Resume,
}

#[derive(Debug, Deserialize)]
pub(super) struct RuleQuery {
    rule: String,
}

/// The form. What is held matters only for a resumption.
#[derive(Debug, Deserialize)]
pub(super) struct RuleForm {
    rule: String,
    #[serde(default)]
    held: HeldChoice,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HeldChoice {
    #[default]
    Do,
    Drop,
}

#[derive(Template)]
#[template(path = "rule_change.html")]
struct RuleChangePage {
    layout: Layout,
    rule: String,
    /// The name as the form sends it.
    value: String,
    is_pause: bool,
    held: u64,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Path(change): Path<RuleChange>,
    Query(RuleQuery { rule }): Query<RuleQuery>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    let held = match held_actions(&console, &rule).await {
        Ok(held) => held,
        Err(error) => return unavailable(layout, &error),
    };
    if let Some(refusal) = refusal(&console, layout.clone(), &rule, change, held) {
        return refusal;
    }
    let view = RuleChangePage {
        layout,
        rule: clean(&rule),
        value: rule,
        is_pause: change == RuleChange::Pause,
        held: held.unwrap_or(0),
    };
    page(StatusCode::OK, &view)
}

pub(super) async fn apply(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Extension(name): Extension<OperatorName>,
    Path(change): Path<RuleChange>,
    Form(form): Form<RuleForm>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    match change_rule(&console, layout.clone(), change, &form, name).await {
        Ok(response) => response,
        Err(error) => unavailable(layout, &error),
    }
}

async fn change_rule(
    console: &Console,
    layout: Layout,
    change: RuleChange,
    form: &RuleForm,
    name: OperatorName,
) -> Result<Response, StoreError> {
    let rule = &form.rule;
    let held = held_actions(console, rule).await?;
    if let Some(refusal) = refusal(console, layout, rule, change, held) {
        return Ok(refusal);
    }
    let (now, author) = (console.clock.now(), name.author());
    let notice = match change {
        RuleChange::Pause => {
            rule_pause::pause(&console.db, rule, &author, now).await?;
            info!(rule = clean(rule), "an operator paused a rule");
            RulesNotice::Paused
        }
        RuleChange::Resume => {
            let held = match form.held {
                HeldChoice::Do => Held::Do,
                HeldChoice::Drop => Held::Drop,
            };
            let (db, name) = (console.db.clone(), rule.clone());
            // A browser that closes the connection must not end it half way.
            let resume =
                tokio::spawn(
                    async move { rule_pause::resume(&db, &name, held, &author, now).await },
                );
            let Ok(resumed) = resume.await else {
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            };
            let actions = resumed?;
            info!(rule = clean(rule), actions, "an operator resumed a rule");
            console.wake.outbox.notify_one();
            RulesNotice::Resumed
        }
    };
    Ok(Redirect::to(notice.address()).into_response())
}

/// How many actions a rule holds; `None` if it is not paused.
async fn held_actions(console: &Console, rule: &str) -> Result<Option<u64>, StoreError> {
    let paused = console.db.read(paused_rules).await?;
    let mut paused = paused.into_iter();
    Ok(paused
        .find(|paused| paused.rule == rule)
        .map(|paused| paused.held))
}

/// The page for a rule that cannot be paused or resumed.
fn refusal(
    console: &Console,
    layout: Layout,
    rule: &str,
    change: RuleChange,
    held: Option<u64>,
) -> Option<Response> {
    let rules = console.rules().get();
    let is_active = rules.rules().iter().any(|active| active.name == rule);
    let (code, heading, sentence) = match (change, held) {
        // A paused rule that was removed from the file may still hold actions.
        (RuleChange::Resume, Some(_)) => return None,
        (RuleChange::Pause, None) if is_active => return None,
        (RuleChange::Pause, Some(_)) => (
            StatusCode::CONFLICT,
            "Already paused",
            format!("The rule {} is paused already.", clean(rule)),
        ),
        (RuleChange::Resume, None) => (
            StatusCode::CONFLICT,
            "Not paused",
            format!("The rule {} is not paused.", clean(rule)),
        ),
        (RuleChange::Pause, None) => (
            StatusCode::NOT_FOUND,
            "No such rule",
            format!("There is no active rule {}.", clean(rule)),
        ),
    };
    let link = Some(("/rules".to_owned(), "All rules"));
    Some(message(layout, code, heading, sentence, link))
}
