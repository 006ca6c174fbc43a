//! TLS to the database: trusts the system's certificates and those of `DATABASE_CA_FILE`.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::error::SqlError;

/// The TLS connector; the address decides whether it is used.
pub(super) fn connector(trusted: Option<&str>) -> Result<MakeRustlsConnect, SqlError> {
    let unusable = |error: &dyn std::fmt::Display| SqlError::Tls(error.to_string());
    let certificates = trusted
        .map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>())
        .transpose()
        .map_err(|error| unusable(&error))?
        .unwrap_or_default();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(certificates, Arc::clone(&provider))
        .map_err(|error| unusable(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
