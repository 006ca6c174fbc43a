//! The variables as text: from the process, from a file of variables, from files that hold one each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::problems::Problems;

/// Every variable, as text. Empty values count as unset, as container tools pass them so.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Raw {
    pub(super) docspace_api_host: Option<String>,
    pub(super) docspace_api_key: Option<String>,
    pub(super) docspace_webhook_secret: Option<String>,
    pub(super) allow_unsigned: Option<String>,
    pub(super) shared_with_client_room_id: Option<String>,
    pub(super) internal_processing_folder_id: Option<String>,
    pub(super) client_root_id: Option<String>,
    pub(super) incoming_folder_id: Option<String>,
    pub(super) manager_email: Option<String>,
    pub(super) invoice_title_prefix: Option<String>,
    pub(super) allowed_triggers: Option<String>,
    pub(super) rules_file: Option<String>,
    pub(super) rules_reload: Option<String>,
    pub(super) smtp_url: Option<String>,
    pub(super) mail_from: Option<String>,
    pub(super) smtp_ca: Option<String>,
    pub(super) notify_webhook_url: Option<String>,
    pub(super) operator_email: Option<String>,
    pub(super) pipeline_url: Option<String>,
    pub(super) pipeline_secret: Option<String>,
    pub(super) database_url: Option<String>,
    pub(super) database_ca: Option<String>,
    pub(super) listen_addr: Option<String>,
    pub(super) port: Option<String>,
    pub(super) admin_addr: Option<String>,
    pub(super) admin_token: Option<String>,
    pub(super) tls_cert_file: Option<String>,
    pub(super) tls_key_file: Option<String>,
    pub(super) require_https: Option<String>,
    pub(super) max_attempts: Option<String>,
    pub(super) retention_days: Option<String>,
    pub(super) catch_up_interval: Option<String>,
    pub(super) log_format: Option<String>,
}

/// Variables whose value may stand in a file that `X_FILE` names.
const FROM_FILES: [(&str, &str); 12] = [
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

impl Raw {
    pub(super) fn from_pairs(pairs: &[(String, String)], problems: &mut Problems) -> Self {
        let mut values: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.trim().to_owned()))
            .collect();
        values.retain(|_, value| !value.is_empty());
        for (variable, file_variable) in FROM_FILES {
            if let Some(path) = values.remove(file_variable) {
                match read(&path) {
                    _ if values.contains_key(variable) => {
                        problems.add(
                            file_variable,
                            format!("is set, and so is {variable}; set one of them"),
                        );
                    }
                    Ok(value) => {
                        values.insert(variable.to_owned(), value);
                    }
                    Err(error) => {
                        problems.add(file_variable, format!("cannot read {path}: {error}"));
                    }
                }
            }
        }
        // Every field is optional text, so this cannot fail.
        envy::from_iter(values).unwrap_or_default()
    }
}

fn read(path: &str) -> std::io::Result<String> {
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

/// A file of variables that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is neither NAME=value nor a comment.
    #[error("{path}, line {line}: expected NAME=value")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
    },
}

/// The variables of a file, then those of the process, which win.
pub fn process_environment(env_file: Option<&Path>) -> Result<Vec<(String, String)>, EnvFileError> {
    let mut pairs = match env_file {
        Some(path) => read_env_file(path)?,
        None => Vec::new(),
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    // A variable that is no Unicode is none of ours.
    let process = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    pairs.extend(process);
    Ok(pairs)
}

fn read_env_file(path: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| EnvFileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse_env_file(&text).map_err(|line| EnvFileError::Line {
        path: path.to_owned(),
        line,
    })
}

/// Reads `NAME=value` lines, as container tools and systemd write them; the error is a line's number.
fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut pairs = Vec::new();
    for (position, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line_content = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line_content.split_once('=').ok_or(position + 1)?;
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(position + 1);
        }
        pairs.push((name.to_owned(), unquote(value.trim()).to_owned()));
    }
    Ok(pairs)
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_env_file() {
        let text =
            "# a comment\n\nA=1\nexport B = two words \nC=\"quoted # kept\"\nD='it''s'\nE=\n";
        let pairs = parse_env_file(text).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "quoted # kept"),
            ("D", "it''s"),
            ("E", ""),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(parse_env_file("A=1\nnonsense"), Err(2));
        assert_eq!(parse_env_file("two words=1"), Err(1));
    }
}
