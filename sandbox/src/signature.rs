//! The signature of a delivery: HMAC-SHA256 over the exact bytes of the body, with the webhook's secret as key
//! (docs/DOCSPACE.md 1.3).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-docspace-signature-256";

/// The value of the signature header for a body: `sha256=` and 64 upper-case hexadecimal digits.
#[expect(clippy::missing_panics_doc, reason = "HMAC takes a key of any length")]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode_upper(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    #[test]
    fn recorded_deliveries_have_the_recorded_signatures() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/webhook");
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let secret = manifest["secret"].as_str().unwrap();
        let deliveries = manifest["webhooks"].as_array().unwrap();
        assert!(!deliveries.is_empty());
        for delivery in deliveries {
            let body = std::fs::read(folder.join(delivery["file"].as_str().unwrap())).unwrap();
            assert_eq!(sign(secret, &body), delivery["signature"], "{delivery}");
        }
    }
}
