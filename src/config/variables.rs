//! The variables as text, and the contents of the files that some of them name.

use std::collections::BTreeMap;
use std::fmt;

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

/// All variables and the contents of the files that `X_FILE` variables name, read once.
#[derive(Clone)]
pub(super) struct Variables {
    /// By name, trimmed. Empty values count as unset, because container tools pass unset ones so.
    values: BTreeMap<String, String>,
    /// Contents, by the variable they are the value of.
    files: BTreeMap<&'static str, Result<String, Problem>>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values include secrets.
        let Self { values, files: _ } = self;
        formatter
            .debug_tuple("Variables")
            .field(&values.keys())
            .finish()
    }
}

impl Variables {
    /// Takes name/value pairs, of which later ones take precedence.
    pub(super) fn from_pairs(pairs: &[(String, String)]) -> Self {
        let mut values: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.trim().to_owned()))
            .collect();
        values.retain(|_, value| !value.is_empty());
        let read = |&(variable, file_variable): &(&'static str, &'static str)| {
            let path = values.get(file_variable)?;
            let content = if values.contains_key(variable) {
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
        Self { values, files }
    }

    /// The same with another value of a variable.
    #[must_use]
    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.files.remove(name);
        changed
            .values
            .insert(name.to_owned(), value.trim().to_owned());
        changed
    }

    /// Every variable that is set directly, with its value.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        let values = self.values.iter();
        values.map(|(name, value)| (name.clone(), value.clone()))
    }

    /// The value of any variable, even of one that the service does not define.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether a variable has a value, directly or in a file; the file may be unreadable.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.files.contains_key(name)
    }

    /// The value of a variable of the service, set directly or in a file.
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
