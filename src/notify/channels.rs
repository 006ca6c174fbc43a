//! The configured channels, and which of them can be used.

use jiff::Timestamp;

use crate::outgoing::{ChannelBreaker, Outage};
use crate::pipeline::{Pipeline, Pipelines};
use crate::rules::ChannelId;

use super::chat::Chat;
use super::locale::LocaleSource;
use super::mail::Mailer;

/// The configured channels to people and programs. Clones share their circuit breakers.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// Email; without it a notification is written to the log.
    pub mailer: Option<Mailer>,
    /// The chat.
    pub chat: Option<Chat>,
    /// The external pipeline.
    pub pipeline: Option<Pipeline>,
    /// The pipelines of the rules file.
    pub pipelines: Pipelines,
    /// In which language and time zone people are written to.
    pub locale: LocaleSource,
}

/// The state of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStatus {
    /// The channel.
    pub id: ChannelId,
    /// Its name for people and metrics: `email`, `chat`, `pipeline`, or a pipeline's with that of its rule.
    pub name: String,
    /// Why it is not used; `None` while its circuit is closed.
    pub outage: Option<Outage>,
    /// Whether it is used and has handled a message since the start.
    pub has_recovered: bool,
}

impl Channels {
    /// The state of each channel, in a fixed order.
    pub fn statuses(&self) -> Vec<ChannelStatus> {
        let mut statuses = Vec::new();
        self.for_each(|id, name, breaker| {
            statuses.push(ChannelStatus {
                id,
                name: name.to_owned(),
                outage: breaker.outage(),
                has_recovered: breaker.has_recovered(),
            });
        });
        statuses
    }

    /// The channels that would send nothing now.
    pub fn unavailable(&self, now: Timestamp) -> Vec<ChannelId> {
        let mut unavailable = Vec::new();
        self.for_each(|id, _, breaker| {
            if !breaker.is_available(now) {
                unavailable.push(id);
            }
        });
        unavailable
    }

    fn for_each(&self, mut visit: impl FnMut(ChannelId, &str, &ChannelBreaker)) {
        if let Some(mailer) = &self.mailer {
            visit(ChannelId::Email, "email", mailer.breaker());
        }
        if let Some(chat) = &self.chat {
            visit(ChannelId::Chat, "chat", chat.breaker());
        }
        if let Some(pipeline) = &self.pipeline {
            visit(ChannelId::Pipeline, pipeline.name(), pipeline.breaker());
        }
        for (key, pipeline) in self.pipelines.all() {
            visit(
                ChannelId::PipelineOfRule(key),
                pipeline.name(),
                pipeline.breaker(),
            );
        }
    }
}
