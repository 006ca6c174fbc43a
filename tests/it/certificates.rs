//! Certificates made on the spot: a private authority, and what it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use docspace_courier::clock::Clock;
use docspace_courier::server::tls::{Tls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

/// An authority that nobody knows unless told.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM form.
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client that trusts this authority and nobody else.
    pub fn client(&self) -> reqwest::Client {
        let trusted = reqwest::Certificate::from_pem(self.pem().as_bytes()).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([trusted])
            .tls_info(true)
            .no_proxy()
            .build()
            .unwrap()
    }

    /// For localhost, as good as forever.
    pub fn sign(&self) -> Signed {
        self.sign_until(4000)
    }

    /// For localhost, until this year begins.
    pub fn sign_until(&self, year: i32) -> Signed {
        self.sign_until_day(year, 1, 1)
    }

    /// For localhost, until this day begins.
    pub fn sign_until_day(&self, year: i32, month: u8, day: u8) -> Signed {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        let key = KeyPair::generate().unwrap();
        Signed {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Signed {
    /// Writes both where the service finds them.
    pub fn write_to(&self, folder: &Path) -> TlsFiles {
        let files = files_in(folder);
        std::fs::write(&files.certificate, &self.certificate).unwrap();
        std::fs::write(&files.key, &self.key).unwrap();
        files
    }

    /// The certificate as it goes over the wire.
    pub fn der(&self) -> Vec<u8> {
        use rustls::pki_types::{CertificateDer, pem::PemObject as _};
        CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .unwrap()
            .to_vec()
    }
}

/// Where [`Signed::write_to`] writes.
pub fn files_in(folder: &Path) -> TlsFiles {
    let path = |name: &str| -> PathBuf { folder.join(name) };
    TlsFiles {
        certificate: path("tls.crt"),
        key: path("tls.key"),
    }
}

/// What a listener with such a certificate serves with.
pub fn serving(clock: &Clock) -> Arc<Tls> {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().sign().write_to(folder.path());
    Arc::new(Tls::open(files, clock.clone()).unwrap())
}
