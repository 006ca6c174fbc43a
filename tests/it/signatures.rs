//! The service and the sandbox sign and verify with separate code. They agree with each other and with the
//! recorded deliveries.

use std::path::Path;

use docspace_courier::signature::{SignatureError, WebhookSecret, verify};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn recorded_signatures_are_accepted_and_reproduced() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/webhook");
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let secret = manifest["secret"].as_str().unwrap();
    let deliveries = manifest["webhooks"].as_array().unwrap();
    assert!(!deliveries.is_empty());
    for delivery in deliveries {
        let body = std::fs::read(folder.join(delivery["file"].as_str().unwrap())).unwrap();
        let signature = delivery["signature"].as_str().unwrap();
        let secrets = [WebhookSecret::new(secret)];
        let verified = verify(&secrets, Some(signature.as_bytes()), &body);
        assert_eq!(verified, Ok(()), "{delivery}");
        assert_eq!(secrets[0].sign(&body), signature, "{delivery}");
        assert_eq!(
            docspace_sandbox::sign(secret, &body),
            signature,
            "{delivery}"
        );
    }
}

proptest! {
    #[test]
    fn the_service_accepts_what_the_sandbox_signs_and_rejects_any_changed_byte(
        secret in ".{0,40}",
        body in proptest::collection::vec(any::<u8>(), 1..200),
        position in any::<proptest::sample::Index>(),
        change in 1_u8..,
    ) {
        let signature = docspace_sandbox::sign(&secret, &body);
        let secrets = [WebhookSecret::new(secret)];
        prop_assert_eq!(verify(&secrets, Some(signature.as_bytes()), &body), Ok(()));
        let mut changed = body.clone();
        changed[position.index(body.len())] ^= change;
        prop_assert_eq!(
            verify(&secrets, Some(signature.as_bytes()), &changed),
            Err(SignatureError::Mismatch)
        );
        prop_assert_eq!(secrets[0].sign(&body), signature);
    }
}
