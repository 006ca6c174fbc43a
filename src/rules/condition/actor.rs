//! Who acted: `event.createBy`, which is not the owner of the file (docs/DOCSPACE.md 1.1).

use std::fmt;

use crate::rules::entry_view::{EntryView, Missing};

use super::{Check, Why};

/// An account of the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The user of the API key: whatever this service does is done by that account.
    Myself,
    /// The one with this id.
    Id(String),
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Myself => formatter.write_str("the key's own user"),
            Self::Id(id) => formatter.write_str(id),
        }
    }
}

/// Whether one of these accounts acted.
pub(super) fn acted<'a>(accounts: &'a [Account], seen: &EntryView<'a>) -> Check<'a> {
    match is_one_of(accounts, seen) {
        Ok(true) => Check::Holds(Why::Actor("is", accounts)),
        Ok(false) => Check::Fails(Why::Actor("is not", accounts)),
        Err(missing) => Check::Needs(missing),
    }
}

/// Whether none of them did; an event that names nobody was not caused by them.
pub(super) fn did_not_act<'a>(accounts: &'a [Account], seen: &EntryView<'a>) -> Check<'a> {
    match is_one_of(accounts, seen) {
        Ok(true) => Check::Fails(Why::Actor("is", accounts)),
        Ok(false) => Check::Holds(Why::Actor("is not", accounts)),
        Err(missing) => Check::Needs(missing),
    }
}

fn is_one_of(accounts: &[Account], seen: &EntryView<'_>) -> Result<bool, Missing> {
    let Some(actor) = seen.facts.event.actor.as_deref() else {
        return Ok(false);
    };
    let mut missing = None;
    for account in accounts {
        let id = match (account, seen.facts.current_user) {
            (Account::Id(id), _) => id,
            (Account::Myself, Some(myself)) => myself,
            (Account::Myself, None) => {
                missing = Some(Missing::Myself);
                continue;
            }
        };
        if id.eq_ignore_ascii_case(actor) {
            return Ok(true);
        }
    }
    missing.map_or(Ok(false), Err)
}

/// Who acted, for people.
pub(super) fn value(seen: &EntryView<'_>) -> String {
    let actor = seen.facts.event.actor.as_deref();
    actor.unwrap_or("nobody is named").to_owned()
}
