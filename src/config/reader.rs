//! Reads the variables of one part of the configuration and collects everything wrong with them.

use std::net::{SocketAddr, ToSocketAddrs as _};

use lettre::Address;
use secrecy::SecretString;

use super::problems::{ConfigError, Problem};
use super::variables::Variables;

/// Reads variables. A value that is not valid is reported and returned as `None` or left out.
pub(super) struct Reader<'a> {
    pub(super) variables: &'a Variables,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Self {
            variables,
            problems: Vec::new(),
        }
    }

    /// Reads one part of the configuration. The part must be `None` only if a problem was reported.
    pub(super) fn read<T>(
        variables: &'a Variables,
        part: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let mut reader = Self::new(variables);
        let value = part(&mut reader);
        let problems = reader.problems;
        value
            .filter(|_| problems.is_empty())
            .ok_or(ConfigError { problems })
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Reports a problem with a variable.
    pub(super) fn problem(&mut self, variable: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            variable,
            what: what.into(),
        });
    }

    /// The variable's value.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a str> {
        self.variables.value(name).unwrap_or_else(|problem| {
            self.problems.push(problem.clone());
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
            format!("0.0.0.0{text}")
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

    /// An `http` or `https` URL. It may contain a token, so no problem quotes it.
    pub(super) fn web_address(&mut self, name: &'static str) -> Option<SecretString> {
        let text = self.get(name)?;
        let url = reqwest::Url::parse(text).ok();
        if url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Some(text.into());
        }
        self.problem(name, "must be a URL that starts with https:// or http://");
        None
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
                addresses.push(word.to_owned());
            }
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(value: &str, part: impl FnOnce(&mut Reader<'_>) -> T) -> (T, Vec<Problem>) {
        let variables = Variables::from_pairs(&[("VARIABLE".to_owned(), value.to_owned())]);
        let mut reader = Reader::new(&variables);
        let value = part(&mut reader);
        (value, reader.into_problems())
    }

    #[test]
    fn several_addresses() {
        let check = |text: &str, expected: &[&str]| {
            let (found, problems) = read(text, |reader| reader.email_addresses("VARIABLE"));
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
        check("maybe", |reader| assert!(!reader.flag("VARIABLE")));
        check("0", |reader| assert_eq!(reader.number("VARIABLE", 1), None));
        check("nowhere", |reader| {
            assert_eq!(reader.socket_address("VARIABLE", ""), None);
        });
        check("ftp://x.example", |reader| {
            assert!(reader.web_address("VARIABLE").is_none());
        });
    }
}
