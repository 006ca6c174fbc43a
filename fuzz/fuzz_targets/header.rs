//! The signature header: only one value is believed, in any letter case.
#![no_main]

use docspace_courier::signature::{self, WebhookSecret};
use libfuzzer_sys::fuzz_target;

const BODY: &[u8] = br#"{"event":{"id":1}}"#;

fuzz_target!(|header: &[u8]| {
    let secrets = [WebhookSecret::new("Fuzz-Secret-1")];
    let right = secrets[0].sign(BODY);
    let is_right = header.eq_ignore_ascii_case(right.as_bytes()) && header.starts_with(b"sha256=");
    let believed = signature::verify(&secrets, Some(header), BODY).is_ok();
    assert_eq!(believed, is_right);
    // The same bytes as a body: what was signed is believed, and nothing else.
    let signed = secrets[0].sign(header);
    assert!(signature::verify(&secrets, Some(signed.as_bytes()), header).is_ok());
    assert!(
        signature::verify(&secrets, Some(signed.as_bytes()), &[header, b"x"].concat()).is_err()
    );
});
