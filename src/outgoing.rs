//! Outgoing calls to chats and pipelines, and how a notification can fail.
//!
//! [`HttpEndpoint`] follows no redirects, bounds the time and the size of a response, and never mentions
//! the address in an error, because the address may be a secret. Every message passes the circuit breaker of
//! its channel ([`ChannelBreaker`]). Emails fail in the same ways.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::certificates;
use crate::clock::Clock;
use crate::http_client;
use crate::http_headers;
use crate::root_cause::speaks_no_tls;

mod channel_breaker;
mod failure;

pub use channel_breaker::{ChannelBreaker, Outage};
pub use failure::{ChannelProblem, Failure};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the whole response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a response is read so that its connection can be reused; the content is ignored.
const RESPONSE_BYTES: usize = 64 * 1024;

/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// An address that receives JSON by POST.
#[derive(Clone, Debug)]
pub struct HttpEndpoint {
    http: reqwest::Client,
    url: SecretString,
    /// What it is called in reasons.
    name: &'static str,
    timeout: Duration,
    /// What a response with status 400 contains if it rejects the address, not the document.
    setup_errors: &'static [&'static str],
    breaker: Arc<ChannelBreaker>,
}

/// The bodies of responses that ask for a wait in JSON: those of Discord and Telegram.
#[derive(Deserialize)]
struct ErrorDto {
    /// In seconds.
    retry_after: Option<f64>,
    parameters: Option<ParametersDto>,
}

#[derive(Deserialize)]
struct ParametersDto {
    retry_after: Option<f64>,
}

impl HttpEndpoint {
    /// An endpoint at this address, called by this name in reasons.
    pub fn new(url: SecretString, name: &'static str) -> reqwest::Result<Self> {
        let http = http_client::builder(url.expose_secret())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            url,
            name,
            timeout: TIMEOUT,
            setup_errors: &[],
            breaker: Arc::new(ChannelBreaker::new(name)),
        })
    }

    /// Changes how long a response may take.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Says what a response with status 400 contains if it rejects the address, which concerns every document.
    #[must_use]
    pub fn rejecting_setup(self, setup_errors: &'static [&'static str]) -> Self {
        Self {
            setup_errors,
            ..self
        }
    }

    /// Its circuit breaker, which clones share.
    pub fn breaker(&self) -> &ChannelBreaker {
        &self.breaker
    }

    /// Posts a JSON document, unless the circuit is open. Only a 2xx response counts as received.
    pub async fn post(
        &self,
        headers: HeaderMap,
        document: String,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let post = self.post_once(headers, document, clock);
        self.breaker.send(clock, post).await
    }

    async fn post_once(
        &self,
        headers: HeaderMap,
        document: String,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let response = self
            .http
            .post(self.url.expose_secret())
            .header("content-type", "application/json")
            .headers(headers)
            .body(document)
            .timeout(self.timeout)
            .send()
            .await
            .map_err(|error| self.no_response(&error))?;
        let status = response.status();
        let retry_after = retry_after(response.headers(), clock.wall());
        // Read in any case, so that the connection can be reused. A response that ends early still shows the status.
        let body = http_client::start_of_body(response, RESPONSE_BYTES).await;
        let body = body.unwrap_or_default();
        let retry_after = retry_after.or_else(|| wait_in_body(&body));
        if status == StatusCode::BAD_REQUEST && self.is_setup_error(&body) {
            let reason = format!("{} responded that its address is wrong", self.name);
            return Err(Failure::channel(ChannelProblem::SetUpRejected, reason));
        }
        self.classify(status, retry_after)
    }

    /// Sends HEAD to see whether anything responds; returns the status.
    pub async fn probe(&self) -> Result<StatusCode, Failure> {
        let head = self.http.head(self.url.expose_secret());
        let sent = head.timeout(self.timeout).send().await;
        let response = sent.map_err(|error| self.no_response(&error))?;
        Ok(response.status())
    }

    fn is_setup_error(&self, body: &[u8]) -> bool {
        let body = String::from_utf8_lossy(body);
        self.setup_errors.iter().any(|error| body.contains(error))
    }

    fn classify(&self, status: StatusCode, retry_after: Option<Duration>) -> Result<(), Failure> {
        let reason = format!("{} responded with {}", self.name, status.as_u16());
        let channel = |problem, reason| {
            Err(Failure::Channel {
                problem,
                reason,
                retry_after,
            })
        };
        match status.as_u16() {
            200..=299 => Ok(()),
            300..=399 => channel(
                ChannelProblem::SetUpRejected,
                format!("{reason}; redirects are not followed"),
            ),
            // These concern the address or the credentials. A gateway whose backend is down sends 404, too.
            401 | 403 | 404 | 405 | 407 | 421 => channel(ChannelProblem::SetUpRejected, reason),
            408 | 425 | 502 | 503 | 504 => channel(ChannelProblem::Unreachable, reason),
            429 => channel(ChannelProblem::Limit, reason),
            410 => Err(Failure::Permanent {
                code: "gone",
                reason: format!("{reason}: the endpoint is gone"),
            }),
            400..=499 => Err(Failure::Permanent {
                code: "refused",
                reason,
            }),
            _ => channel(ChannelProblem::Failing, reason),
        }
    }

    /// The error itself is not shown: it would contain the address.
    fn no_response(&self, error: &reqwest::Error) -> Failure {
        let name = self.name;
        let reason = if let Some(reason) = certificates::refusal(error) {
            format!("the certificate of {name} {reason}")
        } else if speaks_no_tls(error) {
            format!("{name} does not speak HTTPS on this port")
        } else if error.is_connect() {
            format!("{name} cannot be reached")
        } else if error.is_timeout() {
            format!("{name} did not respond in time")
        } else {
            format!("the connection to {name} broke")
        };
        // Once the request is sent, the document itself may be what breaks the receiver.
        let problem = if error.is_connect() {
            ChannelProblem::Unreachable
        } else {
            ChannelProblem::Failing
        };
        Failure::channel(problem, reason)
    }
}

/// The wait that a response asks for, within bounds.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let wait = http_headers::retry_after(headers, now)?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The wait that the body of a response asks for, within the same bounds.
fn wait_in_body(body: &[u8]) -> Option<Duration> {
    let error: ErrorDto = serde_json::from_slice(body).ok()?;
    let parameters = error.parameters.and_then(|it| it.retry_after);
    let wait = Duration::try_from_secs_f64(error.retry_after.or(parameters)?).ok()?;
    Some(wait.min(MAX_RETRY_AFTER))
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
                Err(Failure::Channel {
                    problem,
                    retry_after,
                    ..
                }) => {
                    assert_eq!(retry_after, asked);
                    problem.code()
                }
                Err(Failure::Permanent { code, .. }) => code,
                Err(failure) => panic!("{status}: {failure:?}"),
            };
            assert_eq!(word, expected, "{status}");
        };
        check(200, "done");
        check(202, "done");
        check(204, "done");
        check(302, "set_up_rejected");
        check(400, "refused");
        check(401, "set_up_rejected");
        check(403, "set_up_rejected");
        check(404, "set_up_rejected");
        check(408, "unreachable");
        check(410, "gone");
        check(413, "refused");
        check(422, "refused");
        check(429, "limit");
        check(500, "failing");
        check(502, "unreachable");
        check(503, "unreachable");
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

    #[test]
    fn a_wait_can_be_in_the_body() {
        let check = |body: &str, millis: Option<u128>| {
            let wait = wait_in_body(body.as_bytes());
            assert_eq!(wait.map(|wait| wait.as_millis()), millis, "{body}");
        };
        check(
            r#"{"message":"You are being rate limited.","retry_after":0.75}"#,
            Some(750),
        );
        check(
            r#"{"ok":false,"error_code":429,"parameters":{"retry_after":35}}"#,
            Some(35_000),
        );
        check(r#"{"retry_after":1e300}"#, None);
        check(r#"{"retry_after":-1}"#, None);
        check(r#"{"retry_after":90000}"#, Some(3_600_000));
        check("Too many requests", None);
    }
}
