//! The variables of the certificate.

use std::path::PathBuf;

use crate::server::tls::TlsFiles;

use super::problems::Problems;
use super::raw::Raw;

/// The two files, when both are named, can be read and fit each other. Whether the certificate is valid
/// is a question of the time, and asked by whoever has a clock.
pub(super) fn tls(raw: &Raw, problems: &mut Problems) -> Option<TlsFiles> {
    match (&raw.tls_cert_file, &raw.tls_key_file) {
        (None, None) => None,
        (Some(_), None) => {
            problems.add(
                "TLS_KEY_FILE",
                "is not set, but TLS_CERT_FILE is: the file with the certificate's key",
            );
            None
        }
        (None, Some(_)) => {
            problems.add(
                "TLS_CERT_FILE",
                "is not set, but TLS_KEY_FILE is: the file with the key's certificate",
            );
            None
        }
        (Some(certificate), Some(key)) => {
            let files = TlsFiles {
                certificate: PathBuf::from(certificate),
                key: PathBuf::from(key),
            };
            if let Err(error) = files.load() {
                problems.add(error.variable(), error.to_string());
            }
            Some(files)
        }
    }
}
