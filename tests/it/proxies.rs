//! The real proxies of `deploy/`, with TLS, in front of the real service.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::{PortalSettings, UploadEvents};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::certificates::Authority;
use crate::process::{Deployment, Process, free_address};
use crate::programs::program;

const NGINX: &str = include_str!("../../deploy/nginx.conf");
const CADDYFILE: &str = include_str!("../../deploy/Caddyfile");

/// The largest body that the service accepts.
const LIMIT: usize = 2 * 1024 * 1024;

/// A service behind a proxy, and an outside client that trusts the proxy's authority.
struct Proxied {
    deployment: Deployment,
    client: reqwest::Client,
    /// The proxy's address.
    outside: SocketAddr,
    _proxy: Process,
    _service: Process,
    _folder: tempfile::TempDir,
}

/// Replaces what a user replaces and what a test cannot use; each of them must occur.
fn adapted(text: &str, changes: &[(&str, String)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text.replace(from, to)
    })
}

impl Proxied {
    /// Starts both. The function starts the proxy from its address, the address of the service, and a folder
    /// with `tls.crt` and `tls.key`.
    async fn start(proxy: fn(SocketAddr, SocketAddr, &Path) -> Command) -> Self {
        let mut deployment = Deployment::new(PortalSettings {
            retry_waits: Vec::new(),
            ..PortalSettings::default()
        })
        .await;
        let require = ("REQUIRE_HTTPS", "true".to_owned());
        deployment.variables.push(require);
        let service = deployment.start();
        deployment.ready().await;
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        authority.sign().write_to(folder.path());
        let outside = free_address();
        let log = File::create(folder.path().join("proxy.log")).unwrap();
        let mut command = proxy(outside, deployment.address, folder.path());
        let proxy = Process::spawn(command.stdout(log.try_clone().unwrap()).stderr(log));
        let proxied = Self {
            deployment,
            client: authority.client(),
            outside,
            _proxy: proxy,
            _service: service,
            _folder: folder,
        };
        until(STATE_BOUND, "the proxy answers", async || {
            let asked = proxied.client.head(proxied.url("/webhook")).send().await;
            asked.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        proxied
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.outside.port())
    }

    /// Posts a signed delivery of this size from outside.
    async fn deliver(&self, path: &str, size: usize) -> u16 {
        let start = format!(r#"{{"event":{{"id":{}}},"padding":""#, fastrand::u32(..));
        let body = format!("{start}{}\"}}", "x".repeat(size - start.len() - 2));
        assert_eq!(body.len(), size);
        self.post(path, body).await
    }

    /// Signs and posts a body from outside.
    async fn post(&self, path: &str, body: String) -> u16 {
        let secret = WebhookSecret::new(self.deployment.portal.secret());
        let signature = secret.sign(body.as_bytes());
        let request = self
            .client
            .post(self.url(path))
            .header("x-docspace-signature-256", signature)
            // The proxy must overwrite it.
            .header("x-forwarded-proto", "http");
        request.body(body).send().await.unwrap().status().as_u16()
    }

    async fn check(self) {
        // The service refuses deliveries past the proxy; the same delivery from outside is handled.
        let (portal, secret) = (&self.deployment.portal, self.deployment.portal.secret());
        let seed = portal.seed();
        portal.upload(
            &seed.client_room,
            "plan.docx",
            b"plan",
            UploadEvents::Uploaded,
        );
        portal.wait_for_deliveries().await;
        let sent = portal.log().remove(0);
        assert!(!sent.delivered);
        let status = self.post("/webhook", sent.body).await;
        assert_eq!(status, 200);
        self.deployment.nothing_pending(STATE_BOUND).await;
        assert_eq!(portal.files_in(&seed.internal_folder).len(), 1);

        assert_eq!(self.deliver("/webhook", 300).await, 200);
        assert_eq!(self.deliver("/docspace/webhook", 300).await, 200);
        assert_eq!(self.deliver("/webhook/", 300).await, 200);
        assert_eq!(self.deliver("/docspace/webhook/", 300).await, 200);
        assert_eq!(self.deliver("/webhook", 19 * 1024 * 1024 / 10).await, 200);
        assert_eq!(self.deliver("/webhook", LIMIT).await, 200);
        assert_eq!(self.deliver("/webhook", LIMIT + 1).await, 413);
        assert_eq!(self.deliver("/webhook", 2 * LIMIT).await, 413);

        // A missing signature, a wrong method, and a path that is not public.
        let unsigned = self
            .client
            .post(self.url("/webhook"))
            .body("{}")
            .send()
            .await;
        assert_eq!(unsigned.unwrap().status(), 401);
        for path in [
            "/",
            "/healthz",
            "/readyz",
            "/metrics",
            "/webhook/x",
            "/api/events",
        ] {
            let answer = self.client.get(self.url(path)).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
        }

        // Past the proxy, or through a proxy that received the delivery over plain HTTP.
        let direct = format!("http://{}/webhook", self.deployment.address);
        let body = r#"{"event":{"id":1}}"#;
        let signature = WebhookSecret::new(secret).sign(body.as_bytes());
        for said in [None, Some("http"), Some("https, http"), Some("")] {
            let request = self.client.post(&direct).body(body);
            let request = request.header("x-docspace-signature-256", &signature);
            let request = match said {
                Some(said) => request.header("x-forwarded-proto", said),
                None => request,
            };
            assert_eq!(request.send().await.unwrap().status(), 403, "{said:?}");
        }
    }
}

fn nginx(outside: SocketAddr, service: SocketAddr, folder: &Path) -> Command {
    let path = |name: &str| folder.join(name).display().to_string();
    let site = adapted(
        NGINX,
        &[
            ("listen 443 ssl", format!("listen {outside} ssl")),
            ("listen 80", format!("listen {}", free_address())),
            ("courier.example.com;", "localhost;".to_owned()),
            (
                "/etc/letsencrypt/live/courier.example.com/fullchain.pem",
                path("tls.crt"),
            ),
            (
                "/etc/letsencrypt/live/courier.example.com/privkey.pem",
                path("tls.key"),
            ),
            ("127.0.0.1:3000", service.to_string()),
        ],
    );
    std::fs::write(folder.join("site.conf"), site).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", path(kind)))
        .concat();
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {};\n}}\n",
        path("pid"),
        path("site.conf"),
    );
    std::fs::write(folder.join("nginx.conf"), whole).unwrap();
    let command = || {
        let mut command = program("nginx");
        command.args(["-e", "stderr", "-c", &path("nginx.conf")]);
        command.stdin(Stdio::null());
        command
    };
    let tested = command().arg("-t").output().unwrap();
    assert!(tested.status.success(), "{tested:?}");
    command()
}

fn caddy(outside: SocketAddr, service: SocketAddr, folder: &Path) -> Command {
    let path = |name: &str| folder.join(name).display().to_string();
    let site = format!(
        "https://localhost:{} {{\n\tbind 127.0.0.1\n\ttls {} {}\n",
        outside.port(),
        path("tls.crt"),
        path("tls.key")
    );
    let storage = path("caddy");
    let options = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {storage}\n\tservers {{\n"
    );
    let adapted = adapted(
        CADDYFILE,
        &[
            ("{\n\tservers {\n", options),
            ("{$COURIER_HOST:courier.example.com} {\n", site),
            ("{$COURIER_UPSTREAM:127.0.0.1:3000}", service.to_string()),
        ],
    );
    std::fs::write(folder.join("Caddyfile"), adapted).unwrap();
    let command = |verb: &str| {
        let mut command = program("caddy");
        command.args([
            verb,
            "--adapter",
            "caddyfile",
            "--config",
            &path("Caddyfile"),
        ]);
        command.env("HOME", folder).stdin(Stdio::null());
        command
    };
    let tested = command("validate").output().unwrap();
    assert!(tested.status.success(), "{tested:?}");
    command("run")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_deliveries_arrive_as_they_were_sent() {
    bounded(async {
        Proxied::start(nginx).await.check().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_caddy_deliveries_arrive_as_they_were_sent() {
    bounded(async {
        Proxied::start(caddy).await.check().await;
    })
    .await;
}
