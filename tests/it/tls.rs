//! HTTPS in the service itself, with certificates that are replaced while it runs.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use docspace_courier::clock::Clock;
use docspace_courier::config::Config;
use docspace_courier::server::tls::{Tls, TlsFiles};
use docspace_courier::service::Service;
use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::PortalSettings;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use reqwest::tls::TlsInfo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::certificates::{Authority, files_in};
use crate::process::{Deployment, binary};

/// A deployment with HTTPS, and a folder for its files.
struct Https {
    deployment: Deployment,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Https {
    async fn new() -> Self {
        let mut deployment = Deployment::new(PortalSettings::default()).await;
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let files = authority.sign().write_to(folder.path());
        deployment.variables.extend(variables(&files));
        Self {
            deployment,
            authority,
            folder,
        }
    }

    fn url(&self) -> String {
        format!(
            "https://localhost:{}/webhook",
            self.deployment.address.port()
        )
    }

    /// The certificate that the service presents to a new connection.
    async fn presented(&self) -> Option<Vec<u8>> {
        let answer = self.authority.client().head(self.url()).send().await;
        let answer = answer.ok()?;
        let info = answer.extensions().get::<TlsInfo>();
        Some(info?.peer_certificate()?.to_vec())
    }

    async fn presents(&self, certificate: &[u8]) {
        until(
            STATE_BOUND,
            "the new certificate is presented",
            async || self.presented().await.as_deref() == Some(certificate),
        )
        .await;
    }
}

fn variables(files: &TlsFiles) -> [(&'static str, String); 2] {
    let path = |path: &PathBuf| path.display().to_string();
    [
        ("TLS_CERT_FILE", path(&files.certificate)),
        ("TLS_KEY_FILE", path(&files.key)),
    ]
}

/// Sends a delivery that no rule acts on.
async fn deliver(
    client: &reqwest::Client,
    url: &str,
    secret: &str,
    id: u64,
) -> reqwest::Result<u16> {
    let event =
        json!({ "event": { "id": id, "trigger": "user.created" }, "payload": { "id": id } });
    let body = event.to_string();
    let signature = WebhookSecret::new(secret).sign(body.as_bytes());
    let request = client
        .post(url)
        .header("x-docspace-signature-256", signature);
    Ok(request.body(body).send().await?.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_accepted_over_https_only() {
    bounded(async {
        let mut https = Https::new().await;
        let require = ("REQUIRE_HTTPS", "true".to_owned());
        https.deployment.variables.push(require);
        let service = https.deployment.start();
        https.deployment.ready().await;
        let (client, secret) = (https.authority.client(), https.deployment.portal.secret());

        // Silent connections do not keep deliveries waiting: the last one is still open afterwards.
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(TcpStream::connect(https.deployment.address).await.unwrap());
        }
        let status = deliver(&client, &https.url(), secret, 1).await.unwrap();
        assert_eq!(status, 200);
        let still_open = silent[49].try_read(&mut [0]).unwrap_err();
        assert_eq!(still_open.kind(), ErrorKind::WouldBlock);

        // A delivery that a proxy marks as plain HTTP is refused.
        let said = client.post(https.url()).header("x-forwarded-proto", "http");
        assert_eq!(said.send().await.unwrap().status(), 403);

        let plain = https.url().replace("https://", "http://");
        assert!(deliver(&client, &plain, secret, 2).await.is_err());
        let stranger = Authority::new().client();
        assert!(deliver(&stranger, &https.url(), secret, 3).await.is_err());

        let events = https.deployment.ask_store("SELECT count(*) FROM events");
        assert_eq!(events, Some(1));
        let (_, metrics) = https.deployment.operator_page("/metrics").await.unwrap();
        let ends = metrics
            .lines()
            .find(|line| line.starts_with("courier_certificate_expiry_timestamp_seconds "));
        // The year 4000.
        assert!(
            ends.is_some_and(|ends| ends.ends_with(" 64060588800")),
            "{metrics}"
        );
        service.kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_served_and_no_delivery_is_lost() {
    bounded(async {
        let https = Https::new().await;
        let mut service = https.deployment.start();
        https.deployment.ready().await;
        let before = https.presented().await.unwrap();

        // Deliveries in the background, on fresh connections and on one that is kept.
        let enough = CancellationToken::new();
        let delivering = tokio::spawn({
            let (enough, url) = (enough.clone(), https.url());
            let (ca, secret) = (
                https.authority.pem(),
                https.deployment.portal.secret().to_owned(),
            );
            async move {
                let trusted = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
                let builder = || {
                    reqwest::Client::builder()
                        .no_proxy()
                        .tls_certs_only([trusted.clone()])
                };
                let fresh = builder().pool_max_idle_per_host(0).build().unwrap();
                let kept = builder().build().unwrap();
                let mut delivered = 0;
                while !enough.is_cancelled() {
                    for client in [&fresh, &kept] {
                        delivered += 1;
                        let status = deliver(client, &url, &secret, delivered).await;
                        assert_eq!(status.unwrap(), 200);
                    }
                }
                delivered
            }
        });

        let renewed = https.authority.sign();
        renewed.write_to(https.folder.path());
        https.presents(&renewed.der()).await;
        assert_ne!(before, renewed.der());

        // A certificate without its key yet, and an expired one: the service keeps the valid one.
        let next = https.authority.sign();
        let files = files_in(https.folder.path());
        std::fs::write(&files.certificate, &next.certificate).unwrap();
        until(STATE_BOUND, "the log reports the missing key", async || {
            https
                .deployment
                .log()
                .contains("does not match the certificate")
        })
        .await;
        assert_eq!(https.presented().await, Some(renewed.der()));
        std::fs::write(&files.key, &next.key).unwrap();
        https.presents(&next.der()).await;
        https
            .authority
            .sign_until(2020)
            .write_to(https.folder.path());
        until(
            STATE_BOUND,
            "the log reports the expired certificate",
            async || {
                https
                    .deployment
                    .log()
                    .contains("certificate that expired on 2020-01-01")
            },
        )
        .await;
        std::fs::remove_file(&files.key).unwrap();
        until(
            STATE_BOUND,
            "the log reports the missing file",
            async || https.deployment.log().contains("cannot read"),
        )
        .await;
        assert_eq!(https.presented().await, Some(next.der()));

        enough.cancel();
        let delivered: u64 = delivering.await.unwrap();
        assert!(delivered > 20, "{delivered}");
        service.terminate();
        assert_eq!(service.ended().await.code(), Some(0));
        let events = https.deployment.ask_store("SELECT count(*) FROM events");
        assert_eq!(events, i64::try_from(delivered).ok());
    })
    .await;
}

#[tokio::test]
async fn unusable_certificate_files_are_reported_at_the_start() {
    bounded(async {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let files = authority.sign().write_to(folder.path());
        let (good, other) = (authority.sign(), authority.sign());
        let pairs = |files: &TlsFiles| {
            let minimal = [
                ("DOCSPACE_API_HOST", "https://portal.example".to_owned()),
                ("DOCSPACE_API_KEY", "sk-1".to_owned()),
                ("DOCSPACE_WEBHOOK_SECRET", "One-Secret-1".to_owned()),
            ];
            minimal
                .into_iter()
                .chain(variables(files))
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Vec<_>>()
        };
        let check = |certificate: &str, key: &str, variable: &str, words: &str| {
            std::fs::write(&files.certificate, certificate).unwrap();
            std::fs::write(&files.key, key).unwrap();
            let error = Config::from_pairs(&pairs(&files)).unwrap_err();
            let [problem] = error.problems.as_slice() else {
                panic!("{error}")
            };
            assert_eq!(problem.subject, variable, "{error}");
            assert!(problem.message.contains(words), "{error}");
        };
        check(
            "",
            &good.key,
            "TLS_CERT_FILE",
            "does not contain a certificate",
        );
        check(
            "nonsense",
            &good.key,
            "TLS_CERT_FILE",
            "does not contain a certificate",
        );
        check(
            &good.key,
            &good.key,
            "TLS_CERT_FILE",
            "does not contain a certificate",
        );
        check(
            &good.certificate,
            "",
            "TLS_KEY_FILE",
            "does not contain an unencrypted private key",
        );
        check(
            &good.certificate,
            &good.certificate,
            "TLS_KEY_FILE",
            "does not contain an unencrypted private key",
        );
        check(
            &good.certificate,
            &other.key,
            "TLS_KEY_FILE",
            "does not match the certificate",
        );

        std::fs::write(&files.certificate, format!("\u{feff}{}", good.certificate)).unwrap();
        std::fs::write(&files.key, format!("\u{feff}{}", good.key)).unwrap();
        Config::from_pairs(&pairs(&files)).unwrap();

        for (missing, variable) in [
            ("nothing.crt", "TLS_CERT_FILE"),
            ("nothing.key", "TLS_KEY_FILE"),
        ] {
            let mut files = good.write_to(folder.path());
            let path = folder.path().join(missing);
            match variable {
                "TLS_CERT_FILE" => files.certificate = path,
                _ => files.key = path,
            }
            let error = Config::from_pairs(&pairs(&files)).unwrap_err();
            assert_eq!(error.problems[0].subject, variable);
            assert!(error.to_string().contains(missing), "{error}");
        }

        let over = authority.sign_until(2020).write_to(folder.path());
        let config = Config::from_pairs(&pairs(&over)).unwrap();
        let error = Service::start(config, Clock::system()).await.unwrap_err();
        let words = "contains a certificate that expired on 2020-01-01T00:00:00Z";
        assert!(error.to_string().contains(words), "{error}");
    })
    .await;
}

#[test]
fn a_certificate_outside_its_validity_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().sign_until(2020).write_to(folder.path());
    let at = |time: &str| Clock::manual(time.parse().unwrap());
    assert!(Tls::open(files.clone(), at("1970-01-01T00:00:00Z")).is_err());
    assert!(Tls::open(files.clone(), at("2020-01-01T00:00:00Z")).is_err());
    let tls = Tls::open(files, at("2019-12-31T23:59:59Z"))
        .map(Arc::new)
        .unwrap();
    assert_eq!(tls.validity().not_after.to_string(), "2020-01-01T00:00:00Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_reach_a_service_with_a_certificate_of_a_private_authority() {
    bounded(async {
        let https = Https::new().await;
        let _service = https.deployment.start();
        https.deployment.ready().await;
        let ca = https.folder.path().join("ca.pem");
        std::fs::write(&ca, https.authority.pem()).unwrap();
        let fixture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/webhook/user.created.json"
        );
        let send = |trusted: bool| {
            let mut command = binary();
            command.args(["send", fixture, "--to", &https.url()]);
            command.env("DOCSPACE_WEBHOOK_SECRET", https.deployment.portal.secret());
            if trusted {
                command.env("SSL_CERT_FILE", &ca);
            }
            command.output().unwrap()
        };
        assert_eq!(send(false).status.code(), Some(1));
        let output = send(true);
        assert_eq!(output.status.code(), Some(0), "{output:?}");

        let check = || {
            let mut command = binary();
            command
                .args(["check", "--url", &https.url()])
                .envs(https.deployment.variables.iter().cloned())
                .env("SSL_CERT_FILE", &ca);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        let said = check();
        assert!(
            said.contains("the certificate is valid until 4000-01-01"),
            "{said}"
        );
        assert!(said.contains("docspace-courier responds"), "{said}");

        // The certificate in the file and the one that the service presents both end soon.
        let day = Clock::system().now().to_zoned(TimeZone::UTC).date() + 7.days();
        let (month, of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        let ending = https
            .authority
            .sign_until_day(i32::from(day.year()), month, of_month);
        ending.write_to(https.folder.path());
        https.presents(&ending.der()).await;
        let said = check();
        let warning = format!("the certificate expires on {day}, within 14 days");
        assert_eq!(said.matches(&warning).count(), 2, "{said}");

        // The files differ from what the service presents.
        https
            .authority
            .sign_until(2020)
            .write_to(https.folder.path());
        let said = check();
        assert!(
            said.contains("the certificate expired on 2020-01-01"),
            "{said}"
        );
        assert!(said.contains("docspace-courier responds"), "{said}");
    })
    .await;
}
