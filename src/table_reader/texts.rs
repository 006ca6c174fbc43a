//! Texts with a form of their own: email addresses and templates.

use lettre::Address;

use crate::address::{SMTPUTF8, needs_smtputf8};
use crate::similar::closest_match;
use crate::template::{Template, TemplateError, field_names};

use super::FieldValue;

/// How many lines a text may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineLimit {
    One,
    Many,
}

impl FieldValue<'_> {
    /// An email address or a list of them.
    pub(crate) fn email_addresses(&self) -> Vec<String> {
        let items = self.items().into_iter();
        let addresses = items.filter_map(|item| {
            let address = item.text()?.trim().to_owned();
            if address.parse::<Address>().is_err() {
                item.report(&format!("is not a valid email address: {address}"));
                return None;
            }
            if needs_smtputf8(&address) {
                item.warn(SMTPUTF8);
            }
            Some(address)
        });
        addresses.collect()
    }

    /// A template.
    pub(crate) fn template(&self, limit: LineLimit) -> Option<Template> {
        let text = self.text()?;
        if limit == LineLimit::One && text.contains(['\r', '\n']) {
            self.report("must be one line");
        }
        let error = match Template::parse(&text) {
            Ok(template) => return Some(template),
            Err(error) => error,
        };
        let hint = match &error {
            TemplateError::Unknown(unknown) => unknown_field_hint(unknown),
            _ => String::new(),
        };
        self.report(&format!("{error}{hint}"));
        None
    }
}

fn unknown_field_hint(unknown: &str) -> String {
    if let Some(known) = closest_match(unknown, field_names()) {
        return format!("; did you mean {{{known}}}?");
    }
    let names: Vec<&str> = field_names().collect();
    format!("; expected one of {}", names.join(", "))
}
