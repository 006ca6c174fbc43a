//! Reads the variables of one part of the configuration and collects errors and warnings about them.

use std::net::{SocketAddr, ToSocketAddrs as _};

use lettre::Address;
use secrecy::SecretString;

use crate::address::{PLAIN_TEXT, SMTPUTF8, is_plain_text, needs_smtputf8, parse_web_address};
use crate::certificates::TrustedCertificates;
use crate::finding::Finding;
use crate::ids::FolderId;

use super::problems::ConfigError;
use super::variables::Variables;

/// Reads variables. A value that is not valid is reported and returned as `None` or left out.
pub(super) struct Reader<'a> {
    pub(super) variables: &'a Variables,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Self {
            variables,
            findings: Vec::new(),
        }
    }

    /// Reads one part of the configuration, and adds what is found to `findings`. The part must be `None` only if an
    /// error was reported.
    pub(super) fn read<T>(
        variables: &'a Variables,
        findings: &mut Vec<Finding>,
        part: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let mut reader = Self::new(variables);
        let value = part(&mut reader);
        let found = reader.findings;
        let errors = ConfigError::of(&found);
        findings.extend(found);
        errors?;
        value.ok_or(ConfigError {
            problems: Vec::new(),
            warnings: Vec::new(),
        })
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Reports a problem with a variable.
    pub(super) fn problem(&mut self, variable: &str, what: impl Into<String>) {
        self.findings.push(Finding::error(variable, what));
    }

    /// Warns of a value that is used.
    pub(super) fn warning(&mut self, variable: &str, what: impl Into<String>) {
        self.findings.push(Finding::warning(variable, what));
    }

    /// Adds what was found elsewhere.
    pub(super) fn extend(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// The variable's value.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a str> {
        self.variables.value(name).unwrap_or_else(|problem| {
            self.findings.push(problem.clone());
            None
        })
    }

    /// The value of a variable that must be set; the hint says what to set it to.
    pub(super) fn required(&mut self, name: &'static str, hint: &str) -> Option<&'a str> {
        if !self.variables.is_set(name) {
            self.problem(name, format!("is not set: {hint}"));
        }
        self.get(name)
    }

    /// `true` or `false`, which is the default.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0" | "no" | "off") => false,
            Some("true" | "1" | "yes" | "on") => true,
            Some(other) => {
                self.problem(name, format!("must be true or false, not {other}"));
                false
            }
        }
    }

    /// A whole number above 0.
    pub(super) fn number(&mut self, name: &'static str, default: u32) -> Option<u32> {
        let Some(text) = self.get(name) else {
            return Some(default);
        };
        let number = text.parse().ok().filter(|number| *number > 0);
        if number.is_none() {
            self.problem(name, format!("must be a whole number above 0, not {text}"));
        }
        number
    }

    /// An address to listen on: IP address or host name, and port.
    pub(super) fn socket_address(
        &mut self,
        name: &'static str,
        default: &str,
    ) -> Option<SocketAddr> {
        let text = self.get(name).unwrap_or(default);
        let full = if text.starts_with(':') {
            format!("[::]{text}")
        } else {
            text.to_owned()
        };
        let address = full
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next());
        if address.is_none() {
            let what = format!("is not a valid address such as 127.0.0.1:3000: {text}");
            self.problem(name, what);
        }
        address
    }

    /// The id of a room or folder.
    pub(super) fn folder_id(&mut self, name: &'static str) -> Option<FolderId> {
        let text = self.get(name)?;
        let id = text.parse();
        if let Err(error) = &id {
            let what =
                format!("{error}; found {text}; `docspace-courier rooms --folders` lists all ids");
            self.problem(name, what);
        }
        id.ok()
    }

    /// The certificates of the file that a variable names; `name` is without `_FILE`.
    pub(super) fn certificates(&mut self, name: &'static str) -> Option<TrustedCertificates> {
        let trusted = TrustedCertificates::from_pem(self.get(name)?);
        if let Err(error) = &trusted {
            self.problem(&format!("{name}_FILE"), error.to_string());
        }
        trusted.ok()
    }

    /// An `http` or `https` URL. It may contain a token, so no problem quotes it.
    pub(super) fn web_address(&mut self, name: &'static str) -> Option<SecretString> {
        let text = self.get(name)?;
        match parse_web_address(text) {
            Ok(url) => {
                if is_plain_text(&url) {
                    self.warning(name, PLAIN_TEXT);
                }
                Some(text.into())
            }
            Err(what) => {
                self.problem(name, what);
                None
            }
        }
    }

    /// Email addresses separated by commas, semicolons or white space, without repetitions.
    pub(super) fn email_addresses(&mut self, name: &'static str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        let mut addresses: Vec<String> = Vec::new();
        let words = text.split([',', ';', ' ', '\t', '\n', '\r']);
        for word in words.filter(|word| !word.is_empty()) {
            if word.parse::<Address>().is_err() {
                self.problem(name, format!("is not a valid email address: {word}"));
            } else if !addresses.iter().any(|known| known == word) {
                if needs_smtputf8(word) {
                    self.warning(name, SMTPUTF8);
                }
                addresses.push(word.to_owned());
            }
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any variable of the service.
    const VARIABLE: &str = "PORT";

    fn read<T>(value: &str, part: impl FnOnce(&mut Reader<'_>) -> T) -> (T, Vec<Finding>) {
        let variables = Variables::from_pairs(&[(VARIABLE.to_owned(), value.to_owned())]);
        let mut reader = Reader::new(&variables);
        let value = part(&mut reader);
        (value, reader.into_findings())
    }

    #[test]
    fn several_addresses() {
        let check = |text: &str, expected: &[&str]| {
            let (found, problems) = read(text, |reader| reader.email_addresses(VARIABLE));
            assert_eq!(found, expected, "{text}");
            assert_eq!(problems, []);
        };
        check("", &[]);
        check("a@x.example", &["a@x.example"]);
        check(
            "a@x.example, b@x.example;c@x.example  a@x.example",
            &["a@x.example", "b@x.example", "c@x.example"],
        );
    }

    #[test]
    fn a_value_that_is_not_valid_is_reported() {
        let check = |value: &str, part: fn(&mut Reader<'_>)| {
            let ((), problems) = read(value, part);
            assert_eq!(problems.len(), 1, "{value}: {problems:?}");
        };
        check("maybe", |reader| assert!(!reader.flag(VARIABLE)));
        check("0", |reader| assert_eq!(reader.number(VARIABLE, 1), None));
        check("nowhere", |reader| {
            assert_eq!(reader.socket_address(VARIABLE, ""), None);
        });
        check("ftp://x.example", |reader| {
            assert!(reader.web_address(VARIABLE).is_none());
        });
    }
}
