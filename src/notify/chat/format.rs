//! The formats of chats: how each is recognized, what escapes untrusted text, and the document of a message.

use std::fmt;

use reqwest::Url;
use serde_json::{Value, json};

use crate::text::{cut, without_mentions};

use super::adaptive_card;

/// The format of a chat's incoming webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatFormat {
    /// Slack, and the chats that understand its format, such as Mattermost and Rocket.Chat.
    Slack,
    /// A workflow of Microsoft Teams, which gets an adaptive card.
    Teams,
    /// Discord.
    Discord,
    /// The Bot API of Telegram.
    Telegram,
}

/// Discord's flag for a message that shows no preview of the pages it links to (`SUPPRESS_EMBEDS`).
const WITHOUT_PREVIEWS: u32 = 1 << 2;

/// What the address of a chat in Telegram may say about messages.
const TELEGRAM_PARAMETERS: [&str; 4] = [
    "chat_id",
    "message_thread_id",
    "disable_notification",
    "protect_content",
];

/// Characters of Discord's Markdown; a backslash before one makes it a character like any other.
const MARKDOWN: &str = r"\*_~`|<>[]()#-";

impl ChatFormat {
    /// The format of the chat at an address. It is recognized by the path, which is the same behind a proxy of one's own.
    pub fn of(url: &Url) -> Self {
        let path = url.path();
        let host = url.host_str().unwrap_or_default();
        let mut segments = path.trim_end_matches('/').rsplit('/');
        let last = segments.next().unwrap_or_default();
        let is_bot = segments.any(|segment| segment.starts_with("bot"));
        // The workflows that post to a channel, and the connectors before them.
        let is_workflow = path.contains("/workflows/") && path.contains("/triggers/");
        if is_workflow || host.ends_with(".webhook.office.com") {
            Self::Teams
        } else if is_discord(path) {
            Self::Discord
        } else if is_telegram(host) || (is_bot && last.eq_ignore_ascii_case("sendMessage")) {
            Self::Telegram
        } else {
            Self::Slack
        }
    }

    /// What is wrong with the address of a chat, without quoting it.
    pub fn problem(url: &Url) -> Option<&'static str> {
        let sends = url.path().to_ascii_lowercase().ends_with("/sendmessage");
        let has_chat = url
            .query_pairs()
            .any(|(name, value)| name == "chat_id" && !value.is_empty());
        if Self::of(url) != Self::Telegram {
            return None;
        }
        if !(sends && has_chat) {
            return Some(
                "must end with /sendMessage?chat_id=… for Telegram: \
                 https://api.telegram.org/bot<token>/sendMessage?chat_id=<id of the chat>",
            );
        }
        // Others would replace the text, or make markup of titles.
        let mut names = url.query_pairs();
        let is_other = names.any(|(name, _)| !TELEGRAM_PARAMETERS.contains(&&*name));
        is_other.then_some(
            "has other parameters than chat_id, message_thread_id, disable_notification and protect_content",
        )
    }

    /// Untrusted text in which the chat recognizes no address, mention or markup.
    pub fn untrusted(self, text: &str) -> String {
        let text = without_mentions(text);
        match self {
            Self::Slack => escape_entities(&text),
            // A card's plain runs of text know no markup.
            Self::Teams => text,
            Self::Discord => escape_markdown(&text),
            // Telegram makes a command of a slash and a stock of a dollar sign.
            Self::Telegram => text.replace('/', "/\u{200b}").replace('$', "$\u{200b}"),
        }
    }

    /// Text of the service's own, such as the name of a rule.
    pub fn literal(self, text: &str) -> String {
        match self {
            Self::Slack => escape_entities(text),
            Self::Discord => escape_markdown(text),
            Self::Teams | Self::Telegram => text.to_owned(),
        }
    }

    /// The body of a request that posts a text.
    pub(super) fn document(self, text: &str, parameters: &[(String, String)]) -> Value {
        let text = cut(text, self.max_length());
        match self {
            Self::Slack => json!({ "text": text }),
            Self::Teams => adaptive_card::message(&text),
            Self::Discord => json!({
                "content": text,
                "allowed_mentions": { "parse": [] },
                "flags": WITHOUT_PREVIEWS,
            }),
            Self::Telegram => {
                let mut document = json!({
                    "text": text,
                    "link_preview_options": { "is_disabled": true },
                });
                // The chat, and what else the address says, such as `message_thread_id`.
                for (name, value) in parameters {
                    document[name] = json!(value);
                }
                document
            }
        }
    }

    /// The longest text that the chat accepts, in characters. Teams limits the whole card to 28 KB.
    fn max_length(self) -> usize {
        match self {
            Self::Slack => 30_000,
            Self::Teams => 5_000,
            Self::Discord => 2_000,
            Self::Telegram => 4_096,
        }
    }

    /// What a response with status 400 says if the address is wrong, not the message.
    pub(super) fn setup_errors(self) -> &'static [&'static str] {
        match self {
            Self::Telegram => &[
                "chat not found",
                "group chat was upgraded",
                "chat_id is empty",
                "not enough rights",
                "thread not found",
                "TOPIC_CLOSED",
                "CHAT_WRITE_FORBIDDEN",
            ],
            // A forum channel needs the parameter thread_id.
            Self::Discord => &["220001"],
            Self::Slack | Self::Teams => &[],
        }
    }
}

/// `/api/webhooks/1/token`, perhaps with a version; Discord can also be asked for Slack's format, by one more segment.
fn is_discord(path: &str) -> bool {
    let Some((before, webhook)) = path.split_once("/webhooks/") else {
        return false;
    };
    let webhook = webhook.trim_end_matches('/').split_once('/');
    before.starts_with("/api")
        && webhook.is_some_and(|(id, token)| {
            id.bytes().all(|byte| byte.is_ascii_digit()) && !token.contains('/')
        })
}

fn is_telegram(host: &str) -> bool {
    host == "api.telegram.org"
}

/// Slack and its relatives decode these three.
fn escape_entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if MARKDOWN.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

impl fmt::Display for ChatFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Slack => "Slack",
            Self::Teams => "Microsoft Teams",
            Self::Discord => "Discord",
            Self::Telegram => "Telegram",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_address_shows_the_format() {
        let check = |address: &str, expected| {
            assert_eq!(ChatFormat::of(&url(address)), expected, "{address}");
        };
        for slack in [
            "https://hooks.slack.com/services/T0/B0/x",
            "https://hooks.slack.com/triggers/T0/1/x",
            "https://chat.example/hooks/abc",
            "https://chat.example/hooks/65/abc",
            "https://chat.example/api/v4/webhooks/incoming",
            "https://discord.com/api/webhooks/1/x/slack",
        ] {
            check(slack, ChatFormat::Slack);
        }
        for teams in [
            "https://prod-1.westeurope.logic.azure.com:443/workflows/0a/triggers/manual/paths/invoke?sig=x",
            "https://0a.1.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/0b/triggers/manual/paths/invoke?api-version=1",
            "https://acme.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
        ] {
            check(teams, ChatFormat::Teams);
        }
        for discord in [
            "https://discord.com/api/webhooks/1/x",
            "https://ptb.discord.com/api/v10/webhooks/1/x?thread_id=2",
            "http://127.0.0.1:9/api/webhooks/1/x",
        ] {
            check(discord, ChatFormat::Discord);
        }
        for telegram in [
            "https://api.telegram.org/bot1:x/sendMessage?chat_id=-100",
            "https://api.telegram.org/bot1:x",
            "http://127.0.0.1:8081/bot1:x/sendmessage?chat_id=@channel",
        ] {
            check(telegram, ChatFormat::Telegram);
        }
    }

    #[test]
    fn telegram_needs_a_chat() {
        let check = |address: &str, is_complete: bool| {
            let problem = ChatFormat::problem(&url(address));
            assert_eq!(problem.is_none(), is_complete, "{address}: {problem:?}");
        };
        check(
            "https://api.telegram.org/bot1:x/sendMessage?chat_id=-1",
            true,
        );
        check("https://api.telegram.org/bot1:x/sendMessage", false);
        check(
            "https://api.telegram.org/bot1:x/sendMessage?chat_id=",
            false,
        );
        check("https://api.telegram.org/bot1:x?chat_id=-1", false);
        let with = "https://api.telegram.org/bot1:x/sendMessage?chat_id=-1";
        check(&format!("{with}&message_thread_id=2"), true);
        check(&format!("{with}&text=Hello"), false);
        check(&format!("{with}&parse_mode=HTML"), false);
        check("https://chat.example/hooks/abc", true);
    }

    #[test]
    fn untrusted_text_stays_text() {
        let hostile = "<@1> @everyone **a** [b](https://evil.example) /start $A <!here>";
        let shown = |format: ChatFormat| format.untrusted(hostile).replace('\u{200b}', "|");
        assert_eq!(
            shown(ChatFormat::Slack),
            "&lt;@|1&gt; @|everyone **a** [b]|(https:|//evil.|example) /start $A &lt;!here&gt;"
        );
        assert_eq!(
            shown(ChatFormat::Teams),
            "<@|1> @|everyone **a** [b]|(https:|//evil.|example) /start $A <!here>"
        );
        assert_eq!(
            shown(ChatFormat::Discord),
            r"\<@|1\> @|everyone \*\*a\*\* \[b\]|\(https:|//evil.|example\) /start $A \<!here\>"
        );
        assert_eq!(
            shown(ChatFormat::Telegram),
            "<@|1> @|everyone **a** [b]|(https:|/|/|evil.|example) /|start $|A <!here>"
        );
    }

    #[test]
    fn documents() {
        let no_parameters: [(String, String); 0] = [];
        let document = |format: ChatFormat| format.document("a\nb", &no_parameters);
        assert_eq!(document(ChatFormat::Slack), json!({ "text": "a\nb" }));
        assert_eq!(
            document(ChatFormat::Discord),
            json!({ "content": "a\nb", "allowed_mentions": { "parse": [] }, "flags": 4 })
        );
        let parameters = [("chat_id".to_owned(), "-100".to_owned())];
        assert_eq!(
            ChatFormat::Telegram.document("a", &parameters),
            json!({ "chat_id": "-100", "text": "a", "link_preview_options": { "is_disabled": true } })
        );
        let emoji = ChatFormat::Telegram.document(&"🦀".repeat(4_000), &no_parameters);
        let emoji = emoji["text"].as_str().unwrap();
        assert_eq!(emoji.encode_utf16().count(), 4_095);
        let long = "é".repeat(9_000);
        let cut = ChatFormat::Discord.document(&long, &no_parameters);
        let content = cut["content"].as_str().unwrap();
        assert_eq!(content.chars().count(), 2_000);
        assert!(content.ends_with("é…"));
    }
}
