//! Secrets: for the webhook, as every portal takes it, and for the console.

use rustls::crypto::aws_lc_rs;

/// Characters that secrets consist of: 64, so that each of them is as likely as the others.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The length; the portal takes 8 to 30 characters (docs/DOCSPACE.md 1.8).
const LENGTH: usize = 28;

/// A random secret. It has capitals, digits and special characters, which a portal's password policy may require.
pub(super) fn generate() -> anyhow::Result<String> {
    loop {
        let mut bytes = [0; LENGTH];
        let random = aws_lc_rs::default_provider().secure_random;
        random
            .fill(&mut bytes)
            .map_err(|_| anyhow::anyhow!("the system provides no random numbers"))?;
        let characters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
        if meets_every_policy(&characters) {
            return Ok(characters.iter().collect());
        }
    }
}

fn meets_every_policy(characters: &[char]) -> bool {
    let has = |kind: fn(&char) -> bool| characters.iter().any(kind);
    has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
        && has(char::is_ascii_punctuation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::check_secret;
    use crate::signature::WebhookSecret;

    #[test]
    fn the_portal_takes_every_generated_secret() {
        for _ in 0..100 {
            let secret = generate().unwrap();
            check_secret(&WebhookSecret::new(&secret)).unwrap();
            let characters: Vec<char> = secret.chars().collect();
            assert!(meets_every_policy(&characters), "{secret}");
        }
    }
}
