//! The variables as text, from the process and from files, read once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::env_file::{self, EnvFileError};
use super::problems::Problem;

/// Variables whose value may be in a file that `X_FILE` names.
const FILE_VARIABLES: [(&str, &str); 12] = [
    ("DOCSPACE_API_HOST", "DOCSPACE_API_HOST_FILE"),
    ("DOCSPACE_API_KEY", "DOCSPACE_API_KEY_FILE"),
    ("DOCSPACE_WEBHOOK_SECRET", "DOCSPACE_WEBHOOK_SECRET_FILE"),
    ("MANAGER_EMAIL", "MANAGER_EMAIL_FILE"),
    ("SMTP_URL", "SMTP_URL_FILE"),
    ("SMTP_CA", "SMTP_CA_FILE"),
    ("NOTIFY_WEBHOOK_URL", "NOTIFY_WEBHOOK_URL_FILE"),
    ("PIPELINE_URL", "PIPELINE_URL_FILE"),
    ("PIPELINE_SECRET", "PIPELINE_SECRET_FILE"),
    ("DATABASE_URL", "DATABASE_URL_FILE"),
    ("DATABASE_CA", "DATABASE_CA_FILE"),
    ("ADMIN_TOKEN", "ADMIN_TOKEN_FILE"),
];

/// All variables and the contents of the files that `X_FILE` variables name.
///
/// Each part of the configuration adds a method, such as [`Settings::portal`], that returns the part or
/// everything wrong with it, however wrong other parts are.
#[derive(Clone)]
pub struct Settings {
    /// By name, trimmed. Empty values count as unset, because container tools pass unset ones so.
    variables: BTreeMap<String, String>,
    /// Contents, by the variable they are the value of.
    files: BTreeMap<&'static str, Result<String, Problem>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values include secrets.
        let Self {
            variables,
            files: _,
        } = self;
        formatter
            .debug_tuple("Settings")
            .field(&variables.keys())
            .finish()
    }
}

impl Settings {
    /// Reads the variables of a file, if one is given, and of the process. The latter take precedence.
    pub fn from_process(env_file: Option<&Path>) -> Result<Self, EnvFileError> {
        let mut pairs = env_file
            .map(env_file::read)
            .transpose()?
            .unwrap_or_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "the only place that reads the environment"
        )]
        let process = std::env::vars_os();
        // All our names are ASCII and all values UTF-8, so other pairs are not ours.
        pairs.extend(process.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        Ok(Self::from_pairs(&pairs))
    }

    /// Takes name/value pairs, of which later ones take precedence.
    pub fn from_pairs(pairs: &[(String, String)]) -> Self {
        let mut variables: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.trim().to_owned()))
            .collect();
        variables.retain(|_, value| !value.is_empty());
        let read = |&(variable, file_variable): &(&'static str, &'static str)| {
            let path = variables.get(file_variable)?;
            let content = if variables.contains_key(variable) {
                Err(format!(
                    "is set, and so is {variable}; set only one of them"
                ))
            } else {
                read_file(path)
            };
            let content = content.map_err(|what| Problem {
                variable: file_variable,
                what,
            });
            Some((variable, content))
        };
        let files = FILE_VARIABLES.iter().filter_map(read).collect();
        Self { variables, files }
    }

    /// The same settings with another value of a variable.
    #[must_use]
    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut settings = self.clone();
        settings.files.remove(name);
        settings
            .variables
            .insert(name.to_owned(), value.trim().to_owned());
        settings
    }

    /// Any variable, ours or not.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether a variable has a value, directly or in a file; the file may be unreadable.
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name) || self.files.contains_key(name)
    }

    /// The value of one of our variables, set directly or in a file.
    pub(super) fn value(&self, name: &str) -> Result<Option<&str>, &Problem> {
        match self.files.get(name) {
            Some(content) => content.as_deref().map(Some),
            None => Ok(self.variable(name)),
        }
    }
}

fn read_file(path: &str) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(format!("{path} is empty")),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(format!("cannot read {path}: {error}")),
    }
}
