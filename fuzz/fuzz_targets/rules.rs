//! Rules: whatever the variables say and whatever a delivery tells, each rule answers, always the same, and
//! wants only what has one of its triggers and a file.
#![no_main]

use docspace_courier::config::Config;
use docspace_courier::event::Event;
use docspace_courier::ids::FolderId;
use docspace_courier::rules::{Facts, Looked, RuleSet};
use libfuzzer_sys::fuzz_target;

/// The client room of the recorded deliveries.
const ROOM: i64 = 539_564;

fuzz_target!(|input: (&str, &str, bool, &[u8])| {
    let (prefix, triggers, nested, payload) = input;
    let room = ROOM.to_string();
    let pairs = [
        ("DOCSPACE_API_HOST", "https://portal.example"),
        ("DOCSPACE_API_KEY", "sk-1"),
        ("DOCSPACE_WEBHOOK_SECRET", "Fuzz-Secret-1"),
        ("SHARED_WITH_CLIENT_ROOM_ID", room.as_str()),
        ("INTERNAL_PROCESSING_FOLDER_ID", "341029"),
        ("CLIENT_ROOT_ID", room.as_str()),
        ("INCOMING_FOLDER_ID", "748239"),
        ("INVOICE_TITLE_PREFIX", prefix),
        ("ALLOWED_TRIGGERS", triggers),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (Ok(config), Ok(event)) = (Config::from_pairs(&pairs), Event::parse(payload)) else {
        return;
    };
    let path = Looked::Found(vec![FolderId::from(ROOM)]);
    let facts = Facts {
        path: nested.then_some(&path),
        ..Facts::of(&event)
    };
    let rules = RuleSet::new(config.rules);
    let decided = rules.decide(facts);
    assert_eq!(decided, rules.decide(facts));
    let Ok(decisions) = decided else {
        return;
    };
    assert_eq!(decisions.len(), rules.rules().len());
    for planned in decisions
        .iter()
        .filter_map(|decision| decision.planned.as_ref())
    {
        let trigger = event.trigger.as_ref().expect("a rule listens to a trigger");
        let listened = match triggers.trim() {
            "" => "file.uploaded,file.created".to_owned(),
            triggers => triggers.to_lowercase(),
        };
        let name = trigger.as_str().to_lowercase();
        assert!(listened.contains(&name), "{trigger:?}");
        let entry = event.entry.as_ref().expect("a rule wants a file");
        assert_eq!(planned.file, entry.id);
        assert!(!planned.actions.is_empty());
    }
});
