//! Reading TOML tables leniently: what is wrong is noted with its place, and reading goes on.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ids::FolderId;

/// How much alike a word must be to one that is known to be suggested, from 0 to 1.
const ALIKE: f64 = 0.7;

/// A file being read, and what is wrong with it.
pub(super) struct Sheet<'a> {
    name: String,
    text: &'a str,
    problems: Vec<(usize, String)>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(name: &str, text: &'a str) -> Self {
        Self {
            name: name.to_owned(),
            text,
            problems: Vec::new(),
        }
    }

    /// Notes a problem at this place of this rule's field.
    pub(super) fn add(
        &mut self,
        at: &Range<usize>,
        rule: Option<&str>,
        field: &str,
        what: impl AsRef<str>,
    ) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let rule = rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
        let field = match field {
            "" => String::new(),
            field => format!(", {field}"),
        };
        let what = what.as_ref();
        let problem = format!("{}, line {line}{rule}{field}: {what}", self.name);
        self.problems.push((line, problem));
    }

    /// The problems, from the top of the file to its end.
    pub(super) fn into_problems(mut self) -> impl Iterator<Item = String> {
        self.problems.sort_by_key(|(line, _)| *line);
        self.problems.into_iter().map(|(_, problem)| problem)
    }

    /// A text.
    pub(super) fn text(
        &mut self,
        rule: Option<&str>,
        field: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<String> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let what = format!("must be a text, not {}", kind(value));
            self.add(&value.span(), rule, field, what);
        }
        text.map(str::to_owned)
    }

    /// A text, or a list of texts; each with its place.
    pub(super) fn texts(
        &mut self,
        rule: Option<&str>,
        field: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Vec<(String, Range<usize>)> {
        let found = items(value).into_iter().filter_map(|item| {
            let text = self.text(rule, field, item)?;
            Some((text, item.span()))
        });
        let found: Vec<_> = found.collect();
        self.refuse_empty_list(rule, field, value);
        found
    }

    /// An id, or a list of ids: numbers, or texts as third-party storage has them.
    pub(super) fn folders(
        &mut self,
        rule: Option<&str>,
        field: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Vec<FolderId> {
        let found = items(value).into_iter().filter_map(|item| {
            let id = match item.get_ref() {
                DeValue::Integer(number) => number
                    .to_string()
                    .parse::<i64>()
                    .ok()
                    .filter(|number| *number > 0)
                    .map(FolderId::from),
                DeValue::String(text) => FolderId::new(text),
                _ => None,
            };
            if id.is_none() {
                let what = "must be the id of a room or folder; `docspace-courier rooms --folders` lists them";
                self.add(&item.span(), rule, field, what);
            }
            id
        });
        let found: Vec<_> = found.collect();
        self.refuse_empty_list(rule, field, value);
        found
    }

    /// `true`; `false` is as good as nothing.
    pub(super) fn flag(
        &mut self,
        rule: Option<&str>,
        field: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> bool {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            let what = format!("must be true or false, not {}", kind(value));
            self.add(&value.span(), rule, field, what);
        }
        flag.unwrap_or(false)
    }

    fn refuse_empty_list(&mut self, rule: Option<&str>, field: &str, value: &Spanned<DeValue<'_>>) {
        if value
            .get_ref()
            .as_array()
            .is_some_and(|list| list.is_empty())
        {
            self.add(
                &value.span(),
                rule,
                field,
                "is an empty list, which nothing fits",
            );
        }
    }
}

/// The fields of a table, of which the known ones are taken.
pub(super) struct Fields<'t> {
    table: &'t DeTable<'t>,
    /// The rule they belong to, as problems name it.
    rule: Option<String>,
    /// What their names are behind.
    prefix: String,
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    pub(super) fn new(table: &'t DeTable<'t>, rule: Option<&str>, prefix: &str) -> Self {
        Self {
            table,
            rule: rule.map(str::to_owned),
            prefix: prefix.to_owned(),
            known: Vec::new(),
        }
    }

    /// A field's name as problems show it.
    pub(super) fn path(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}.{name}"),
        }
    }

    /// The field with this name, which is known from now on.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(name);
        self.table
            .iter()
            .find(|(key, _)| key.get_ref().as_ref() == name)
            .map(|(_, value)| value)
    }

    /// Whether any of the known fields is there.
    pub(super) fn has_any(&self) -> bool {
        let mut keys = self.table.keys();
        keys.any(|key| self.known.contains(&key.get_ref().as_ref()))
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str, sheet: &mut Sheet<'_>) -> Option<String> {
        let value = self.take(name)?;
        sheet.text(self.rule.as_deref(), &self.path(name), value)
    }

    /// Notes every field that was not taken, with the known one that it may have been meant to be.
    pub(super) fn refuse_others(self, sheet: &mut Sheet<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let known = self.known.iter().copied();
            let what = match alike(name, known.clone()) {
                Some(known) => format!("is no field here; did you mean {known}?"),
                None => format!(
                    "is no field here; there are {}",
                    known.collect::<Vec<_>>().join(", ")
                ),
            };
            sheet.add(&key.span(), self.rule.as_deref(), &self.path(name), what);
        }
    }
}

/// The known word that is most like this one, if one is.
pub(super) fn alike<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .map(|known| (strsim::normalized_damerau_levenshtein(&word, known), known))
        .filter(|(alike, known)| *alike >= ALIKE || known.starts_with(&word) && word.len() > 2)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// The value itself, or the items of a list.
fn items<'v, 't>(value: &'v Spanned<DeValue<'t>>) -> Vec<&'v Spanned<DeValue<'t>>> {
    match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    }
}

/// What kind of value it is, in words.
fn kind(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
