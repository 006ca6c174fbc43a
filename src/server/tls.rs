//! HTTPS without a proxy, with a certificate and key that can be replaced while the service runs.
//!
//! Both files are watched. A new pair is checked before it is used; while it cannot be used, because only one
//! of the two files has been replaced or because it is invalid, the active one stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::zeroize::Zeroizing;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use x509_cert::der::Decode as _;

use crate::clock::Clock;
use crate::file_watcher::FileWatcher;
use crate::telemetry::ErrorChain;
use crate::text_file;

/// `check` warns about a certificate that expires within this time.
pub const EXPIRES_SOON: Duration = Duration::from_hours(14 * 24);

/// The files of a certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `TLS_CERT_FILE`: the certificate followed by its intermediate certificates, in PEM format.
    pub certificate: PathBuf,
    /// `TLS_KEY_FILE`: the certificate's private key, in PEM format.
    pub key: PathBuf,
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be read.
    #[error("cannot read {path}: {source}")]
    CertificateUnreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The key file cannot be read.
    #[error("cannot read {path}: {source}")]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file contains no valid certificate.
    #[error("does not contain a certificate in PEM format")]
    NoCertificate,
    /// The file contains no private key, or an encrypted one.
    #[error("does not contain an unencrypted private key in PEM format")]
    NoKey,
    /// The key belongs to another certificate.
    #[error("does not match the certificate in TLS_CERT_FILE")]
    KeyMismatch,
    /// rustls rejects the pair, for example because the key is too short.
    #[error("cannot be used: {0}")]
    Unusable(rustls::Error),
    /// The certificate is not valid yet.
    #[error("contains a certificate that is not valid before {0}")]
    NotYetValid(Timestamp),
    /// The certificate is no longer valid.
    #[error("contains a certificate that expired on {0}; renew it")]
    Expired(Timestamp),
}

impl TlsError {
    /// The variable that names the file at fault.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::KeyUnreadable { .. } | Self::NoKey | Self::KeyMismatch => "TLS_KEY_FILE",
            _ => "TLS_CERT_FILE",
        }
    }
}

impl TlsFiles {
    /// Reads both files and checks that they match; the certificate may have expired.
    pub fn load(&self) -> Result<Certificate, TlsError> {
        let read =
            |path: &Path| text_file::read_bytes(path).map_err(|source| (path.to_owned(), source));
        let chain = read(&self.certificate)
            .map_err(|(path, source)| TlsError::CertificateUnreadable { path, source })?;
        let key = read(&self.key)
            .map(Zeroizing::new)
            .map_err(|(path, source)| TlsError::KeyUnreadable { path, source })?;
        Certificate::from_pem(&chain, &key)
    }

    fn load_valid(&self, now: Timestamp) -> Result<Certificate, TlsError> {
        let certificate = self.load()?;
        certificate.validity.check(now)?;
        Ok(certificate)
    }
}

/// The validity period of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The start of the period.
    pub not_before: Timestamp,
    /// The end of the period.
    pub not_after: Timestamp,
}

impl Validity {
    /// Parses it from a certificate in DER format.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
        let validity = certificate.tbs_certificate.validity;
        let time = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
            Timestamp::from_second(seconds).ok()
        };
        Some(Self {
            not_before: time(validity.not_before)?,
            not_after: time(validity.not_after)?,
        })
    }

    /// Returns an error unless the certificate is valid now.
    pub fn check(&self, now: Timestamp) -> Result<(), TlsError> {
        if now < self.not_before {
            Err(TlsError::NotYetValid(self.not_before))
        } else if now >= self.not_after {
            Err(TlsError::Expired(self.not_after))
        } else {
            Ok(())
        }
    }

    /// Whether the certificate expires within [`EXPIRES_SOON`].
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        self.not_after < now + EXPIRES_SOON
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
    fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TlsError::NoCertificate)?;
        let own = chain.first().ok_or(TlsError::NoCertificate)?;
        let validity = Validity::of(own).ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(TlsError::Unusable)?
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch,
                    error => TlsError::Unusable(error),
                })?;
        // Sessions are not resumed: DocSpace does not need it, and each would occupy memory.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            validity,
        })
    }
}

/// The active certificate, and the files that replace it when they change.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    clock: Clock,
    active: ArcSwap<Certificate>,
    /// The contents that `active` was loaded from.
    watcher: FileWatcher,
}

impl Tls {
    /// Loads the files, which must contain a certificate that is valid now.
    pub fn open(files: TlsFiles, clock: Clock) -> Result<Self, TlsError> {
        // Before loading, so that a change in between is noticed.
        let watcher = FileWatcher::new([files.certificate.clone(), files.key.clone()]);
        let active = files.load_valid(clock.wall())?;
        Ok(Self {
            files,
            clock,
            active: ArcSwap::from_pointee(active),
            watcher,
        })
    }

    /// The validity period of the active certificate.
    pub fn validity(&self) -> Validity {
        self.active.load().validity
    }

    /// Accepts TLS connections with the active certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.active.load().config))
    }

    /// Replaces the certificate whenever the files change, until the token is cancelled.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut watcher = self.watcher.clone();
        while stop.run_until_cancelled(watcher.changed()).await.is_some() {
            let tls = Arc::clone(&self);
            // A network file system may block.
            let _ = tokio::task::spawn_blocking(move || tls.reload()).await;
        }
    }

    fn reload(&self) {
        match self.files.load_valid(self.clock.wall()) {
            Ok(certificate) => {
                let expires_at = certificate.validity.not_after;
                self.active.store(Arc::new(certificate));
                info!(%expires_at, "using the new certificate");
            }
            Err(error) => {
                let variable = error.variable();
                warn!(
                    error = %ErrorChain(&error),
                    variable,
                    "cannot use the new certificate; keeping the active one"
                );
            }
        }
    }
}
