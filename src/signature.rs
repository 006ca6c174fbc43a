//! Verify: the signature of a delivery, over its raw bytes.
//!
//! DocSpace sends `x-docspace-signature-256: sha256=<HEX>`, the upper-case hexadecimal HMAC-SHA256
//! of the exact UTF-8 body with the webhook's secret as key (docs/DOCSPACE.md 1.3). Parsing and writing the
//! JSON again yields other bytes, so the check is made before anything is parsed. No input, no
//! output, no JSON here.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-docspace-signature-256";

/// What precedes the hexadecimal digits.
const PREFIX: &[u8] = b"sha256=";

/// The bytes of an HMAC-SHA256.
const DIGEST_BYTES: usize = 32;

/// The secret a webhook was registered with.
#[derive(Clone)]
pub struct WebhookSecret {
    text: SecretString,
    /// The MAC with the secret worked in, which every check begins with.
    keyed: Hmac<Sha256>,
}

impl WebhookSecret {
    /// Takes the secret as it was given to DocSpace.
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes a key of any length")]
    pub fn new(secret: impl Into<String>) -> Self {
        let text = secret.into();
        let keyed = Hmac::<Sha256>::new_from_slice(text.as_bytes())
            .expect("HMAC takes a key of any length");
        Self {
            text: SecretString::from(text),
            keyed,
        }
    }

    /// The secret itself, for the portal that is to sign with it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The header value DocSpace would send with this body.
    pub fn sign(&self, body: &[u8]) -> String {
        let digest = self.mac(body).finalize().into_bytes();
        format!("sha256={}", hex::encode_upper(digest))
    }

    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(body);
        mac
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret(…)")
    }
}

/// Why the signature of a delivery is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature header.
    #[error("the signature header is missing")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("the signature header is malformed")]
    Malformed,
    /// The signature was made with another secret or over another body.
    #[error("the signature does not fit the body and any of the secrets")]
    Mismatch,
}

impl SignatureError {
    /// The reason's code in logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Mismatch => "mismatch",
        }
    }
}

/// The content of a well-formed signature header.
#[derive(Clone, Copy, Debug)]
pub struct Signature([u8; DIGEST_BYTES]);

impl Signature {
    /// Parses the header, which needs no body.
    pub fn parse(header: Option<&[u8]>) -> Result<Self, SignatureError> {
        let digits = header
            .ok_or(SignatureError::Missing)?
            .strip_prefix(PREFIX)
            .ok_or(SignatureError::Malformed)?;
        let mut digest = [0_u8; DIGEST_BYTES];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| SignatureError::Malformed)?;
        Ok(Self(digest))
    }

    /// Checks the raw body, in constant time for each secret. Any secret may match, so that one can be replaced
    /// without rejecting deliveries in between.
    pub fn verify(&self, secrets: &[WebhookSecret], body: &[u8]) -> Result<(), SignatureError> {
        let matches = secrets
            .iter()
            .any(|secret| secret.mac(body).verify_slice(&self.0).is_ok());
        if matches {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
    }
}

/// Checks the header against the raw body.
pub fn verify(
    secrets: &[WebhookSecret],
    header: Option<&[u8]>,
    body: &[u8],
) -> Result<(), SignatureError> {
    Signature::parse(header)?.verify(secrets, body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = include_bytes!("../tests/data/webhook/file.uploaded.json");
    const DIGITS: &str = "B86BEE2F6CCD63EF28E8AD8820E8738D6B5FB9C71B14479A6CAA7300DBA72A54";

    fn secret() -> WebhookSecret {
        WebhookSecret::new("Sandbox-Secret-1")
    }

    #[test]
    fn refusals_and_acceptances() {
        use SignatureError::{Malformed, Mismatch, Missing};
        let check = |header: Option<&str>, expected: Result<(), SignatureError>| {
            let secrets = [WebhookSecret::new("Another-Secret-2"), secret()];
            let header_bytes = header.map(str::as_bytes);
            assert_eq!(verify(&secrets, header_bytes, BODY), expected, "{header:?}");
        };
        check(Some(&format!("sha256={DIGITS}")), Ok(()));
        check(Some(&format!("sha256={}", DIGITS.to_lowercase())), Ok(()));
        check(Some(&format!("sha256=b86b{}", &DIGITS[4..])), Ok(()));
        check(None, Err(Missing));
        check(Some(""), Err(Malformed));
        check(Some("sha256="), Err(Malformed));
        check(Some(DIGITS), Err(Malformed));
        check(Some(&format!("sha1={DIGITS}")), Err(Malformed));
        check(Some(&format!("sha256={}", &DIGITS[1..])), Err(Malformed));
        check(Some(&format!("sha256={}", &DIGITS[2..])), Err(Malformed));
        check(Some(&format!("sha256={DIGITS}00")), Err(Malformed));
        check(Some(&format!("sha256= {DIGITS}")), Err(Malformed));
        check(Some(&format!("sha256=G{}", &DIGITS[1..])), Err(Malformed));
        check(Some(&format!("sha256=A{}", &DIGITS[1..])), Err(Mismatch));
    }

    #[test]
    fn another_secret_or_none_is_refused() {
        let header = secret().sign(BODY);
        let verify_with =
            |secrets: &[WebhookSecret]| verify(secrets, Some(header.as_bytes()), BODY);
        assert_eq!(verify_with(&[secret()]), Ok(()));
        assert_eq!(
            verify_with(&[WebhookSecret::new("sandbox-secret-1")]),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(verify_with(&[]), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_secret_prints_nothing() {
        assert_eq!(format!("{:?}", secret()), "WebhookSecret(…)");
    }

    proptest! {
        #[test]
        fn what_was_signed_is_accepted_and_any_changed_byte_refused(
            key in ".{0,40}",
            body in proptest::collection::vec(any::<u8>(), 1..200),
            position in any::<proptest::sample::Index>(),
            change in 1_u8..,
        ) {
            let secrets = [WebhookSecret::new(key)];
            let header = secrets[0].sign(&body);
            prop_assert_eq!(verify(&secrets, Some(header.as_bytes()), &body), Ok(()));
            let mut changed = body.clone();
            changed[position.index(body.len())] ^= change;
            prop_assert_eq!(
                verify(&secrets, Some(header.as_bytes()), &changed),
                Err(SignatureError::Mismatch)
            );
        }

        #[test]
        fn no_header_makes_it_panic(header in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = verify(&[secret()], Some(&header), BODY);
        }
    }
}
