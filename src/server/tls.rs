//! HTTPS without a proxy: the certificate and its key, which may be replaced while serving.
//!
//! The files are looked at once a second. Their contents are compared, not their times: a link may be
//! turned to an older file. A new pair is tried before it is used, and while it cannot be used, because
//! only one of the two files has been written yet or because it is wrong, the old one serves on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use x509_cert::der::Decode as _;

use crate::clock::Clock;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A certificate that ends within this time deserves a warning.
pub const ENDS_SOON: Duration = Duration::from_hours(14 * 24);

/// Where the certificate and its key stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `TLS_CERT_FILE`: the certificate, then those between it and the root, in PEM form.
    pub certificate: PathBuf,
    /// `TLS_KEY_FILE`: the certificate's key, in PEM form.
    pub key: PathBuf,
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the certificate cannot be read.
    #[error("cannot read {path}: {source}")]
    CertificateUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of the key cannot be read.
    #[error("cannot read {path}: {source}")]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no certificate, or one that nobody can read.
    #[error("holds no certificate in PEM form")]
    NoCertificate,
    /// The file holds no key, or one with a passphrase.
    #[error("holds no private key in PEM form without a passphrase")]
    NoKey,
    /// The key is that of another certificate.
    #[error("is not the key of the certificate in TLS_CERT_FILE")]
    DoesNotFit,
    /// TLS cannot use the two, for example because the key is too short.
    #[error("cannot be used: {0}")]
    Unusable(rustls::Error),
    /// The certificate is not valid yet.
    #[error("holds a certificate that begins only on {0}")]
    NotYet(Timestamp),
    /// The certificate is not valid any more.
    #[error("holds a certificate that ended on {0}; renew it")]
    Ended(Timestamp),
}

impl TlsError {
    /// The variable whose file it is about.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::KeyUnreadable { .. } | Self::NoKey | Self::DoesNotFit => "TLS_KEY_FILE",
            _ => "TLS_CERT_FILE",
        }
    }
}

/// What the two files hold.
struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl TlsFiles {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| (path.to_owned(), source));
        Ok(Contents {
            certificate: read(&self.certificate)
                .map_err(|(path, source)| TlsError::CertificateUnreadable { path, source })?,
            key: read(&self.key)
                .map_err(|(path, source)| TlsError::KeyUnreadable { path, source })?
                .into(),
        })
    }

    /// Reads both and sees that they fit, at whatever time.
    pub fn load(&self) -> Result<Certificate, TlsError> {
        Certificate::from_contents(&self.read()?)
    }
}

impl Contents {
    fn digest(&self) -> [u8; 32] {
        let length = (self.certificate.len() as u64).to_be_bytes();
        let digest = Sha256::new()
            .chain_update(length)
            .chain_update(&self.certificate)
            .chain_update(&self.key);
        digest.finalize().into()
    }
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From then on.
    pub begins_at: Timestamp,
    /// Until then.
    pub ends_at: Timestamp,
}

impl Validity {
    /// Reads it from a certificate in DER form.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
        let validity = certificate.tbs_certificate.validity;
        let time = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
            Timestamp::from_second(seconds).ok()
        };
        Some(Self {
            begins_at: time(validity.not_before)?,
            ends_at: time(validity.not_after)?,
        })
    }

    /// An error unless it is valid now.
    pub fn check(&self, now: Timestamp) -> Result<(), TlsError> {
        if now < self.begins_at {
            Err(TlsError::NotYet(self.begins_at))
        } else if now >= self.ends_at {
            Err(TlsError::Ended(self.ends_at))
        } else {
            Ok(())
        }
    }

    /// Whether it ends within [`ENDS_SOON`].
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.ends_at < now + ENDS_SOON
    }
}

/// A certificate with its key, ready to serve.
#[derive(Clone, Debug)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    /// When it is valid.
    pub validity: Validity,
}

impl Certificate {
    fn from_contents(contents: &Contents) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TlsError::NoCertificate)?;
        let own = chain.first().ok_or(TlsError::NoCertificate)?;
        let validity = Validity::of(own).ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|_| TlsError::NoKey)?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(TlsError::Unusable)?
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => TlsError::DoesNotFit,
                    error => TlsError::Unusable(error),
                })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            validity,
        })
    }
}

/// The certificate that serves now, and the files that the next one comes from.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    serving: Certificate,
    /// The contents last tried, good or not; `None` when they could not be read.
    tried: Option<[u8; 32]>,
}

impl Tls {
    /// Reads the files, which must hold a certificate that is valid now.
    pub fn open(files: TlsFiles, clock: Clock) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let serving = Certificate::from_contents(&contents)?;
        serving.validity.check(clock.now())?;
        let tried = Some(contents.digest());
        let state = Mutex::new(State { serving, tried });
        Ok(Self {
            files,
            clock,
            state,
        })
    }

    /// When the certificate is valid that serves now.
    pub fn validity(&self) -> Validity {
        self.with_state(|state| state.serving.validity)
    }

    /// Shakes hands with the certificate that serves now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.with_state(|state| Arc::clone(&state.serving.config)))
    }

    /// Looks at the files, and serves what is new in them if that can be used.
    pub fn look(&self) {
        let contents = self.files.read();
        let digest = contents.as_ref().ok().map(Contents::digest);
        let is_new = self.with_state(|state| {
            let is_new = state.tried != digest;
            state.tried = digest;
            is_new
        });
        if !is_new {
            return;
        }
        let certificate = contents.and_then(|contents| {
            let certificate = Certificate::from_contents(&contents)?;
            certificate.validity.check(self.clock.now())?;
            Ok(certificate)
        });
        match certificate {
            Ok(certificate) => {
                let ends_at = certificate.validity.ends_at;
                self.with_state(|state| state.serving = certificate);
                info!(%ends_at, "serving with the certificate that TLS_CERT_FILE holds now");
            }
            Err(error) => {
                let variable = error.variable();
                warn!(%error, variable, "the new certificate cannot be used; the old one serves on");
            }
        }
    }

    /// Looks once a second until told to stop.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut interval = tokio::time::interval(LOOK_EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            let tls = Arc::clone(&self);
            // A file system may take its time.
            let _ = tokio::task::spawn_blocking(move || tls.look()).await;
        }
    }

    fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
