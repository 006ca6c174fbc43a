//! Collects everything wrong with a rules file, each problem with its line, rule and field.

use std::cell::RefCell;
use std::ops::Range;

/// How similar a word must be to a known one to be suggested, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.7;

/// The problems of a file that is being read.
#[derive(Debug)]
pub(super) struct Diagnostics<'f> {
    file_name: String,
    text: &'f str,
    /// With their lines.
    problems: RefCell<Vec<(usize, String)>>,
}

impl<'f> Diagnostics<'f> {
    pub(super) fn new(file_name: &str, text: &'f str) -> Self {
        Self {
            file_name: file_name.to_owned(),
            text,
            problems: RefCell::default(),
        }
    }

    /// Adds a problem. Rule and field are empty for problems of the whole file.
    pub(super) fn add(&self, span: &Range<usize>, rule: &str, field: &str, what: &str) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let mut place = format!("{}, line {line}", self.file_name);
        if !rule.is_empty() {
            place = format!("{place}, rule {rule}");
        }
        if !field.is_empty() {
            place = format!("{place}, {field}");
        }
        self.problems
            .borrow_mut()
            .push((line, format!("{place}: {what}")));
    }

    /// The problems, from the top of the file to its end.
    pub(super) fn into_problems(self) -> impl Iterator<Item = String> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(line, _)| *line);
        problems.into_iter().map(|(_, problem)| problem)
    }
}

/// "did you mean" the known word that is most similar to this one; `None` if none is similar.
pub(super) fn did_you_mean<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    closest_match(word, known).map(|known| format!("did you mean {known}?"))
}

/// The known word that is most similar to this one, if one is similar.
pub(super) fn closest_match<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&word, known), known))
        .filter(|(similarity, known)| {
            *similarity >= MIN_SIMILARITY || word.len() > 2 && known.starts_with(&word)
        })
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
