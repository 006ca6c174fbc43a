//! Rules: whatever a file of rules says and whatever a delivery tells, reading ends in rules or in problems,
//! each rule answers, always the same, and wants only what it listens to.
#![no_main]

use std::sync::OnceLock;

use docspace_courier::config::{Config, ConfigError};
use docspace_courier::event::Event;
use docspace_courier::ids::FolderId;
use docspace_courier::rules::{Facts, Lookup, RuleSet};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// The client room of the recorded deliveries.
const ROOM: i64 = 539_564;

fn read(rules: &[u8]) -> Result<Config, ConfigError> {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for the file"));
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, rules).expect("the file can be written");
    let file = file.display().to_string();
    let pairs = [
        ("DOCSPACE_API_HOST", "https://portal.example"),
        ("DOCSPACE_API_KEY", "sk-1"),
        ("DOCSPACE_WEBHOOK_SECRET", "Fuzz-Secret-1"),
        ("NOTIFY_WEBHOOK_URL", "https://chat.example/hook"),
        ("PIPELINE_URL", "https://pipeline.example"),
        ("RULES_FILE", file.as_str()),
    ];
    Config::from_pairs(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

// A file of rules, a zero byte, a payload.
fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (rules, payload) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let config = match (read(rules), read(rules)) {
        (Ok(config), Ok(again)) => {
            assert_eq!(config.rules, again.rules);
            config
        }
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            assert!(!error.problems.is_empty());
            return;
        }
        _ => panic!("reading twice gave rules once"),
    };
    let Ok(event) = Event::parse(payload) else {
        return;
    };
    let rules = RuleSet::new(config.rules);
    let path = Lookup::Found(vec![FolderId::from(ROOM)]);
    for path in [None, Some(path)] {
        let facts = Facts {
            path,
            ..Facts::delivered(&event, payload)
        };
        assert_eq!(rules.explain(&facts).len(), rules.rules().len());
        let decided = rules.decide(&facts);
        assert_eq!(decided, rules.decide(&facts));
        let Ok(decisions) = decided else {
            continue;
        };
        for decision in decisions
            .iter()
            .filter(|decision| decision.planned.is_some())
        {
            let rule = rules.rules().iter().find(|rule| rule.name == decision.rule);
            let rule = rule.expect("it was a rule that wanted the event");
            let trigger = event.trigger.as_ref().expect("a rule listens to a trigger");
            assert!(rule.triggers.contains(trigger));
        }
    }
});
