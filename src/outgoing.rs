//! Outgoing calls to chats and pipelines, and how a notification can fail.
//!
//! [`HttpEndpoint`] follows no redirects, bounds the time and the size of a response, and never mentions
//! the address in an error, because the address may be a secret. Emails fail in the same two ways.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::certificates;
use crate::http_client;
use crate::http_headers;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the whole response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a response is read so that its connection can be reused; the content is ignored.
const RESPONSE_BYTES: usize = 64 * 1024;

/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Why a notification or call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may succeed.
    Transient {
        /// The cause, for the operator.
        reason: String,
        /// The wait that the receiver asks for, bounded by an hour.
        retry_after: Option<Duration>,
    },
    /// No attempt will ever succeed.
    Permanent {
        /// The cause, for machines.
        code: &'static str,
        /// The cause, for the operator.
        reason: String,
    },
}

impl Failure {
    /// The cause, for the operator.
    pub fn reason(&self) -> &str {
        match self {
            Self::Transient { reason, .. } | Self::Permanent { reason, .. } => reason,
        }
    }

    /// A transient failure without a requested wait.
    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            retry_after: None,
        }
    }
}

/// An address that receives JSON by POST.
#[derive(Clone, Debug)]
pub struct HttpEndpoint {
    http: reqwest::Client,
    url: SecretString,
    /// What it is called in reasons.
    name: &'static str,
}

impl HttpEndpoint {
    /// An endpoint at this address, called by this name in reasons.
    pub fn new(url: SecretString, name: &'static str) -> reqwest::Result<Self> {
        let http = http_client::builder(url.expose_secret())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self { http, url, name })
    }

    /// Posts a JSON document. Only a 2xx response counts as received.
    pub async fn post(
        &self,
        headers: HeaderMap,
        document: String,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let response = self
            .http
            .post(self.url.expose_secret())
            .header("content-type", "application/json")
            .headers(headers)
            .body(document)
            .send()
            .await
            .map_err(|error| self.no_response(&error))?;
        let status = response.status();
        let retry_after = retry_after(response.headers(), now);
        drain(response).await;
        self.classify(status, retry_after)
    }

    /// Sends HEAD to see whether anything responds; returns the status.
    pub async fn probe(&self) -> Result<StatusCode, Failure> {
        let sent = self.http.head(self.url.expose_secret()).send().await;
        let response = sent.map_err(|error| self.no_response(&error))?;
        Ok(response.status())
    }

    fn classify(&self, status: StatusCode, retry_after: Option<Duration>) -> Result<(), Failure> {
        let reason = format!("{} responded with {}", self.name, status.as_u16());
        match status.as_u16() {
            200..=299 => Ok(()),
            410 => Err(Failure::Permanent {
                code: "gone",
                reason: format!("{reason}: the endpoint is gone"),
            }),
            408 | 425 | 429 => Err(Failure::Transient {
                reason,
                retry_after,
            }),
            400..=499 => Err(Failure::Permanent {
                code: "refused",
                reason,
            }),
            300..=399 => Err(Failure::transient(format!(
                "{reason}; redirects are not followed"
            ))),
            _ => Err(Failure::Transient {
                reason,
                retry_after,
            }),
        }
    }

    /// The error itself is not shown: it would contain the address.
    fn no_response(&self, error: &reqwest::Error) -> Failure {
        let name = self.name;
        Failure::transient(if let Some(reason) = certificates::refusal(error) {
            format!("the certificate of {name} {reason}")
        } else if error.is_connect() {
            format!("{name} cannot be reached")
        } else if error.is_timeout() {
            format!("{name} did not respond in time")
        } else {
            format!("the connection to {name} broke")
        })
    }
}

/// The wait that a response asks for, within bounds.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let wait = http_headers::retry_after(headers, now)?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Reads the response up to a bound, so that the connection can be reused.
async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > RESPONSE_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn each_status_is_done_retried_or_final() {
        let pipeline = HttpEndpoint::new("http://pipeline".into(), "the pipeline").unwrap();
        let check = |status: u16, expected: &str| {
            let asked = Some(Duration::from_secs(7));
            let classified = pipeline.classify(StatusCode::from_u16(status).unwrap(), asked);
            let word = match classified {
                Ok(()) => "done",
                Err(Failure::Transient {
                    retry_after: None, ..
                }) => "later",
                Err(Failure::Transient { .. }) => "later, as asked",
                Err(Failure::Permanent { code, .. }) => code,
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
            let wait = retry_after(&headers, now);
            assert_eq!(wait.map(|wait| wait.as_secs()), seconds, "{text}");
        };
        check("90", Some(90));
        check("999999", Some(3600));
        check("Tue, 03 Mar 2026 09:15:31 GMT", Some(3600));
        check("soon", None);
    }
}
