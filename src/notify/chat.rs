//! Chat: posts a text to an incoming webhook, in the format of the chat that its address belongs to.

use reqwest::Url;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};

use crate::clock::Clock;
use crate::outgoing::{ChannelBreaker, Failure, HttpEndpoint};

mod adaptive_card;
mod format;

pub use format::ChatFormat;

/// A chat's incoming webhook.
#[derive(Clone, Debug)]
pub struct Chat {
    endpoint: HttpEndpoint,
    format: ChatFormat,
    /// What the address says about the message, such as the chat in which Telegram shows it.
    parameters: Vec<(String, String)>,
}

impl Chat {
    /// The chat at `NOTIFY_WEBHOOK_URL`.
    pub fn new(url: SecretString) -> reqwest::Result<Self> {
        let parsed = Url::parse(url.expose_secret()).ok();
        let format = parsed.as_ref().map_or(ChatFormat::Slack, ChatFormat::of);
        let parameters = parsed.iter().flat_map(|url| url.query_pairs().into_owned());
        Ok(Self {
            format,
            parameters: parameters.collect(),
            endpoint: HttpEndpoint::new(url, "the chat")?.rejecting_setup(format.setup_errors()),
        })
    }

    /// Its circuit breaker.
    pub fn breaker(&self) -> &ChannelBreaker {
        self.endpoint.breaker()
    }

    /// The format of its messages.
    pub fn format(&self) -> ChatFormat {
        self.format
    }

    /// Posts a text. Its parts must have been escaped with [`ChatFormat::untrusted`] or [`ChatFormat::literal`].
    pub async fn post(&self, text: &str, clock: &Clock) -> Result<(), Failure> {
        let document = self.format.document(text, &self.parameters).to_string();
        self.endpoint.post(HeaderMap::new(), document, clock).await
    }
}
