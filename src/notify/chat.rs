//! Chat: posts a text to an incoming webhook in the format of Slack, Mattermost and Rocket.Chat.

use reqwest::header::HeaderMap;
use secrecy::SecretString;

use crate::clock::Clock;
use crate::outgoing::{ChannelBreaker, Failure, HttpEndpoint};

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

    /// Posts a text. Untrusted parts must have been escaped with `text::without_markup`.
    pub async fn post(&self, text: &str, clock: &Clock) -> Result<(), Failure> {
        let document = serde_json::json!({ "text": text }).to_string();
        self.0.post(HeaderMap::new(), document, clock).await
    }
}
