//! Chat: posts a text to an incoming webhook in the format of Slack, Mattermost and Rocket.Chat.

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use crate::clock::Clock;
use crate::outgoing::{ChannelBreaker, Failure, HttpEndpoint};
use crate::text::clean;

/// A chat's incoming webhook.
#[derive(Clone, Debug)]
pub struct Chat(HttpEndpoint);

impl Chat {
    /// The chat at `NOTIFY_WEBHOOK_URL`.
    pub fn new(url: SecretString) -> reqwest::Result<Self> {
        HttpEndpoint::new(url, "the chat").map(Self)
    }

    /// Its circuit breaker.
    pub fn breaker(&self) -> &ChannelBreaker {
        self.0.breaker()
    }

    /// Posts a text. Untrusted parts must have been escaped with [`escape`].
    pub async fn post(&self, text: &str, clock: &Clock) -> Result<(), Failure> {
        let document = serde_json::json!({ "text": text }).to_string();
        self.0.post(HeaderMap::new(), document, clock).await
    }
}

/// Escapes untrusted text so that it contains no mention, link or markup of the chat, and no invisible characters, which
/// could change the direction of the rest of the line.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A zero-width space prevents a mention such as `@channel`.
            '@' => escaped.push_str("@\u{200b}"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_mentions_nobody() {
        assert_eq!(escape("Müller & Söhne.pdf"), "Müller &amp; Söhne.pdf");
        assert_eq!(escape("<!channel>\n"), "&lt;!channel&gt; ");
        assert_eq!(escape("@all"), "@\u{200b}all");
        assert_eq!(escape("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
    }
}
