//! Reads a rules file: cursors over its tables and values.
//!
//! A cursor knows the rule and field it is at. A value that is not valid is reported with this place and skipped,
//! so that reading continues and all problems are found.

use std::ops::Range;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::Severity;
use crate::ids::FolderId;
use crate::similar::did_you_mean;

mod context;
mod diagnostics;

pub(crate) use context::{FileUses, RuleContext};
pub(crate) use diagnostics::Diagnostics;

/// The length of a GUID.
const GUID_LENGTH: usize = 36;

/// A place in the file.
#[derive(Clone)]
struct Place<'d> {
    diagnostics: &'d Diagnostics<'d>,
    /// The rule, as problems show it; empty outside of rules.
    rule: Rc<str>,
    /// The dotted path of the field in the rule.
    path: String,
    span: Range<usize>,
}

impl Place<'_> {
    fn report(&self, what: &str) {
        self.add(Severity::Error, what);
    }

    fn add(&self, severity: Severity, what: &str) {
        self.diagnostics
            .add(severity, &self.span, &self.rule, &self.path, what);
    }

    fn field(&self, name: &str, span: Range<usize>) -> Self {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Self {
            path,
            span,
            ..self.clone()
        }
    }
}

/// A table and the fields that are known in it: those that were asked for.
pub(crate) struct TableReader<'t> {
    place: Place<'t>,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

/// A value of a field.
pub(crate) struct FieldValue<'t> {
    place: Place<'t>,
    value: &'t DeValue<'t>,
}

impl<'t> TableReader<'t> {
    /// The table of the whole file.
    pub(crate) fn new(table: &'t Spanned<DeTable<'t>>, diagnostics: &'t Diagnostics<'t>) -> Self {
        let place = Place {
            diagnostics,
            rule: Rc::from(""),
            path: String::new(),
            span: table.span(),
        };
        Self::at(place, table.get_ref())
    }

    fn at(place: Place<'t>, table: &'t DeTable<'t>) -> Self {
        Self {
            place,
            table,
            known: Vec::new(),
        }
    }

    /// The same table as that of a rule, to which all problems in it belong from now on.
    #[must_use]
    pub(crate) fn of_rule(mut self, rule: &str) -> Self {
        self.place.rule = Rc::from(rule);
        self.place.path.clear();
        self
    }

    /// Reports a problem of the table.
    pub(crate) fn report(&self, what: &str) {
        self.place.report(what);
    }

    /// Reports a problem of a field that is not in the table.
    pub(crate) fn report_field(&self, name: &str, what: &str) {
        self.place.field(name, self.place.span.clone()).report(what);
    }

    /// Warns of the value of a field.
    pub(crate) fn warn_field(&self, name: &str, what: &str) {
        let place = self.place.field(name, self.place.span.clone());
        place.add(Severity::Warning, what);
    }

    /// A string field without reporting anything, to show in problems.
    pub(crate) fn peek(&self, name: &str) -> Option<&'t str> {
        let (_, value) = self.entry(name)?;
        value.get_ref().as_str()
    }

    fn entry(
        &self,
        name: &str,
    ) -> Option<(
        &'t Spanned<toml::de::DeString<'t>>,
        &'t Spanned<DeValue<'t>>,
    )> {
        self.table
            .iter()
            .find(|(key, _)| key.get_ref().as_ref() == name)
    }

    /// The field, which is known from now on.
    pub(crate) fn field(&mut self, name: &'static str) -> Option<FieldValue<'t>> {
        self.known.push(name);
        let (_, value) = self.entry(name)?;
        Some(FieldValue {
            place: self.place.field(name, value.span()),
            value: value.get_ref(),
        })
    }

    /// The field, or a report that it is missing; the hint says what to set it to.
    pub(crate) fn required(&mut self, name: &'static str, hint: &str) -> Option<FieldValue<'t>> {
        let field = self.field(name);
        if field.is_none() {
            self.report_field(name, &format!("is missing: {hint}"));
        }
        field
    }

    /// The tables of an array of tables, which is written with this header.
    pub(crate) fn tables(&mut self, name: &'static str, header: &str) -> Vec<TableReader<'t>> {
        let Some(field) = self.field(name) else {
            return Vec::new();
        };
        if !field.value.is_array() {
            field.report(&format!("must be written as {header}"));
            return Vec::new();
        }
        let tables = field.list().into_iter().filter_map(|item| {
            let table = item.as_table();
            if table.is_none() {
                item.report("must be a table");
            }
            table
        });
        tables.collect()
    }

    /// All fields with their names, for a table whose names are free.
    pub(crate) fn into_fields(self) -> Vec<(&'t str, FieldValue<'t>)> {
        let fields = self.table.iter().map(|(key, value)| {
            let name: &'t str = key.get_ref().as_ref();
            let field = FieldValue {
                place: self.place.field(name, value.span()),
                value: value.get_ref(),
            };
            (name, field)
        });
        fields.collect()
    }

    /// Whether the table has any of the known fields.
    pub(crate) fn has_known_field(&self) -> bool {
        self.known.iter().any(|name| self.entry(name).is_some())
    }

    /// Whether the table has no fields at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Reports every field that is not known.
    pub(crate) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let known = self.known.iter().copied();
            let hint = did_you_mean(name, known)
                .unwrap_or_else(|| format!("expected one of {}", self.known.join(", ")));
            let place = self.place.field(name, key.span());
            place.report(&format!("is not a known field; {hint}"));
        }
    }
}

impl<'t> FieldValue<'t> {
    /// Reports a problem of the value.
    pub(crate) fn report(&self, what: &str) {
        self.place.report(what);
    }

    /// Warns of a value that is used.
    pub(crate) fn warn(&self, what: &str) {
        self.place.add(Severity::Warning, what);
    }

    /// The rule, as problems show it.
    pub(crate) fn rule(&self) -> &str {
        &self.place.rule
    }

    /// A string.
    pub(crate) fn text(&self) -> Option<String> {
        let text = self.value.as_str();
        if text.is_none() {
            self.report(&format!("must be a string, not {}", self.kind()));
        }
        text.map(str::to_owned)
    }

    /// A string, without reporting anything.
    pub(crate) fn as_text(&self) -> Option<&str> {
        self.value.as_str()
    }

    /// A string, a number, `true` or `false`, as text.
    pub(crate) fn scalar(&self) -> Option<String> {
        let text = match self.value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.report(&format!(
                    "must be a string, a number, true or false, not {}",
                    self.kind()
                ));
                return None;
            }
        };
        Some(text)
    }

    /// A whole number, without reporting anything.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self.value {
            DeValue::Integer(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The id of a person or group.
    pub(crate) fn guid(&self) -> Option<String> {
        let text = self.text()?.trim().to_owned();
        if !is_guid(&text) {
            self.report("must be an id such as \"7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10\"");
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.report(&format!("must be true or false, not {}", self.kind()));
        }
        flag
    }

    /// A table.
    pub(crate) fn as_table(&self) -> Option<TableReader<'t>> {
        match self.value {
            DeValue::Table(table) => Some(TableReader::at(self.place.clone(), table)),
            _ => None,
        }
    }

    /// A table, or a report that it must be one.
    pub(crate) fn table(&self, example: &str) -> Option<TableReader<'t>> {
        let table = self.as_table();
        if table.is_none() {
            self.report(&format!("must be a table such as {example}"));
        }
        table
    }

    /// The items of a list, which must not be empty; a single value counts as a list of one.
    pub(crate) fn items(&self) -> Vec<FieldValue<'t>> {
        let items = self.list();
        if items.is_empty() {
            self.report("is an empty list, which matches nothing");
        }
        items
    }

    /// The items of a list, without reporting anything.
    pub(crate) fn as_list(&self) -> Option<Vec<FieldValue<'t>>> {
        self.value.is_array().then(|| self.list())
    }

    fn list(&self) -> Vec<FieldValue<'t>> {
        match self.value {
            DeValue::Array(items) => items
                .iter()
                .map(|item| FieldValue {
                    place: Place {
                        span: item.span(),
                        ..self.place.clone()
                    },
                    value: item.get_ref(),
                })
                .collect(),
            value => vec![FieldValue {
                place: self.place.clone(),
                value,
            }],
        }
    }

    /// A string or a list of strings, trimmed.
    pub(crate) fn texts(&self) -> Vec<String> {
        let items = self.items().into_iter();
        let texts = items.filter_map(|item| Some(item.text()?.trim().to_owned()));
        texts.collect()
    }

    /// An id or a list of ids.
    pub(crate) fn folder_ids(&self) -> Vec<FolderId> {
        let items = self.items().into_iter();
        items.filter_map(|item| item.as_folder_id()).collect()
    }

    /// One id.
    pub(crate) fn folder_id(&self) -> Option<FolderId> {
        if self.value.is_array() {
            self.report("must be a single folder; write one [[rule.action]] for each");
            return None;
        }
        self.as_folder_id()
    }

    /// Ids are numbers, or strings for folders in third-party storage.
    fn as_folder_id(&self) -> Option<FolderId> {
        let id = match self.value {
            DeValue::Integer(number) => number.to_string().parse().ok(),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        if id.is_none() {
            self.report(
                "must be the id of a room or folder; `docspace-courier rooms --folders` lists them",
            );
        }
        id
    }

    fn kind(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}
/// Whether a text is an id of a person or group.
pub(crate) fn is_guid(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    text.len() == GUID_LENGTH && text.bytes().all(is_part)
}
