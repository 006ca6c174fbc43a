//! Payloads: any bytes are either an event or no JSON object, and reading them twice gives the same.
#![no_main]

use docspace_courier::event::Event;
use docspace_courier::wire::parse_time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let event = Event::parse(bytes);
    assert_eq!(event.is_ok(), Event::parse(bytes).is_ok());
    if let Ok(event) = event {
        assert_eq!(bytes.trim_ascii_start().first(), Some(&b'{'));
        assert_eq!(Event::parse(bytes).ok(), Some(event));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_time(text);
    }
});
