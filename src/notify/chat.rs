//! Chat: one line of text to an incoming webhook, as Slack, Mattermost and Rocket.Chat take it.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use secrecy::SecretString;

use crate::outgoing::{Failure, HttpEndpoint};

/// Talks to a chat.
#[derive(Clone, Debug)]
pub struct Chat(HttpEndpoint);

impl Chat {
    /// The chat behind `NOTIFY_WEBHOOK_URL`.
    pub fn new(url: SecretString) -> reqwest::Result<Self> {
        HttpEndpoint::new(url, "the chat").map(Self)
    }

    /// Says something; foreign words in it must have gone through [`quoted`].
    pub async fn say(&self, text: &str, now: Timestamp) -> Result<(), Failure> {
        let document = serde_json::json!({ "text": text }).to_string();
        self.0.post(HeaderMap::new(), document, now).await
    }
}

/// Foreign words made harmless: they call nobody, and begin neither a link nor a code of the chat.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => quoted.push_str("&amp;"),
            '<' => quoted.push_str("&lt;"),
            '>' => quoted.push_str("&gt;"),
            // A space of no width keeps `@channel` from being one.
            '@' => quoted.push_str("@\u{200b}"),
            character if character.is_control() => quoted.push(' '),
            character => quoted.push(character),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_calls_nobody() {
        assert_eq!(quoted("Müller & Söhne.pdf"), "Müller &amp; Söhne.pdf");
        assert_eq!(quoted("<!channel>\n"), "&lt;!channel&gt; ");
        assert_eq!(quoted("@all"), "@\u{200b}all");
    }
}
