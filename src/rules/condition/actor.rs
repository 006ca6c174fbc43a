//! Conditions on the acting user: `event.createBy`, who need not be the owner of the file
//! (docs/DOCSPACE.md 1.1). Deliveries do not say whether that is a guest, and name no groups, so the portal is asked.

use crate::rules::entry_view::{EntryView, Missing};
use crate::rules::facts::Lookup;

use super::account::Account;
use super::check::{Check, Reason};

/// Whether one of these accounts acted.
pub(super) fn is_one_of<'a>(accounts: &'a [Account], view: &EntryView<'a>) -> Check<'a> {
    match contains_actor(accounts, view) {
        Ok(true) => Check::Match(Reason::Actor("is", accounts)),
        Ok(false) => Check::Mismatch(Reason::Actor("is not", accounts)),
        Err(missing) => Check::Needs(missing),
    }
}

/// Whether none of these accounts acted. Matches if the event names no account.
pub(super) fn is_none_of<'a>(accounts: &'a [Account], view: &EntryView<'a>) -> Check<'a> {
    match contains_actor(accounts, view) {
        Ok(true) => Check::Mismatch(Reason::Actor("is", accounts)),
        Ok(false) => Check::Match(Reason::Actor("is not", accounts)),
        Err(missing) => Check::Needs(missing),
    }
}

fn contains_actor(accounts: &[Account], view: &EntryView<'_>) -> Result<bool, Missing> {
    let Some(actor) = view.facts.event.actor.as_deref() else {
        return Ok(false);
    };
    let mut missing = None;
    for account in accounts {
        let id = match (account, &view.facts.current_user) {
            (Account::Id(id), _) => id,
            (Account::ApiKeyUser, Some(current_user)) => current_user,
            (Account::ApiKeyUser, None) => {
                missing = Some(Missing::CurrentUser);
                continue;
            }
        };
        if id.eq_ignore_ascii_case(actor) {
            return Ok(true);
        }
    }
    missing.map_or(Ok(false), Err)
}

/// The acting user, for people.
pub(super) fn value(view: &EntryView<'_>) -> String {
    let actor = view.facts.event.actor.as_deref();
    actor.unwrap_or("not given").to_owned()
}

/// Whether a member of one of these groups acted.
pub(super) fn is_in_group<'a>(groups: &'a [String], view: &EntryView<'a>) -> Check<'a> {
    match membership(groups, view) {
        Ok((is_member, reason)) => Check::of(is_member, reason),
        Err(missing) => Check::Needs(missing),
    }
}

/// Whether no member of these groups acted. Matches if the event names no account, or one that no longer exists.
pub(super) fn is_in_no_group<'a>(groups: &'a [String], view: &EntryView<'a>) -> Check<'a> {
    match membership(groups, view) {
        Ok((is_member, reason)) => Check::of(!is_member, reason),
        Err(missing) => Check::Needs(missing),
    }
}

/// Whether the acting user is in one of these groups, which are in the form in which texts are compared.
fn membership<'a>(
    groups: &'a [String],
    view: &EntryView<'a>,
) -> Result<(bool, Reason<'a>), Missing> {
    if view.facts.event.actor.is_none() {
        return Ok((false, NOBODY));
    }
    match &view.facts.actor_groups {
        None => Err(Missing::ActorGroups),
        Some(Lookup::NotFound) => Ok((false, GONE)),
        Some(Lookup::Found(_)) => {
            let is_member = view.actor_groups().iter().any(|it| groups.contains(it));
            let verb = if is_member { "is in" } else { "is not in" };
            Ok((is_member, Reason::Group(verb, groups)))
        }
    }
}

/// Whether the acting user is a guest, or is not one. Somebody who is not known is neither.
pub(super) fn is_guest<'a>(wanted: bool, view: &EntryView<'a>) -> Check<'a> {
    if view.facts.event.actor.is_none() {
        return Check::Mismatch(NOBODY);
    }
    match &view.facts.actor {
        None => Check::Needs(Missing::Actor),
        Some(Lookup::NotFound) => Check::Mismatch(GONE),
        Some(Lookup::Found(account)) => {
            let reason = if account.is_guest {
                "the acting user is a guest"
            } else {
                "the acting user is not a guest"
            };
            Check::of(account.is_guest == wanted, Reason::Plain(reason))
        }
    }
}

const NOBODY: Reason<'static> = Reason::Plain("the event does not name the acting user");
const GONE: Reason<'static> = Reason::Plain("the account of the acting user no longer exists");

/// The groups of the acting user, for people.
pub(super) fn group_value(view: &EntryView<'_>) -> String {
    match &view.facts.actor_groups {
        Some(Lookup::Found(groups)) if groups.is_empty() => "no groups".to_owned(),
        Some(Lookup::Found(groups)) => {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            names.join(", ")
        }
        Some(Lookup::NotFound) => "no account".to_owned(),
        None => "not given".to_owned(),
    }
}

/// Whether the acting user is a guest, for people.
pub(super) fn guest_value(view: &EntryView<'_>) -> String {
    let value = match &view.facts.actor {
        Some(Lookup::Found(account)) if account.is_guest => "a guest",
        Some(Lookup::Found(_)) => "not a guest",
        Some(Lookup::NotFound) => "no account",
        None => "not given",
    };
    value.to_owned()
}
