//! Sends one request to the portal and reads the response.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::certificates::TrustedCertificates;
use crate::clock::Clock;
use crate::http_client;
use crate::http_headers;
use crate::metrics::Metrics;

use super::budget::CallKind;
use super::call::{ENTRY_BYTES, PortalCall};
use super::error::Error;
use super::error_body::ErrorBody;
use super::gate::Gate;
use super::path::{self, ApiPath};
use super::upload::UploadForm;

/// Timeout of a read, to the end of its response. Images are slow: the portal opens them to measure them (docs/DOCSPACE.md 5.2).
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a write, to the end of its response. It is long, because after a timeout the outcome of the write is unknown.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// Timeout of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the body of an error is read, in bytes. The portal's own contains a stack trace.
const ERROR_BYTES: usize = 256 * 1024;

/// The path of a probe. The portal's services fail independently, so it belongs to the one that all work
/// needs. It needs a login, so it also shows whether the portal accepts the key (docs/DOCSPACE.md 6).
pub(super) fn probe_path() -> ApiPath {
    path::rooms().query("count=1")
}

/// Sends requests to one portal with one API key.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    /// The portal's address, without a slash at its end.
    pub(super) host: String,
    key: SecretString,
    pub(super) clock: Clock,
    pub(super) gate: Gate,
    pub(super) metrics: Arc<Metrics>,
    /// The bound of the whole time of a read.
    pub(super) read_timeout: Duration,
    /// How far the portal's clock is ahead of ours, from its last response; `None` before the first.
    clock_skew: Mutex<Option<SignedDuration>>,
}

impl Transport {
    pub(super) fn new(
        host: &str,
        key: SecretString,
        trusted: Option<&TrustedCertificates>,
        clock: Clock,
    ) -> reqwest::Result<Self> {
        let mut http = http_client::builder(host).connect_timeout(CONNECT_TIMEOUT);
        if let Some(trusted) = trusted {
            http = http.tls_backend_preconfigured(trusted.client_config());
        }
        let http = http.build()?;
        Ok(Self {
            http,
            host: host.trim_end_matches('/').to_owned(),
            key,
            gate: Gate::new(clock.clone()),
            clock,
            metrics: Arc::default(),
            read_timeout: READ_TIMEOUT,
            clock_skew: Mutex::default(),
        })
    }

    /// How far the portal's clock is ahead of ours, from its last response; to about a second. `None` if no
    /// response has shown it yet.
    pub(super) fn clock_skew(&self) -> Option<SignedDuration> {
        *self.lock_clock_skew()
    }

    fn lock_clock_skew(&self) -> MutexGuard<'_, Option<SignedDuration>> {
        self.clock_skew
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Succeeds if calls are let through now. Sends the probe if the circuit is half-open, or if no response has
    /// shown the portal's clock yet: our own may be wrong, and what a call did is recognised by the time of it.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        self.gate.ready(self.probe()).await?;
        if self.clock_skew().is_none() {
            let probed: Result<IgnoredAny, Error> = self.read(PortalCall::list(probe_path())).await;
            if self.clock_skew().is_none() {
                return probed.map(drop);
            }
        }
        Ok(())
    }

    /// Makes a read call.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: PortalCall<'_>) -> Result<T, Error> {
        let envelope = self.send(call).await?;
        Ok(envelope.response)
    }

    /// Like [`Transport::send`], if `may_send` returns true. It is awaited after all waiting, as the last step
    /// before the request.
    pub(super) async fn send_if<T: DeserializeOwned>(
        &self,
        may_send: impl Future<Output = bool>,
        call: PortalCall<'_, impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        let outcome = self.admit_and_transmit(may_send, call).await;
        self.gate.record(&outcome);
        outcome
    }

    /// Sends one request through the gate.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        call: PortalCall<'_, impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        self.send_if(ready(true), call).await
    }

    /// Like [`Transport::send`], for a call whose failure shows neither that the portal is down nor that it
    /// refuses the key.
    pub(super) async fn send_unrecorded<T: DeserializeOwned>(
        &self,
        call: PortalCall<'_, impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        self.admit_and_transmit(ready(true), call).await
    }

    /// Like [`Transport::send_if`], for a call of which only the status counts, and whose failure shows neither that the
    /// portal is down nor that it refuses the key.
    pub(super) async fn send_for_status(
        &self,
        may_send: impl Future<Output = bool>,
        call: PortalCall<'_, impl Serialize>,
    ) -> Result<(), Error> {
        let kind = CallKind::of(&call.method);
        let _permit = self.gate.admit(kind, self.probe()).await?;
        if !may_send.await {
            return Err(Error::Withdrawn);
        }
        let head = RequestHead {
            method: call.method,
            path: &call.path,
            timeout: WRITE_TIMEOUT,
            with_key: true,
        };
        let request = self.request(head, |request| match call.body {
            Some(body) => request.json(body),
            None => request,
        });
        let response = request.await?;
        let outcome = if !response.status().is_success() {
            self.body(response, call.max_bytes).await.map(drop)
        } else if is_page(&response) {
            let status = response.status().as_u16();
            Err(Error::Gateway { status })
        } else {
            Ok(())
        };
        if matches!(outcome, Ok(()) | Err(Error::RateLimited { .. })) {
            self.gate.record(&outcome);
        }
        outcome
    }

    /// Posts a form, if `may_send` returns true just before the request.
    pub(super) async fn send_form_if<T: DeserializeOwned>(
        &self,
        may_send: impl Future<Output = bool>,
        path: &ApiPath,
        form: UploadForm,
    ) -> Result<Envelope<T>, Error> {
        let sent = async {
            let method = Method::POST;
            let _permit = self.gate.admit(CallKind::of(&method), self.probe()).await?;
            if !may_send.await {
                return Err(Error::Withdrawn);
            }
            let head = RequestHead {
                method,
                path,
                timeout: WRITE_TIMEOUT,
                with_key: true,
            };
            let response = self.request(head, |request| {
                let request = request.header(header::CONTENT_TYPE, form.content_type);
                request.body(form.body)
            });
            let body = self.body(response.await?, ENTRY_BYTES).await?;
            decode(&body)
        };
        let outcome = sent.await;
        self.gate.record(&outcome);
        outcome
    }

    /// Reads a content that is not JSON.
    pub(super) async fn download(
        &self,
        path: &ApiPath,
        max_bytes: usize,
    ) -> Result<Vec<u8>, Error> {
        let read = async {
            let method = Method::GET;
            let _permit = self.gate.admit(CallKind::of(&method), self.probe()).await?;
            let head = RequestHead {
                method,
                path,
                timeout: self.read_timeout,
                with_key: true,
            };
            let response = self.request(head, |request| request).await?;
            self.body(response, max_bytes).await
        };
        let outcome = read.await;
        self.gate.record(&outcome);
        outcome
    }

    async fn admit_and_transmit<T: DeserializeOwned>(
        &self,
        may_send: impl Future<Output = bool>,
        call: PortalCall<'_, impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        let kind = CallKind::of(&call.method);
        let _permit = self.gate.admit(kind, self.probe()).await?;
        if !may_send.await {
            return Err(Error::Withdrawn);
        }
        self.transmit(call).await
    }

    /// Finds out whether the portal can be called again. Passes the budget, but not the breaker.
    async fn probe(&self) -> Result<(), Error> {
        let probe = async {
            let _permit = self.gate.reserve(CallKind::Read).await?;
            let probed = self.transmit::<IgnoredAny>(PortalCall::list(probe_path()));
            probed.await.map(drop)
        };
        // The future of each call contains that of a probe, which few calls send.
        Box::pin(probe).await
    }

    async fn transmit<T: DeserializeOwned>(
        &self,
        call: PortalCall<'_, impl Serialize>,
    ) -> Result<Envelope<T>, Error> {
        let head = RequestHead {
            timeout: match call.method {
                Method::GET => self.read_timeout,
                _ => WRITE_TIMEOUT,
            },
            method: call.method,
            path: &call.path,
            with_key: true,
        };
        let request = self.request(head, |request| match call.body {
            Some(body) => request.json(body),
            None => request,
        });
        let body = self.body(request.await?, call.max_bytes).await?;
        decode(&body)
    }

    /// Sends a request and counts it. All requests to the portal are made here.
    async fn request(
        &self,
        head: RequestHead<'_>,
        with_body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let RequestHead {
            method,
            path,
            timeout,
            with_key,
        } = head;
        let address = path.address(&self.host);
        let mut request = self
            .http
            .request(method.clone(), address)
            .header(header::ACCEPT, "application/json")
            .timeout(timeout);
        if with_key {
            request = request.bearer_auth(self.key.expose_secret());
        }
        let response = with_body(request).send().await;
        let status = response.as_ref().ok().map(|it| it.status().as_u16());
        self.metrics
            .count_portal_call(method.as_str(), path.route(), status);
        response.map_err(Error::unreachable)
    }

    /// Sends a request through the gate and returns the status and the body of the response, whatever they are. `None`
    /// if the response is to be dropped unread.
    pub(super) async fn exchange(
        &self,
        request: RawRequest,
    ) -> Result<Option<(u16, Vec<u8>)>, Error> {
        let kind = CallKind::of(&request.method);
        let _permit = self.gate.admit(kind, self.probe()).await?;
        let head = RequestHead {
            method: request.method,
            path: &request.path,
            timeout: WRITE_TIMEOUT,
            with_key: request.with_key,
        };
        let sent = self.request(head, |sent| match request.body {
            Some((content_type, body)) => {
                sent.header(header::CONTENT_TYPE, content_type).body(body)
            }
            None => sent,
        });
        let response = sent.await?;
        if !request.read_response {
            return Ok(None);
        }
        let status = response.status().as_u16();
        let body = http_client::start_of_body(response, ERROR_BYTES).await;
        Ok(Some((status, body.map_err(Error::unreachable)?)))
    }

    /// Checks the status and reads the body.
    async fn body(&self, response: Response, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let now = self.clock.now();
        let date = http_headers::date(response.headers());
        // Without a date, the clocks are taken to agree.
        *self.lock_clock_skew() = Some(date.unwrap_or(now).duration_since(now));
        let status = response.status();
        if status != StatusCode::OK {
            let retry_after = http_headers::retry_after(response.headers(), self.clock.wall());
            let body = http_client::start_of_body(response, ERROR_BYTES)
                .await
                .map_err(Error::unreachable)?;
            let body = ErrorBody::of(status, &body);
            return Err(Error::from_response(status, retry_after, body));
        }
        let body = http_client::start_of_body(response, max_bytes + 1)
            .await
            .map_err(Error::unreachable)?;
        if body.len() > max_bytes {
            return Err(Error::TooLong { max_bytes });
        }
        Ok(body)
    }
}

/// Whether a response is a page for people, which the portal's API never answers with.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Decodes the body of a successful response.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|source| {
        if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            Error::Unreadable { source }
        } else {
            let status = StatusCode::OK.as_u16();
            Error::Gateway { status }
        }
    })
}

/// What requests differ in, apart from their bodies.
struct RequestHead<'a> {
    method: Method,
    path: &'a ApiPath,
    /// The bound of the whole time, to the end of the response.
    timeout: Duration,
    with_key: bool,
}

/// A request of which the whole response is of interest.
#[derive(Debug)]
pub(super) struct RawRequest {
    pub(super) method: Method,
    pub(super) path: ApiPath,
    /// The content type and the body.
    pub(super) body: Option<(String, Vec<u8>)>,
    pub(super) with_key: bool,
    /// Whether the response is read; otherwise the connection is closed once its head has arrived.
    pub(super) read_response: bool,
}

/// What the portal wraps each successful response in (docs/DOCSPACE.md 5.1).
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) response: T,
    /// The length of the whole list, if the response is a page of one.
    pub(super) total: Option<u64>,
}
