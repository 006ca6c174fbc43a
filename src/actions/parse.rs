//! Values that several kinds of action have in a rules file: `true`, email addresses and templates.

use lettre::Address;

use crate::address::{SMTPUTF8, needs_smtputf8};
use crate::docspace::MAX_TAG_LENGTH;
use crate::similar::closest_match;
use crate::table_reader::FieldValue;
use crate::template::folder_path::{FolderPath, PathError, PathField};
use crate::template::{Template, TemplateError, TemplateField};

/// How many lines a text may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LineLimit {
    One,
    Many,
}

/// An email address or a list of them.
pub(super) fn email_addresses(value: &FieldValue<'_>) -> Vec<String> {
    value.items().iter().filter_map(email_address).collect()
}

/// An email address; `None` if it is none and that was reported.
pub(super) fn email_address(value: &FieldValue<'_>) -> Option<String> {
    let address = value.text()?.trim().to_owned();
    if address.parse::<Address>().is_err() {
        value.report(&format!("is not a valid email address: {address}"));
        return None;
    }
    if needs_smtputf8(&address) {
        value.warn(SMTPUTF8);
    }
    Some(address)
}

/// A tag or a list of tags.
pub(super) fn tags(value: &FieldValue<'_>) -> Vec<String> {
    let items = value.items().into_iter();
    let names = items.filter_map(|item| {
        let name = item.text()?.trim().to_owned();
        let length = name.chars().count();
        if name.is_empty() {
            item.report("is blank");
        } else if length > MAX_TAG_LENGTH {
            item.report(&format!("is longer than {MAX_TAG_LENGTH} characters"));
        }
        Some(name)
    });
    names.collect()
}

/// `true`, for an action that has no settings; `None` if it is not and was reported.
pub(super) fn switched_on(value: &FieldValue<'_>) -> Option<()> {
    if !value.flag()? {
        value.report("must be true; leave the action out if it is not wanted");
        return None;
    }
    Some(())
}

/// The value that a word stands for; `None` if there is no such word and that was reported.
pub(super) fn one_of<T: Copy>(value: &FieldValue<'_>, words: &[(&'static str, T)]) -> Option<T> {
    let given = value.text()?;
    let found = words.iter().find(|(word, _)| *word == given);
    if let Some((_, meant)) = found {
        return Some(*meant);
    }
    let names: Vec<String> = words
        .iter()
        .map(|(word, _)| format!("\"{word}\""))
        .collect();
    let (last, others) = names.split_last()?;
    value.report(&format!("must be {} or {last}", others.join(", ")));
    None
}

/// A template.
pub(super) fn template<F: TemplateField>(
    value: &FieldValue<'_>,
    limit: LineLimit,
) -> Option<Template<F>> {
    let text = value.text()?;
    if limit == LineLimit::One && text.contains(['\r', '\n']) {
        value.report("must be one line");
    }
    let error = match Template::parse(&text) {
        Ok(template) => return Some(template),
        Err(error) => error,
    };
    template_error::<F>(value, &error);
    None
}

/// Reports why a text is not a valid template.
pub(super) fn template_error<F: TemplateField>(value: &FieldValue<'_>, error: &TemplateError) {
    let hint = match error {
        TemplateError::Unknown(unknown) => unknown_field_hint::<F>(unknown),
        _ => String::new(),
    };
    value.report(&format!("{error}{hint}"));
}

/// A path of folders.
pub(super) fn folder_path(value: &FieldValue<'_>) -> Option<FolderPath> {
    let error = match FolderPath::parse(&value.text()?) {
        Ok(path) => return Some(path),
        Err(error) => error,
    };
    let hint = match &error {
        PathError::Part(TemplateError::Unknown(unknown)) => {
            unknown_field_hint::<PathField>(unknown)
        }
        _ => String::new(),
    };
    value.report(&format!("{error}{hint}"));
    None
}

fn unknown_field_hint<F: TemplateField>(unknown: &str) -> String {
    let names = F::NAMES.iter().map(|(name, _)| *name);
    if let Some(known) = closest_match(unknown, names.clone()) {
        return format!("; did you mean {{{known}}}?");
    }
    let names: Vec<&str> = names.collect();
    format!("; expected one of {}", names.join(", "))
}
