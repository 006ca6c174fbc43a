//! What the rules of a file may refer to outside of it.

use std::cell::RefCell;
use std::path::Path;

use secrecy::SecretString;

use crate::config::variables::Variables;
use crate::pipeline::{PipelineSettings, Signer};
use crate::text_file;

/// The surroundings of a rules file.
#[derive(Clone, Copy)]
pub(crate) struct RuleContext<'a> {
    /// The folder of the rules file, to which relative paths in it refer.
    pub(crate) folder: &'a Path,
    pub(crate) variables: &'a Variables,
    /// The names of all triggers that rules may use.
    pub(crate) triggers: &'a [String],
    pub(crate) uses: &'a FileUses,
}

/// What the rules have referred to so far.
#[derive(Default)]
pub(crate) struct FileUses {
    /// The names of variables.
    pub(crate) variables: RefCell<Vec<String>>,
    /// The pipelines, by their keys.
    pub(crate) pipelines: RefCell<Vec<(String, PipelineSettings)>>,
}

impl RuleContext<'_> {
    /// Whether a variable of the service is set.
    pub(crate) fn is_set(&self, variable: &str) -> bool {
        self.variables.is_set(variable)
    }

    /// Adds a pipeline that a rule calls. It is named after the rule; further ones of the rule are numbered.
    pub(crate) fn add_pipeline(
        &self,
        key: String,
        rule: &str,
        url: SecretString,
        signer: Option<Signer>,
    ) {
        let mut pipelines = self.uses.pipelines.borrow_mut();
        let rule = rule.trim_matches(['“', '”']);
        let first = format!("pipeline of rule {rule}");
        let mut names = (2..).map(|number| format!("{first} ({number})"));
        let mut name = first.clone();
        while pipelines
            .iter()
            .any(|(other, known)| known.name == name && *other != key)
        {
            name = names.next().unwrap_or_default();
        }
        pipelines.push((key, PipelineSettings { name, url, signer }));
    }

    /// The trimmed content of a file, or a sentence that says why it cannot be used.
    pub(crate) fn read_file(&self, path: &str) -> Result<String, String> {
        match text_file::read(self.folder.join(path)) {
            Ok(text) if text.trim().is_empty() => Err(format!("{path} is empty")),
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(format!("cannot read {path}: {error}")),
        }
    }

    /// The value of a variable, or a sentence that says that there is none.
    pub(crate) fn variable(&self, name: &str) -> Result<String, String> {
        self.uses.variables.borrow_mut().push(name.to_owned());
        let value = self.variables.text(name).map(str::to_owned);
        value.ok_or_else(|| format!("the variable {name} is not set"))
    }
}
