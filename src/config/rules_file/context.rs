//! What the rules of a file may refer to outside of it.

use std::cell::RefCell;
use std::path::Path;

use crate::config::variables::Variables;
use crate::text_file;

/// The surroundings of a rules file.
#[derive(Clone, Copy)]
pub(super) struct RuleContext<'a> {
    /// The folder of the rules file, to which relative paths in it refer.
    pub(super) folder: &'a Path,
    pub(super) variables: &'a Variables,
    /// The names of the variables that the rules referred to so far.
    pub(super) used_variables: &'a RefCell<Vec<String>>,
    /// The names of all triggers that rules may use.
    pub(super) triggers: &'a [String],
}

impl RuleContext<'_> {
    /// The trimmed content of a file, or a sentence that says why it cannot be used.
    pub(super) fn read_file(&self, path: &str) -> Result<String, String> {
        match text_file::read(self.folder.join(path)) {
            Ok(text) if text.trim().is_empty() => Err(format!("{path} is empty")),
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(format!("cannot read {path}: {error}")),
        }
    }

    /// The value of a variable, or a sentence that says that there is none.
    pub(super) fn variable(&self, name: &str) -> Result<String, String> {
        self.used_variables.borrow_mut().push(name.to_owned());
        let value = self.variables.text(name).map(str::to_owned);
        value.ok_or_else(|| format!("the variable {name} is not set"))
    }
}
