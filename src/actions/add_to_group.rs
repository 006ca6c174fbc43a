//! Add to group: makes the user of the event a member of a group.
//!
//! The groups of the user are read first, and again afterwards, because the portal answers 200 also if it has added nobody.
//! To add somebody again is harmless and raises no event, so the call needs no intent (docs/DOCSPACE.md A10.2).

use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::Error;
use crate::outbox::{Action, ActionResult};
use crate::rules::{ActionProperties, KeyScope, WorksOn};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::failpoint::Failpoint;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::portal_error::{failed_call, refused_without_cause};

/// Makes the user a member of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddToGroup {
    /// The GUID of the group.
    pub group: String,
}

impl Kind for AddToGroup {
    const NAME: &'static str = "add_to_group";

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[Example {
        stored: r#"{"add_to_group":{"group":"7c1f"}}"#,
        described: "add_to_group 7c1f",
    }];

    /// `add_to_group = "7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10"`. Each group of a list is an action of its own.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let items = value.items().into_iter();
        let plans = items.map(|item| {
            Some(Self {
                group: item.guid()?,
            })
        });
        plans.collect()
    }

    fn properties(&self) -> ActionProperties {
        ActionProperties {
            works_on: WorksOn::Person,
            scope: Some(KeyScope::Groups),
            target_text: Some(self.group.clone()),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        let add = |action| async move { Ok(add(context, action, &self.group).await) };
        each(actions, add).await
    }
}

async fn add(context: &Context<'_>, action: &Action, group: &str) -> AttemptOutcome {
    let (people, user) = (context.portal.people(), action.file.as_str());
    match is_member(context, user, group).await {
        Ok(true) => return AttemptOutcome::Done(ActionResult::default()),
        Ok(false) => {}
        Err(error) => return unreadable_user(context, &error),
    }
    match people.account(user).await {
        Ok(account) if account.is_guest => {
            return AttemptOutcome::Done(ActionResult {
                note: Some("not added, because a guest cannot be in a group".to_owned()),
                ..ActionResult::default()
            });
        }
        Ok(_) => {}
        Err(error) => return unreadable_user(context, &error),
    }
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let may_send = context.holds_claims(vec![action.claim]);
    let added = people.add_to_group(group, user, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    match added {
        Ok(()) => {}
        Err(Error::NotFound) => {
            return AttemptOutcome::Dead {
                code: "group_gone",
                reason: format!("the group {group} does not exist"),
                intent: None,
            };
        }
        Err(Error::Forbidden) => {
            return refused_without_cause(action, || {
                AttemptOutcome::no_right(
                    "this key's user may not change the group: only administrators of the portal may, and nobody may \
                     change groups from LDAP",
                )
            });
        }
        Err(error) => return failed_call(context, &error, None),
    }
    let is_member = is_member(context, user, group).await;
    context.failpoints.pass(Failpoint::BeforeFinish).await;
    match is_member {
        Ok(true) => AttemptOutcome::Done(ActionResult::default()),
        Ok(false) => AttemptOutcome::Dead {
            code: "not_added",
            reason: "the portal accepted the call and added nobody: the account may be disabled"
                .to_owned(),
            intent: None,
        },
        Err(error) => unreadable_user(context, &error),
    }
}

async fn is_member(context: &Context<'_>, user: &str, group: &str) -> Result<bool, Error> {
    let groups = context.portal.people().groups_of(user).await?;
    Ok(groups.iter().any(|it| it.id.eq_ignore_ascii_case(group)))
}

/// The outcome for a user whom the portal does not show.
fn unreadable_user(context: &Context<'_>, error: &Error) -> AttemptOutcome {
    match error {
        Error::NotFound => AttemptOutcome::Dead {
            code: "account_gone",
            reason: "the account no longer exists".to_owned(),
            intent: None,
        },
        Error::Forbidden => {
            AttemptOutcome::no_right("this key's user may not see people and groups")
        }
        error => failed_call(context, error, None),
    }
}
