//! The certificates of servers: which ones are trusted, and why one was refused.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::server::tls::{TlsError, Validity};

/// Certificates that are trusted in addition to the system's.
#[derive(Clone)]
pub struct TrustedCertificates(Arc<ServerVerifier>);

/// A text without a usable certificate in PEM format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not contain a certificate in PEM format")]
pub struct NoCertificate;

impl TrustedCertificates {
    /// The system's certificates only.
    pub fn system() -> Result<Self, rustls::Error> {
        ServerVerifier::new(Vec::new()).map(Self::of)
    }

    /// The certificates of a text in PEM format, and the system's.
    pub fn from_pem(pem: &str) -> Result<Self, NoCertificate> {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        let certificates = certificates.collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|_| NoCertificate)?;
        if certificates.is_empty() {
            return Err(NoCertificate);
        }
        let verifier = ServerVerifier::new(certificates).map_err(|_| NoCertificate)?;
        Ok(Self::of(verifier))
    }

    fn of(verifier: ServerVerifier) -> Self {
        Self(Arc::new(verifier))
    }

    /// The settings of a client that trusts them.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the provider supports the default versions of TLS"
    )]
    pub fn client_config(&self) -> ClientConfig {
        let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&self.0) as _;
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default versions of TLS")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth()
    }
}

impl fmt::Debug for TrustedCertificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(verifier) = self;
        formatter
            .debug_tuple("TrustedCertificates")
            .field(&verifier.named.len())
            .finish()
    }
}

/// Verifies servers by the system's rules, and accepts a certificate that is itself named as trusted.
///
/// Tools such as `openssl req -x509` mark a self-signed certificate as that of an authority, and the usual rules refuse
/// an authority's certificate as that of a server.
#[derive(Debug)]
struct ServerVerifier {
    by_rules: Verifier,
    named: Vec<CertificateDer<'static>>,
}

impl ServerVerifier {
    fn new(named: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Ok(Self {
            by_rules: Verifier::new_with_extra_roots(named.iter().cloned(), provider)?,
            named,
        })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.named.contains(end_entity) {
            return verify_named(end_entity, server_name, now);
        }
        self.by_rules
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_rules
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_rules
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_rules.supported_verify_schemes()
    }
}

/// Verifies the name and the dates of a certificate that is named as trusted.
fn verify_named(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
    let validity = Validity::of(certificate).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).ok();
    let now = now.and_then(|seconds| Timestamp::from_second(seconds).ok());
    match validity.check(now.ok_or(CertificateError::BadEncoding)?) {
        Ok(()) => Ok(ServerCertVerified::assertion()),
        Err(TlsError::NotYetValid(_)) => Err(CertificateError::NotValidYet.into()),
        Err(_) => Err(CertificateError::Expired.into()),
    }
}

/// Why the certificate of a server was refused, if that is what failed; completes "its certificate …".
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(cause)) = error.downcast_ref() {
            return Some(in_words(cause));
        }
        // `source` of an I/O error skips the error that it wraps.
        next = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn in_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "is not signed by a trusted authority".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet".to_owned()
        }
        // The error of the verifier is not part of its public interface.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "is marked as that of an authority: create it with basicConstraints=CA:FALSE, or sign it with an authority of \
             your own"
                .to_owned()
        }
        other => format!("is refused: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    /// 2026-01-01.
    const NOW: u64 = 1_767_225_600;

    /// A self-signed certificate for localhost, marked as that of an authority.
    fn self_signed() -> rcgen::Certificate {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_named_as_trusted_is_accepted_for_its_names_and_dates() {
        let (server, other) = (self_signed(), self_signed());
        let trusted = TrustedCertificates::from_pem(&server.pem()).unwrap();
        let verify = |certificate: &rcgen::Certificate, name: &'static str, seconds: u64| {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            let name = ServerName::try_from(name).unwrap();
            let verified = trusted
                .0
                .verify_server_cert(certificate.der(), &[], &name, &[], now);
            verified.err().map(|error| refusal(&error).unwrap())
        };
        let check = |refused: Option<String>, words: &str| {
            let reason = refused.unwrap();
            assert!(reason.contains(words), "{reason}");
        };
        assert_eq!(verify(&server, "localhost", NOW), None);
        check(verify(&server, "portal.example", NOW), "another name");
        check(verify(&server, "localhost", NOW + 400 * 86_400), "expired");
        check(
            verify(&server, "localhost", NOW - 400 * 86_400),
            "not valid yet",
        );
        check(
            verify(&other, "localhost", NOW),
            "marked as that of an authority",
        );
    }

    #[test]
    fn a_text_without_certificates_is_refused() {
        for text in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(
                TrustedCertificates::from_pem(text).err(),
                Some(NoCertificate),
                "{text}"
            );
        }
    }
}
