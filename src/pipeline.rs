//! Pipeline: hands a file over to an external program, as a signed webhook of our own.
//!
//! The signature is that of Standard Webhooks. `webhook-id` is the same on every attempt of one action,
//! so a receiver that remembers it does nothing twice; a call whose answer was lost is made again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use crate::ids::InboxId;
use crate::ids::{FileId, FolderId};
use crate::outgoing::{Failure, HttpEndpoint};

/// `PIPELINE_URL` and `PIPELINE_SECRET`, checked.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Where calls go.
    pub url: SecretString,
    /// What they are signed with, if they are.
    pub signer: Option<Signer>,
}

/// What is told to the pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// What happened.
    pub event: EventPart,
    /// The rule that calls.
    pub rule: String,
    /// The file as the event named it.
    pub file: FilePart,
    /// What was done with it before the call.
    pub result: Option<ResultPart>,
    /// Where a person finds it.
    pub links: LinksPart,
}

/// The event.
#[derive(Clone, Debug, Serialize)]
pub struct EventPart {
    /// Our number of it, as `events show` takes it.
    pub id: InboxId,
    /// DocSpace's id of it.
    pub docspace_id: Option<i64>,
    /// The webhook that delivered it.
    pub webhook_id: i64,
    /// What kind of event.
    pub trigger: Option<String>,
    /// When.
    pub happened_at: String,
    /// The account that acted.
    pub actor: Option<String>,
}

/// The file.
#[derive(Clone, Debug, Serialize)]
pub struct FilePart {
    /// Its id.
    pub id: FileId,
    /// Its title.
    pub title: String,
    /// The folder it was uploaded to.
    pub folder_id: Option<FolderId>,
}

/// What a copy or move left behind.
#[derive(Clone, Debug, Serialize)]
pub struct ResultPart {
    /// `copy` or `move`.
    pub action: String,
    /// The resulting file.
    pub file_id: Option<FileId>,
    /// Where it is now.
    pub folder_id: Option<FolderId>,
}

/// Links for people.
#[derive(Clone, Debug, Serialize)]
pub struct LinksPart {
    /// The file in the editor.
    pub file: String,
    /// The portal.
    pub portal: String,
}

/// Calls the pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    destination: HttpEndpoint,
    signer: Option<Signer>,
}

/// The pipelines of the rules file, by their keys. A reload adds to them; what is no longer in the file
/// stays known to the actions that were planned for it, until the service ends.
#[derive(Clone, Debug, Default)]
pub struct Pipelines(Arc<RwLock<HashMap<String, Pipeline>>>);

impl Pipelines {
    /// The pipeline with this key.
    pub fn get(&self, key: &str) -> Option<Pipeline> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    }

    /// Makes these known, in place of those with the same keys.
    pub fn add(
        &self,
        settings: impl IntoIterator<Item = (String, PipelineSettings)>,
    ) -> reqwest::Result<()> {
        for (key, settings) in settings {
            let pipeline = Pipeline::new(settings)?;
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(key, pipeline);
        }
        Ok(())
    }
}

/// Under which key the pipeline of a rule is known: a digest, as the address may be a secret. Another
/// secret for its calls is no other pipeline.
pub fn key_of(rule: &str, url: &str) -> String {
    const LENGTH: usize = 16;

    let mut key = hex::encode(Sha256::digest(format!("{rule}\n{url}")));
    key.truncate(LENGTH);
    key
}

/// Signs calls.
#[derive(Clone)]
pub struct Signer(Arc<Webhook>);

/// A secret that begins with `whsec_` and goes on with something other than base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it begins with whsec_, but does not go on with base64")]
pub struct NotBase64;

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Holds the secret.
        let Self(_) = self;
        formatter.write_str("Signer")
    }
}

impl Signer {
    /// A signer with this secret: `whsec_` and base64, or any other text as it is.
    pub fn new(secret: &str) -> Result<Self, NotBase64> {
        let webhook = match secret.strip_prefix("whsec_") {
            Some("") => return Err(NotBase64),
            Some(_) => Webhook::new(secret),
            None => Webhook::from_bytes(secret.as_bytes().to_vec()),
        };
        webhook
            .map(|webhook| Self(Arc::new(webhook)))
            .map_err(|_| NotBase64)
    }

    fn sign(&self, id: &str, now: i64, document: &str) -> String {
        let signed = self.0.sign(id, now, document.as_bytes());
        signed.expect("only bytes that are no text cannot be signed")
    }
}

impl Pipeline {
    /// The pipeline of these settings.
    pub fn new(settings: PipelineSettings) -> reqwest::Result<Self> {
        Ok(Self {
            destination: HttpEndpoint::new(settings.url, "the pipeline")?,
            signer: settings.signer,
        })
    }

    /// Calls it once; it has taken over when it answers 2xx.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a document is plain data, which can always be written"
    )]
    pub async fn call(&self, id: &str, document: &Document, now: Timestamp) -> Result<(), Failure> {
        let document = serde_json::to_string(document).expect("the document is plain data");
        let headers = headers(self.signer.as_ref(), id, &document, now);
        self.destination.post(headers, document, now).await
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
        for secret in ["whsec_not base64", "whsec_"] {
            assert_eq!(Signer::new(secret).unwrap_err(), NotBase64, "{secret}");
        }
        let signer = Signer::new("any other text").unwrap();
        assert!(!format!("{signer:?}").contains("any other"));
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        let headers = headers(None, "msg_1", BODY, Timestamp::UNIX_EPOCH);
        assert!(!headers.contains_key("webhook-signature"));
        assert_eq!(headers["webhook-id"], "msg_1");
    }
}
