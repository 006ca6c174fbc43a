//! Conditions on the acting user: `event.createBy`, who need not be the owner of the file
//! (docs/DOCSPACE.md 1.1).

use crate::rules::entry_view::{EntryView, Missing};

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
