//! The variables as text, and the contents of the files that some of them name.

use std::collections::BTreeMap;
use std::fmt;

use crate::finding::Finding;
use crate::text_file;

/// All variables of the service. `X_FILE` names a file that contains the value of X.
pub(super) const VARIABLES: [&str; 42] = [
    "DOCSPACE_API_HOST",
    "DOCSPACE_API_KEY",
    "DOCSPACE_CA",
    "DOCSPACE_WEBHOOK_SECRET",
    "SHARED_WITH_CLIENT_ROOM_ID",
    "INTERNAL_PROCESSING_FOLDER_ID",
    "CLIENT_ROOT_ID",
    "INCOMING_FOLDER_ID",
    "MANAGER_EMAIL",
    "INVOICE_TITLE_PREFIX",
    "ALLOWED_TRIGGERS",
    "RULES_FILE",
    "RULES_RELOAD",
    "SMTP_URL",
    "SMTP_CA",
    "SMTP_HELO",
    "MAIL_FROM",
    "NOTIFY_WEBHOOK_URL",
    "OPERATOR_EMAIL",
    "TIME_ZONE",
    "LANGUAGE",
    "PIPELINE_URL",
    "PIPELINE_SECRET",
    "LISTEN_ADDR",
    "PORT",
    "ADMIN_ADDR",
    "ADMIN_TOKEN",
    "ADMIN_PROXY_HEADER",
    "ADMIN_PROXY_ADDRS",
    "ADMIN_PROXY_ROLE_HEADER",
    "ADMIN_VIEWER_TOKEN",
    "DATABASE_URL",
    "DATABASE_CA",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
    "REQUIRE_HTTPS",
    "ALLOW_UNSIGNED",
    "MAX_ATTEMPTS",
    "RETENTION_DAYS",
    "CATCH_UP_INTERVAL",
    "LOG_FORMAT",
    "RUST_LOG",
];

/// Whether a name is that of a variable of the service, or of the file with its value.
pub(super) fn is_known(name: &str) -> bool {
    let is_variable = |name: &str| VARIABLES.contains(&name);
    is_variable(name) || name.strip_suffix("_FILE").is_some_and(is_variable)
}

/// All variables, and the values of those of the service, read once.
#[derive(Clone)]
pub(crate) struct Variables {
    /// By name, trimmed. Empty values count as unset, because container tools pass unset ones so.
    texts: BTreeMap<String, String>,
    /// The values of the service's variables, set directly or in a file.
    values: BTreeMap<&'static str, Result<String, Finding>>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values include secrets.
        let Self { texts, values: _ } = self;
        formatter
            .debug_tuple("Variables")
            .field(&texts.keys())
            .finish()
    }
}

impl Variables {
    /// Takes name/value pairs, of which later ones take precedence.
    pub(super) fn from_pairs(pairs: &[(String, String)]) -> Self {
        let mut texts: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.trim().to_owned()))
            .collect();
        texts.retain(|_, value| !value.is_empty());
        let values = VARIABLES
            .iter()
            .filter_map(|name| Some((*name, value(&texts, name)?)))
            .collect();
        Self { texts, values }
    }

    /// The same with another value of a variable.
    #[must_use]
    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.values.insert(name, Ok(value.trim().to_owned()));
        changed
    }

    /// The names of all variables, including those that the service does not define.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The text of any variable, even of one that the service does not define.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Whether a variable of the service has a value, directly or in a file; it may be unusable.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of a variable of the service, set directly or in a file.
    pub(super) fn value(&self, name: &str) -> Result<Option<&str>, &Finding> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not in VARIABLES");
        let value = self.values.get(name).map(Result::as_deref);
        value.transpose()
    }
}

/// The value of a variable of the service, or why it cannot be used; `None` if it is not set.
fn value(texts: &BTreeMap<String, String>, name: &str) -> Option<Result<String, Finding>> {
    let file_name = format!("{name}_FILE");
    let (subject, value) = match (texts.get(name), texts.get(&file_name)) {
        (None, None) => return None,
        (Some(text), None) => (name, check_text(text)),
        (None, Some(path)) => (file_name.as_str(), read_file(path)),
        (Some(_), Some(_)) => {
            let what = format!("is set, and so is {name}; set only one of them");
            (file_name.as_str(), Err(what))
        }
    };
    Some(value.map_err(|what| Finding::error(subject, what)))
}

/// Rejects what is certainly a mistake.
fn check_text(text: &str) -> Result<String, String> {
    let is_quoted = ['"', '\''].into_iter().any(|quote| {
        let inside = text.strip_prefix(quote);
        inside.is_some_and(|inside| inside.ends_with(quote))
    });
    if is_quoted {
        let what = "is in quotes, which belong to the value here (Docker's --env-file keeps them): remove them";
        return Err(what.to_owned());
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err("is not UTF-8 text".to_owned());
    }
    Ok(text.to_owned())
}

fn read_file(path: &str) -> Result<String, String> {
    match text_file::read(path) {
        Ok(text) if text.trim().is_empty() => Err(format!("{path} is empty")),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(format!("cannot read {path}: {error}")),
    }
}
