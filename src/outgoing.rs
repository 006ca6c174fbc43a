//! Outgoing: posts to the addresses of the configuration, and how telling anybody may fail.
//!
//! The chat and the pipeline are reached through [`HttpEndpoint`]: it follows no redirects, waits for a
//! bounded time, reads a bounded part of an answer, and says nothing of the address in an error, which
//! may be a secret. Mail fails in the same two ways.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::http_headers;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the whole answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read, so that its connection can be used again; nothing in it matters.
const ANSWER_BYTES: usize = 64 * 1024;

/// The longest wait the other side may ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Why somebody could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may succeed.
    Passing {
        /// Why, in words an operator reads.
        reason: String,
        /// How long the other side asks to be left alone, within bounds.
        wait: Option<Duration>,
    },
    /// No attempt will ever succeed.
    Lasting {
        /// Why, for machines.
        code: &'static str,
        /// Why, in words an operator reads.
        reason: String,
    },
}

impl Failure {
    /// Why, in words an operator reads.
    pub fn reason(&self) -> &str {
        match self {
            Self::Passing { reason, .. } | Self::Lasting { reason, .. } => reason,
        }
    }

    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing {
            reason: reason.into(),
            wait: None,
        }
    }
}

/// An address that JSON is posted to.
#[derive(Clone, Debug)]
pub struct HttpEndpoint {
    http: reqwest::Client,
    url: SecretString,
    /// What it is, for the reasons.
    name: &'static str,
}

impl HttpEndpoint {
    /// An address, and what the reasons call it.
    pub fn new(url: SecretString, name: &'static str) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("docspace-courier/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, url, name })
    }

    /// Posts a JSON document; only 2xx counts as received.
    pub async fn post(
        &self,
        headers: HeaderMap,
        document: String,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let answer = self
            .http
            .post(self.url.expose_secret())
            .header("content-type", "application/json")
            .headers(headers)
            .body(document)
            .send()
            .await
            .map_err(|error| self.unanswered(&error))?;
        let status = answer.status();
        let asked = asked_wait(answer.headers(), now);
        read_to_bound(answer).await;
        self.judge(status, asked)
    }

    /// Asks for nothing, to see that somebody is there; any answer shows it.
    pub async fn try_out(&self) -> Result<StatusCode, Failure> {
        let asked = self.http.head(self.url.expose_secret()).send().await;
        let answer = asked.map_err(|error| self.unanswered(&error))?;
        Ok(answer.status())
    }

    fn judge(&self, status: StatusCode, asked: Option<Duration>) -> Result<(), Failure> {
        let reason = format!("{} answered {}", self.name, status.as_u16());
        match status.as_u16() {
            200..=299 => Ok(()),
            410 => Err(Failure::Lasting {
                code: "gone",
                reason: format!("{reason}: it wants no more"),
            }),
            408 | 425 | 429 => Err(Failure::Passing {
                reason,
                wait: asked,
            }),
            400..=499 => Err(Failure::Lasting {
                code: "refused",
                reason,
            }),
            300..=399 => Err(Failure::passing(format!(
                "{reason}; redirects are not followed"
            ))),
            _ => Err(Failure::Passing {
                reason,
                wait: asked,
            }),
        }
    }

    /// No word of the error itself: it would name the address.
    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        let name = self.name;
        Failure::passing(if error.is_connect() {
            format!("{name} cannot be reached")
        } else if error.is_timeout() {
            format!("{name} did not answer in time")
        } else {
            format!("the connection to {name} broke")
        })
    }
}

/// The wait that an answer asks for, within bounds.
fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let wait = http_headers::retry_after(headers, now)?;
    Some(wait.min(LONGEST_WAIT))
}

async fn read_to_bound(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > ANSWER_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn each_status_means_done_later_or_never() {
        let pipeline = HttpEndpoint::new("http://pipeline".into(), "the pipeline").unwrap();
        let check = |status: u16, expected: &str| {
            let asked = Some(Duration::from_secs(7));
            let judged = pipeline.judge(StatusCode::from_u16(status).unwrap(), asked);
            let word = match judged {
                Ok(()) => "done",
                Err(Failure::Passing { wait: None, .. }) => "later",
                Err(Failure::Passing { .. }) => "later, as asked",
                Err(Failure::Lasting { code, .. }) => code,
            };
            assert_eq!(word, expected, "{status}");
        };
        check(200, "done");
        check(202, "done");
        check(204, "done");
        check(302, "later");
        check(400, "refused");
        check(401, "refused");
        check(404, "refused");
        check(408, "later, as asked");
        check(410, "gone");
        check(429, "later, as asked");
        check(500, "later, as asked");
        check(503, "later, as asked");
    }

    #[test]
    fn a_wait_is_never_too_long() {
        let now = "2026-03-02T09:14:31Z".parse().unwrap();
        let check = |text: &str, seconds: Option<u64>| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            let wait = asked_wait(&headers, now);
            assert_eq!(wait.map(|wait| wait.as_secs()), seconds, "{text}");
        };
        check("90", Some(90));
        check("999999", Some(3600));
        check("Tue, 03 Mar 2026 09:15:31 GMT", Some(3600));
        check("soon", None);
    }
}
