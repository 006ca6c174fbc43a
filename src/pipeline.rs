//! Pipeline: calls an external program about a file, signed according to Standard Webhooks.
//!
//! `webhook-id` is the same on every attempt of one action, so that a receiver can ignore duplicates. A call
//! whose response was lost is repeated.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use crate::clock::Clock;
use crate::outgoing::{ChannelBreaker, Failure, HttpEndpoint};

/// The settings of a pipeline, checked.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Its name for people and metrics, such as "pipeline of rule archive".
    pub name: String,
    /// The address.
    pub url: SecretString,
    /// Signs the calls, if a secret is set.
    pub signer: Option<Signer>,
}

/// Calls the pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    name: Arc<str>,
    endpoint: HttpEndpoint,
    signer: Option<Signer>,
}

/// The pipelines of the rules file, by key.
#[derive(Clone, Debug, Default)]
pub struct Pipelines(Arc<RwLock<HashMap<String, ListedPipeline>>>);

#[derive(Debug)]
struct ListedPipeline {
    pipeline: Pipeline,
    /// Whether the rules file calls it as last read.
    is_listed: bool,
}

impl Pipelines {
    /// The pipeline with this key.
    pub fn get(&self, key: &str) -> Option<Pipeline> {
        let pipelines = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pipelines.get(key).map(|listed| listed.pipeline.clone())
    }

    /// All of them with their keys, in the order of the keys.
    pub fn all(&self) -> Vec<(String, Pipeline)> {
        let pipelines = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = pipelines
            .iter()
            .map(|(key, listed)| (key.clone(), listed.pipeline.clone()))
            .collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Takes over those of the rules file. Of one that is known already only the signer can have changed; it keeps its
    /// circuit breaker, because the pipeline is as available as before. One that is no longer in the file is forgotten
    /// at the next call, unless an action uses it: events are decided by the earlier rules until they are replaced.
    pub fn load(
        &self,
        settings: impl IntoIterator<Item = (String, PipelineSettings)>,
        is_in_use: impl Fn(&str) -> bool,
    ) -> reqwest::Result<()> {
        let mut listed = Vec::new();
        for (key, settings) in settings {
            let pipeline = match self.get(&key) {
                Some(known) => Pipeline {
                    signer: settings.signer,
                    ..known
                },
                None => Pipeline::new(settings)?,
            };
            let is_listed = true;
            listed.push((
                key,
                ListedPipeline {
                    pipeline,
                    is_listed,
                },
            ));
        }
        let mut pipelines = self.0.write().unwrap_or_else(PoisonError::into_inner);
        pipelines.retain(|key, pipeline| std::mem::take(&mut pipeline.is_listed) || is_in_use(key));
        pipelines.extend(listed);
        Ok(())
    }
}

/// The key of a rule's pipeline: a digest, because the address may be a secret and the key is stored.
/// Changing the signing secret does not change the key.
pub fn key_of(rule: &str, url: &str) -> String {
    const LENGTH: usize = 16;

    let mut key = hex::encode(Sha256::digest(format!("{rule}\n{url}")));
    key.truncate(LENGTH);
    key
}

/// Signs calls.
#[derive(Clone)]
pub struct Signer(Arc<Webhook>);

/// A secret with `whsec_` that is not `whsec_` and base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it contains whsec_, but is not whsec_ and base64")]
pub struct NotBase64;

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Contains the secret.
        let Self(_) = self;
        formatter.write_str("Signer")
    }
}

impl Signer {
    /// A signer with this secret: `whsec_` and base64, or any other text taken as it is. Some consoles show the secret
    /// after the version of the signature, as `v1,whsec_…`.
    pub fn new(secret: &str) -> Result<Self, NotBase64> {
        let secret = match secret.strip_prefix("v1,") {
            Some(rest) if rest.starts_with("whsec_") => rest,
            _ => secret,
        };
        let webhook = match secret.split_once("whsec_") {
            Some(("", base64)) if !base64.is_empty() => Webhook::new(secret),
            Some(_) => return Err(NotBase64),
            None => Webhook::from_bytes(secret.as_bytes().to_vec()),
        };
        webhook
            .map(|webhook| Self(Arc::new(webhook)))
            .map_err(|_| NotBase64)
    }

    fn sign(&self, id: &str, now: i64, document: &str) -> String {
        let signed = self.0.sign(id, now, document.as_bytes());
        signed.expect("signing fails only for a body that is not UTF-8")
    }
}

impl Pipeline {
    /// The pipeline of these settings.
    pub fn new(settings: PipelineSettings) -> reqwest::Result<Self> {
        Ok(Self {
            name: settings.name.into(),
            endpoint: HttpEndpoint::new(settings.url, "the pipeline")?,
            signer: settings.signer,
        })
    }

    /// Calls it once with a JSON document. A 2xx response means accepted.
    pub async fn call(&self, id: &str, document: String, clock: &Clock) -> Result<(), Failure> {
        let headers = headers(self.signer.as_ref(), id, &document, clock.wall());
        self.endpoint.post(headers, document, clock).await
    }

    /// Its name for people and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its circuit breaker, which clones share.
    pub fn breaker(&self) -> &ChannelBreaker {
        self.endpoint.breaker()
    }
}

fn headers(signer: Option<&Signer>, id: &str, document: &str, now: Timestamp) -> HeaderMap {
    let seconds = now.as_second();
    [
        (HEADER_WEBHOOK_ID, Some(id.to_owned())),
        (HEADER_WEBHOOK_TIMESTAMP, Some(seconds.to_string())),
        (
            HEADER_WEBHOOK_SIGNATURE,
            signer.map(|signer| signer.sign(id, seconds, document)),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        let value = HeaderValue::from_str(&value?).expect("ids, numbers and base64 are ASCII");
        Some((HeaderName::from_static(name), value))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"test": 2432232314}"#;

    fn sign(secret: &str) -> String {
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let headers = headers(Some(&Signer::new(secret).unwrap()), id, BODY, now);
        headers["webhook-signature"].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_example_of_the_specification() {
        assert_eq!(
            sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_is_base64_only_when_it_says_so() {
        assert_ne!(
            sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        );
        assert_eq!(
            sign("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        );
        for secret in [
            "whsec_not base64",
            "whsec_",
            "secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert_eq!(Signer::new(secret).unwrap_err(), NotBase64, "{secret}");
        }
        let signer = Signer::new("any other text").unwrap();
        assert!(!format!("{signer:?}").contains("any other"));
    }

    #[tokio::test]
    async fn a_reload_does_not_end_an_outage() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let settings = |secret: &str| PipelineSettings {
            name: "pipeline".to_owned(),
            url: url.clone().into(),
            signer: Some(Signer::new(secret).unwrap()),
        };
        let pipelines = Pipelines::default();
        let add = |secret| {
            pipelines
                .load([("key".to_owned(), settings(secret))], |_| false)
                .unwrap();
        };
        add("one");
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let endpoint = pipelines.get("key").unwrap().endpoint;
        let failed = endpoint.post(HeaderMap::new(), String::new(), &clock).await;
        assert!(
            matches!(failed, Err(Failure::CircuitOpen { .. })),
            "{failed:?}"
        );

        add("another");
        let reloaded = pipelines.get("key").unwrap();
        assert!(reloaded.breaker().outage().is_some());
        let signature = |signer: Option<Signer>| signer.unwrap().sign("msg_1", 0, BODY);
        assert_eq!(
            signature(reloaded.signer),
            signature(settings("another").signer)
        );
    }

    #[test]
    fn pipelines_that_nothing_uses_are_forgotten_after_the_next_reload() {
        let pipelines = Pipelines::default();
        let load = |key: &str, used: &str| {
            let settings = PipelineSettings {
                name: format!("pipeline {key}"),
                url: format!("http://127.0.0.1:9/{key}").into(),
                signer: None,
            };
            let settings = [(key.to_owned(), settings)];
            pipelines.load(settings, |key| key == used).unwrap();
            let keys = pipelines.all().into_iter().map(|(key, _)| key);
            keys.collect::<Vec<_>>()
        };
        assert_eq!(load("a", ""), ["a"]);
        assert_eq!(load("b", ""), ["a", "b"]);
        assert_eq!(load("c", "a"), ["a", "b", "c"]);
        assert_eq!(load("c", "a"), ["a", "c"]);
        assert_eq!(load("c", ""), ["c"]);
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        let headers = headers(None, "msg_1", BODY, Timestamp::UNIX_EPOCH);
        assert!(!headers.contains_key("webhook-signature"));
        assert_eq!(headers["webhook-id"], "msg_1");
    }
}
