//! Link: makes an external link to the file, and leaves its address as a result.
//!
//! The link's GUID is derived from the action, so a repeated call changes the same link and raises no event. The links of
//! the file are read first, and the intent is stored, so that a replay knows that there may be a link. A link whose end
//! passes before the portal handles the call would be unlimited, so none is made then (docs/DOCSPACE.md A5.2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::StoreError;
use crate::docspace::{Error, FileLink, LinkAccess, MAX_FILE_LINKS, WantedLink};
use crate::ids::FileId;
use crate::outbox::{Action, ActionResult};
use crate::results::{ResultName, Results};
use crate::rules::{ActionProperties, FileRight};
use crate::table_reader::{FieldValue, RuleContext};

use super::attempt::{AttemptOutcome, Context, Outcomes, each};
use super::current_file::current_file;
use super::failpoint::Failpoint;
use super::intent;
#[cfg(test)]
use super::kind::Example;
use super::kind::Kind;
use super::link_end::LinkEnd;
use super::message::message_id;
use super::parse::one_of;
use super::portal_error::{refused_without_cause, unreadable_file};

/// What visitors may do, as rules name it.
const ACCESS: [(&str, LinkAccess); 5] = [
    ("read", LinkAccess::Read),
    ("comment", LinkAccess::Comment),
    ("review", LinkAccess::Review),
    ("edit", LinkAccess::Edit),
    ("fill forms", LinkAccess::FillForms),
];

/// Makes a link to the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// When it ends.
    pub expires: LinkEnd,
    /// What visitors may do.
    pub access: LinkAccess,
    /// Whether visitors may download the file.
    pub download: bool,
}

impl Kind for Link {
    const NAME: &'static str = "link";

    const MAKES: &'static [ResultName] = &[ResultName::Link];

    #[cfg(test)]
    const EXAMPLES: &'static [Example] = &[
        Example {
            stored: r#"{"link":{"expires":"30 days","access":"read","download":true}}"#,
            described: "link to read for 30 days",
        },
        Example {
            stored: r#"{"link":{"expires":"never","access":"fill_forms","download":false}}"#,
            described: "link to fill forms without an end (no download)",
        },
    ];

    /// `link = "30 days"`, or `link = { expires = "30 days", access = "edit", download = false }`.
    fn parse(value: &FieldValue<'_>, _: RuleContext<'_>) -> Option<Vec<Self>> {
        let Some(mut table) = value.as_table() else {
            return Some(vec![Self {
                expires: LinkEnd::parse(value)?,
                access: LinkAccess::default(),
                download: true,
            }]);
        };
        let expires = table.required("expires", "when the link ends, such as \"30 days\"");
        let access = table
            .field("access")
            .map_or(Some(LinkAccess::default()), |it| one_of(&it, &ACCESS));
        let download = table.field("download").map_or(Some(true), |it| it.flag());
        table.finish();
        Some(vec![Self {
            expires: LinkEnd::parse(&expires?)?,
            access: access?,
            download: download?,
        }])
    }

    fn properties(&self) -> ActionProperties {
        let mut access = ACCESS.iter();
        let access = access.find(|(_, access)| *access == self.access);
        let access = access.map_or("", |(name, _)| *name);
        ActionProperties {
            needs: Some(FileRight::Link),
            target_text: Some(format!("to {access} {}", self.expires)),
            remark: (!self.download).then_some("no download"),
            ..ActionProperties::on_file()
        }
    }

    async fn run<'a>(
        &self,
        context: &Context<'_>,
        actions: &'a [Action],
    ) -> Result<Outcomes<'a>, StoreError> {
        each(actions, |action| link(context, action, self)).await
    }
}

async fn link(
    context: &Context<'_>,
    action: &Action,
    plan: &Link,
) -> Result<AttemptOutcome, StoreError> {
    let file = current_file(context, action).await?;
    let id = guid(&message_id(context, action, Link::NAME));
    let links = match context.portal.links().of_file(&file).await {
        Ok(links) => links,
        Err(error) => {
            let outcome = match error {
                Error::Forbidden => refused(context, action, &file).await,
                error => unreadable_file(context, &error).await,
            };
            return Ok(outcome.keeping(action.intent.clone()));
        }
    };
    let count = links.len();
    let mut links = links.into_iter();
    let made = links.find(|link| link.id.eq_ignore_ascii_case(&id) && plan.has_end(link));
    if let Some(made) = made {
        return Ok(plan.done(&made));
    }

    let intent = intent::new(context);
    let expires = plan.expires.of_link_made_at(intent.at);
    if expires.is_some_and(|expires| expires <= intent.in_flight_until) {
        return Ok(AttemptOutcome::Dead {
            code: "link_expired",
            reason: "the link would end before it could be used, or has ended already".to_owned(),
            intent: action.intent.clone(),
        });
    }
    let mut ended = Outcomes::new();
    let held = intent::store(context, [action], &intent, &mut ended).await?;
    let Some(unconfirmed) = held.into_iter().next() else {
        return Ok(AttemptOutcome::ClaimLost);
    };
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let wanted = WantedLink {
        id: &id,
        title: &action.rule,
        access: plan.access,
        expires,
        download: plan.download,
    };
    let may_send = context.holds_claims(vec![action.claim]);
    let made = context.portal.links().set(&file, &wanted, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match made {
        Ok(made) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            plan.done(&made)
        }
        Err(Error::Forbidden) if count >= MAX_FILE_LINKS => AttemptOutcome::Dead {
            code: "too_many_links",
            reason: format!("the file has {count} links already, and DocSpace allows no more"),
            intent: None,
        },
        Err(Error::Forbidden) => refused(context, action, &file).await,
        Err(error @ Error::NotFound) => unreadable_file(context, &error).await,
        Err(error) => unconfirmed.call_failed(context, &error).1,
    })
}

impl Link {
    /// Whether a link ends if it should.
    fn has_end(&self, link: &FileLink) -> bool {
        link.expires.is_some() || !self.expires.is_limited()
    }

    fn done(&self, link: &FileLink) -> AttemptOutcome {
        if !self.has_end(link) {
            return AttemptOutcome::Dead {
                code: "link_without_end",
                reason: "the portal made the link without an end: delete it in the file's sharing settings".to_owned(),
                intent: None,
            };
        }
        let end = |expires: Timestamp| format!("the link ends at {expires}");
        AttemptOutcome::Done(ActionResult {
            note: link.expires.map(end),
            named: Results::one(ResultName::Link, link.address.as_str()),
            ..ActionResult::default()
        })
    }
}

/// The outcome for a file whose links the portal refuses to show or to change: 403 means "no right" as well as "gone" and
/// "not in this room".
async fn refused(context: &Context<'_>, action: &Action, file: &FileId) -> AttemptOutcome {
    let not_allowed = || {
        AttemptOutcome::no_right(
            "this key's user may read the file, but not make such a link: the user has to be a room manager, and the \
             type of the room has to allow it",
        )
    };
    match context.portal.files().file(file).await {
        Ok(file) if file.in_trash => AttemptOutcome::in_trash(),
        Ok(file) if file.may_share == Some(false) => not_allowed(),
        Ok(_) => refused_without_cause(action, not_allowed),
        Err(error) => unreadable_file(context, &error).await,
    }
}

/// A GUID made of 32 hexadecimal digits.
fn guid(digits: &str) -> String {
    let part = |range| digits.get(range).unwrap_or_default();
    [0..8, 8..12, 12..16, 16..20, 20..32].map(part).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_a_guid() {
        let digits = "d5a7e3b10c944e6f9d287b6a5c4d3e04";
        assert_eq!(guid(digits), "d5a7e3b1-0c94-4e6f-9d28-7b6a5c4d3e04");
    }
}
