//! Hashes and ids that are derived from several texts.

use sha2::{Digest as _, Sha256};

/// The hash of texts, which differs if one of them does.
pub(crate) fn of_parts(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

/// The first half of the hash of texts, in hexadecimal digits.
pub(crate) fn short_id(parts: &[&str]) -> String {
    hex::encode(&of_parts(parts)[..16])
}
