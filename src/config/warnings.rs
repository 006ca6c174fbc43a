//! Warnings about the variables as a whole: names that the service does not know, and settings without effect.

use crate::finding::Finding;
use crate::rules::{ActionPlan, ChannelId};

use super::rules::Rules;
use super::variables::{VARIABLES, Variables, is_known};
use crate::similar::similarity;

/// Variables that have no effect without another one.
const NO_EFFECT_WITHOUT: [(&str, &str); 7] = [
    ("OPERATOR_EMAIL", "SMTP_URL"),
    ("MAIL_FROM", "SMTP_URL"),
    ("SMTP_HELO", "SMTP_URL"),
    ("SMTP_CA_FILE", "SMTP_URL"),
    ("PIPELINE_SECRET", "PIPELINE_URL"),
    ("MANAGER_EMAIL", "CLIENT_ROOT_ID"),
    ("INVOICE_TITLE_PREFIX", "CLIENT_ROOT_ID"),
];

/// Variables of which one is set if there are any rules.
const RULE_VARIABLES: [&str; 3] = ["SHARED_WITH_CLIENT_ROOM_ID", "CLIENT_ROOT_ID", "RULES_FILE"];

/// Beginnings of names that few other programs use.
const OWN_PREFIXES: [&str; 9] = [
    "DOCSPACE_",
    "SMTP_",
    "NOTIFY_",
    "PIPELINE_",
    "RULES_",
    "ADMIN_",
    "CATCH_UP_",
    "MANAGER_",
    "OPERATOR_",
];

/// Variables of other programs with names similar to those of the service.
const OTHER_PROGRAMS: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How similar a name must be to that of a variable to be taken for it, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.8;

/// How similar it must be if it begins like the service's own names.
const MIN_SIMILARITY_WITH_PREFIX: f64 = 0.6;

/// The warnings about the variables from which these rules were read.
pub(super) fn warnings(variables: &Variables, rules: &Rules) -> Vec<Finding> {
    let mut warnings: Vec<Finding> = variables
        .names()
        .filter(|name| !rules.variables.iter().any(|used| used == name))
        .filter_map(|name| unknown(name).map(|what| Finding::warning(name, what)))
        .collect();
    let with_comment = VARIABLES.iter().filter(|name| {
        let value = variables.value(name);
        value.is_ok_and(|value| value.is_some_and(|value| value.contains(" #")))
    });
    warnings.extend(with_comment.map(|name| {
        let what =
            "contains “ #”, which starts no comment here; write comments on lines of their own";
        Finding::warning(*name, what)
    }));
    warnings.extend(
        NO_EFFECT_WITHOUT
            .iter()
            .filter(|(name, needed)| variables.is_set(name) && !variables.is_set(needed))
            .map(|(name, needed)| {
                Finding::warning(*name, format!("has no effect without {needed}"))
            }),
    );
    let mut actions = rules.rules.iter().flat_map(|rule| &rule.actions);
    let calls = |action: &ActionPlan| action.properties.channel == Some(ChannelId::Pipeline);
    if variables.is_set("PIPELINE_URL") && !actions.any(calls) {
        let what = "has no effect, because no rule calls it";
        warnings.push(Finding::warning("PIPELINE_URL", what));
    }
    warnings.extend(unsent_emails(variables, rules));
    warnings.extend(none_is_set(variables));
    if !RULE_VARIABLES.iter().any(|name| variables.is_set(name)) {
        let what = "none is configured: events are stored, and no action is taken";
        warnings.push(Finding::warning("rules", what));
    }
    warnings
}

/// The warning that no variable is set at all: probably, the file of variables was not named.
pub(super) fn none_is_set(variables: &Variables) -> Option<Finding> {
    let is_any_set = VARIABLES.iter().any(|name| variables.is_set(name));
    let what = "none of the service is set; `--env-file FILE` loads them from a file, and `docspace-courier setup` writes one in \
                the browser";
    (!is_any_set).then(|| Finding::warning("variables", what))
}

/// The warnings about notifications that reach nobody, because they are only written to the log.
fn unsent_emails(variables: &Variables, rules: &Rules) -> Option<Finding> {
    let mut actions = rules.rules.iter().flat_map(|rule| &rule.actions);
    let emails: Vec<&ActionPlan> = actions
        .by_ref()
        .filter(|action| action.properties.channel == Some(ChannelId::Email))
        .collect();
    if emails
        .iter()
        .any(|email| email.properties.target_text.is_none())
    {
        let what =
            "is not set, so nobody is notified of invoices: a line is written to the log instead";
        return Some(Finding::warning("MANAGER_EMAIL", what));
    }
    if !emails.is_empty() && !variables.is_set("SMTP_URL") {
        let what = "is not set, so the emails of the rules are not sent: a line is written to the log instead";
        return Some(Finding::warning("SMTP_URL", what));
    }
    None
}

/// What to say about a variable that looks like one of the service and is none.
fn unknown(name: &str) -> Option<String> {
    if is_known(name) || OTHER_PROGRAMS.contains(&name) || is_of_container(name) {
        return None;
    }
    let has_prefix = OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let (closest, similarity) = VARIABLES
        .iter()
        .flat_map(|known| {
            let file = format!("{known}_FILE");
            [(*known).to_owned(), file]
        })
        .filter(|known| !known.ends_with("_FILE_FILE") && !known.ends_with("_CA"))
        .map(|known| {
            let similarity = similarity(name, &known);
            (known, similarity)
        })
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    let min_similarity = if has_prefix {
        MIN_SIMILARITY_WITH_PREFIX
    } else {
        MIN_SIMILARITY
    };
    let begins_it = name.contains('_') && closest.starts_with(name);
    let is_similar = begins_it || similarity >= min_similarity;
    if is_similar {
        Some(format!(
            "is not a variable of docspace-courier; did you mean {closest}?"
        ))
    } else if has_prefix {
        Some("is not a variable of docspace-courier and has no effect".to_owned())
    } else {
        None
    }
}

/// Whether Docker or Kubernetes sets such a variable for another container or a service, such as
/// `DOCSPACE_PORT_80_TCP` or `DOCSPACE_SERVICE_HOST`.
fn is_of_container(name: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || (name.ends_with("_PORT") && name.starts_with("DOCSPACE_"))
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;

    use super::*;

    fn about(name: &str) -> Option<String> {
        let variables = Variables::from_pairs(&[(name.to_owned(), "1".to_owned())]);
        let rules = Rules {
            variables: vec!["PIPELINE_SECRET_ACME".to_owned()],
            ..Rules::default()
        };
        let warnings = warnings(&variables, &rules);
        let mut about = warnings
            .into_iter()
            .filter(|warning| warning.subject == name);
        let warning = about.next()?;
        assert_eq!(warning.severity, Severity::Warning);
        Some(warning.message)
    }

    #[test]
    fn a_misspelt_variable_is_reported_with_the_likely_name() {
        for (name, meant) in [
            ("DOCSPACE_API_KYE", "DOCSPACE_API_KEY"),
            ("DOCSPCE_API_KEY", "DOCSPACE_API_KEY"),
            ("DOCSPACE_HOST", "DOCSPACE_API_HOST"),
            ("DOCSPACE_SECRET", "DOCSPACE_WEBHOOK_SECRET"),
            (
                "DOCSPACE_WEBHOOK_SECRET_FILES",
                "DOCSPACE_WEBHOOK_SECRET_FILE",
            ),
            ("MANAGER_MAIL", "MANAGER_EMAIL"),
            ("SHARED_WITH_CLIENTS_ROOM_ID", "SHARED_WITH_CLIENT_ROOM_ID"),
            ("RETENTION_DAY", "RETENTION_DAYS"),
            ("CATCHUP_INTERVAL", "CATCH_UP_INTERVAL"),
            ("TLS_CERT", "TLS_CERT_FILE"),
            ("REQUIRE_HTTP", "REQUIRE_HTTPS"),
            ("SMTP_CA_FLIE", "SMTP_CA_FILE"),
            ("docspace_api_key", "DOCSPACE_API_KEY"),
        ] {
            let message = about(name).unwrap_or_else(|| panic!("{name}"));
            assert!(
                message.contains(&format!("did you mean {meant}?")),
                "{name}: {message}"
            );
        }
        let message = about("SMTP_USERNAME").unwrap();
        assert!(message.ends_with("has no effect"), "{message}");
    }

    #[test]
    fn variables_of_other_programs_are_not_reported() {
        for name in [
            "PATH",
            "HOME",
            "HOST",
            "MAIL",
            "LANG",
            "LANGUAGE",
            "LOGNAME",
            "DATABASE_HOST",
            "RUST_BACKTRACE",
            "LISTEN_FDS",
            "HTTP_PROXY",
            "SSL_CERT_FILE",
            "DOCSPACE_PORT",
            "DOCSPACE_PORT_80_TCP_ADDR",
            "DOCSPACE_COURIER_SERVICE_HOST",
            "DOCSPACE_COURIER_SERVICE_PORT_HTTP",
            "DOCSPACE_API_KEY_FILE",
            "PIPELINE_SECRET_ACME",
        ] {
            assert_eq!(about(name), None, "{name}");
        }
    }
}
