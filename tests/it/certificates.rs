//! Certificates for tests: a private authority and the certificates that it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use docspace_courier::clock::Clock;
use docspace_courier::server::tls::{Tls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

/// An authority that only clients of the test trust.
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

    /// A client that trusts only this authority.
    pub fn client(&self) -> reqwest::Client {
        let trusted = reqwest::Certificate::from_pem(self.pem().as_bytes()).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([trusted])
            .tls_info(true)
            .no_proxy()
            .build()
            .unwrap()
    }

    /// Signs a certificate for localhost that is valid until the year 4000.
    pub fn sign(&self) -> Signed {
        self.sign_until(4000)
    }

    /// Signs a certificate for localhost that is valid until this year begins.
    pub fn sign_until(&self, year: i32) -> Signed {
        self.sign_until_day(year, 1, 1)
    }

    /// Signs a certificate for localhost that is valid until this day begins.
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
    /// A self-signed certificate for localhost as `openssl req -x509` makes it: marked as that of an authority.
    pub fn by_itself() -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(4000, 1, 1);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes certificate and key to files for the service.
    pub fn write_to(&self, folder: &Path) -> TlsFiles {
        let files = files_in(folder);
        std::fs::write(&files.certificate, &self.certificate).unwrap();
        std::fs::write(&files.key, &self.key).unwrap();
        files
    }

    /// The certificate in DER form.
    pub fn der(&self) -> Vec<u8> {
        use rustls::pki_types::{CertificateDer, pem::PemObject as _};
        CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .unwrap()
            .to_vec()
    }
}

/// The files that [`Signed::write_to`] writes.
pub fn files_in(folder: &Path) -> TlsFiles {
    let path = |name: &str| -> PathBuf { folder.join(name) };
    TlsFiles {
        certificate: path("tls.crt"),
        key: path("tls.key"),
    }
}

/// The TLS settings of a listener with such a certificate.
pub fn serving(clock: &Clock) -> Arc<Tls> {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().sign().write_to(folder.path());
    Arc::new(Tls::open(files, clock.clone()).unwrap())
}
