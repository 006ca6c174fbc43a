//! TLS to the database: trusts the system's certificates and those of `DATABASE_CA_FILE`.

use tokio_postgres_rustls::MakeRustlsConnect;

use crate::certificates::TrustedCertificates;
use crate::db::error::SqlError;

/// The TLS connector; the address decides whether it is used.
pub(super) fn connector(trusted: Option<&str>) -> Result<MakeRustlsConnect, SqlError> {
    let trusted = match trusted {
        None => TrustedCertificates::system().map_err(|error| error.to_string()),
        Some(pem) => TrustedCertificates::from_pem(pem).map_err(|error| error.to_string()),
    };
    let trusted = trusted.map_err(SqlError::Tls)?;
    Ok(MakeRustlsConnect::new(trusted.client_config()))
}
