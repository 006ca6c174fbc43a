//! `setup`: its link, who may use its pages, and what becomes of an env file.

use std::fs::{File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use docspace_sandbox::{FolderId, Portal, PortalSettings, UploadEvents};
use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use tokio_util::sync::DropGuard;

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Process, binary, free_address};
use crate::scene::serve_portal;
use crate::store::Store;

/// A portal, an empty folder, and the command in it.
pub struct SettingUp {
    pub portal: Portal,
    /// The portal's address.
    pub host: String,
    pub folder: tempfile::TempDir,
    /// Where the service listens.
    pub address: SocketAddr,
    /// Where the pages are.
    pub admin: SocketAddr,
    /// Whether the pages are on all addresses of this machine, as in a container.
    is_exposed: bool,
    store: Store,
    process: Option<Process>,
    _stop: DropGuard,
}

impl SettingUp {
    /// A portal and an empty folder.
    pub async fn new() -> Self {
        let (portal, host, stop) = serve_portal(PortalSettings::default()).await;
        Self {
            portal,
            host,
            folder: tempfile::tempdir().unwrap(),
            address: free_address(),
            admin: free_address(),
            is_exposed: false,
            store: Store::new(),
            process: None,
            _stop: stop,
        }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = binary();
        let admin = if self.is_exposed {
            format!("0.0.0.0:{}", self.admin.port())
        } else {
            self.admin.to_string()
        };
        command
            .arg(name)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.store.url())
            .env("LISTEN_ADDR", self.address.to_string())
            .env("ADMIN_ADDR", admin);
        command
    }

    /// Starts the command and returns the link that it prints.
    pub async fn start(&mut self) -> String {
        let output = self.folder.path().join("setup.out");
        let mut command = self.command("setup");
        command.stdout(File::create(&output).unwrap());
        self.process = Some(Process::spawn(&mut command));
        let mut link = None;
        until(STATE_BOUND, "the link is printed", async || {
            let text = std::fs::read_to_string(&output).unwrap();
            let mut words = text.split_whitespace();
            link = words
                .find(|word| word.contains("/setup?token="))
                .map(str::to_owned);
            link.is_some()
        })
        .await;
        link.unwrap()
    }

    /// Stops the command as Ctrl-C does.
    pub async fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
    }

    /// Starts the service with the env file.
    pub async fn serve(&self) -> Process {
        let mut command = self.command("serve");
        command.args(["--env-file", "courier.env"]);
        let service = Process::spawn(command.stderr(Stdio::null()));
        let ready = format!("http://{}/readyz", self.admin);
        until(STATE_BOUND, "the service is ready", async || {
            let response = http().get(&ready).send().await;
            response.is_ok_and(|response| response.status().is_success())
        })
        .await;
        service
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn env_file(&self) -> String {
        std::fs::read_to_string(self.path("courier.env")).unwrap()
    }

    pub fn mode(&self, name: &str) -> u32 {
        let metadata = std::fs::metadata(self.path(name)).unwrap();
        metadata.permissions().mode() & 0o777
    }

    /// The client uploads a file to the client room.
    pub fn upload(&self, title: &str) {
        let room = &self.portal.seed().client_room;
        let events = UploadEvents::Uploaded;
        self.portal.upload(room, title, title.as_bytes(), events);
    }

    /// Waits until the folder has files of these titles.
    pub async fn has(&self, folder: &FolderId, titles: &[&str]) {
        until(STATE_BOUND, "the files are copied", async || {
            let files = self.portal.files_in(folder).into_iter();
            let mut found: Vec<String> = files.map(|file| file.title).collect();
            found.sort();
            found == titles
        })
        .await;
    }

    /// The session that the link begins.
    async fn session(&self, link: &str) -> Session<'_> {
        let response = http().get(link).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Session {
            setting_up: self,
            cookie: cookie(&response).unwrap(),
        }
    }
}

/// A browser with the cookie of the session.
struct Session<'a> {
    setting_up: &'a SettingUp,
    cookie: String,
}

impl Session<'_> {
    fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.setting_up.admin)
    }

    async fn get(&self, path: &str) -> Response {
        let request = http().get(self.address(path)).header(COOKIE, &self.cookie);
        request.send().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let origin = format!("http://{}", self.setting_up.admin);
        let request = http()
            .post(self.address(path))
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, origin);
        with_form(request, form).send().await.unwrap()
    }

    /// Posts a form, and returns where it leads.
    async fn submit(&self, path: &str, form: &[(&str, &str)]) -> String {
        let response = self.post(path, form).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
        let location = response.headers()[LOCATION].to_str().unwrap();
        location.to_owned()
    }

    /// Enters everything up to the summary.
    async fn enter_everything(&self) {
        let SettingUp {
            portal,
            host,
            address,
            ..
        } = self.setting_up;
        let key = portal.api_key();
        self.submit("/setup/portal", &[("host", host), ("key", key)])
            .await;
        let url = format!("http://{address}/webhook");
        self.submit("/setup/receiver", &[("url", &url), ("secret", "")])
            .await;
        let seed = portal.seed();
        let room = seed.client_room.as_str();
        self.submit("/setup/pick/copy-from", &[("id", room)]).await;
        let folder = seed.internal_folder.as_str();
        self.submit("/setup/pick/copy-to", &[("id", folder)]).await;
        let next = [("copies", "yes"), ("go", "next")];
        let after = self.submit("/setup/jobs", &next).await;
        assert_eq!(after, "/setup/notifications");
    }

    /// The fingerprint of the env file, as the form on the summary has it.
    async fn fingerprint(&self) -> String {
        let page = self.text("/setup/summary").await;
        let (_, after) = page.split_once(r#"name="fingerprint" value=""#).unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

fn http() -> Client {
    let client = Client::builder().redirect(redirect::Policy::none());
    client.no_proxy().build().unwrap()
}

/// The request with the fields of a form, as browsers send them.
fn with_form(request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let encoded = Url::parse_with_params("http://localhost/", form).unwrap();
    let body = encoded.query().unwrap_or_default().to_owned();
    request
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
}

fn cookie(response: &Response) -> Option<String> {
    let cookie = response.headers().get(SET_COOKIE)?.to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly; SameSite=Strict"),
        "not protected: {cookie}"
    );
    cookie.split(';').next().map(str::to_owned)
}

#[tokio::test]
async fn the_link_works_once_and_for_this_machine_only() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let link = setting_up.start().await;
        let page = format!("http://{}/setup/portal", setting_up.admin);

        // A look at the link, a wrong token, another host name and a page without the session do not use it up.
        let look = http().head(&link).send().await.unwrap();
        assert_eq!(look.status(), StatusCode::UNAUTHORIZED);
        let wrong = link.replace("token=", "token=0");
        let wrong = http().get(wrong).send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        let rebound = http().get(&link).header(HOST, "evil.example").send().await;
        assert_eq!(rebound.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
        let anonymous = http().get(&page).send().await.unwrap();
        assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);

        let session = setting_up.session(&link).await;
        assert_eq!(session.get("/setup/portal").await.status(), StatusCode::OK);
        let again = http().get(&link).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(cookie(&again), None);

        // Pages of other origins change nothing, even with the session.
        for origin in [Some("http://evil.example"), Some("null"), None] {
            let post = http().post(&page).header(COOKIE, &session.cookie);
            let mut post = with_form(post, &[("host", "http://evil.example"), ("key", "1")]);
            if let Some(origin) = origin {
                post = post.header(ORIGIN, origin);
            }
            let refused = post.send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin:?}");
        }
        assert!(!setting_up.path("courier.env.draft").exists());
        setting_up.stop().await;
    })
    .await;
}

#[tokio::test]
async fn stopping_loses_nothing_and_writes_no_env_file() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let link = setting_up.start().await;
        setting_up.session(&link).await.enter_everything().await;
        setting_up.stop().await;
        assert!(!setting_up.path("courier.env").exists());
        assert_eq!(setting_up.mode("courier.env.draft"), 0o600);

        let link = setting_up.start().await;
        let session = setting_up.session(&link).await;
        let portal = session.text("/setup/portal").await;
        assert!(portal.contains(&setting_up.host), "{portal}");
        let key = setting_up.portal.api_key();
        assert!(!portal.contains(key), "the key is not shown");
        let summary = session.text("/setup/summary").await;
        let sentence = "Every upload in “Acme - shared with client” is copied to “Internal Processing / Inbox”.";
        assert!(summary.contains(sentence), "{summary}");
        assert!(!summary.contains(key), "the key is not shown");
        setting_up.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_value_that_no_env_file_can_hold_is_refused_and_the_pages_stay() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let link = setting_up.start().await;
        let session = setting_up.session(&link).await;
        session.enter_everything().await;
        let form = [("moves_invoices", "yes"), ("prefix", "'\" #\" #' #")];
        let refused = session.post("/setup/jobs", &form).await;
        let sentence = refused.text().await.unwrap();
        assert!(sentence.contains("INVOICE_TITLE_PREFIX"), "{sentence}");
        session.text("/setup/jobs").await;
        let form = [
            ("copies", "yes"),
            ("email", "a@example.com\nSMTP_URL=smtp://evil.example"),
        ];
        session.post("/setup/jobs", &form).await;
        let summary = session.text("/setup/summary").await;
        assert!(!summary.contains("SMTP_URL="), "{summary}");
        setting_up.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_env_file_keeps_its_comments_and_other_variables() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let before = "# Ours, since 2024\nexport OTHER='two words' # kept\nMAX_ATTEMPTS=5\nDOCSPACE_API_HOST=https://old.example\n";
        let path = setting_up.path("courier.env");
        std::fs::write(&path, before).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let link = setting_up.start().await;
        let session = setting_up.session(&link).await;
        let page = session.text("/setup/portal").await;
        assert!(page.contains("https://old.example"), "{page}");
        session.enter_everything().await;

        // Somebody changes the file while the summary is shown.
        let stale = session.fingerprint().await;
        let changed = format!("{before}# Added meanwhile\n");
        std::fs::write(&path, &changed).unwrap();
        let form = [("fingerprint", stale.as_str())];
        let refused = session.post("/setup/summary", &form).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        assert_eq!(setting_up.env_file(), changed);

        let fresh = session.fingerprint().await;
        let form = [("fingerprint", fresh.as_str())];
        let next = session.submit("/setup/summary", &form).await;
        assert_eq!(next, "/setup/first-upload");
        let text = setting_up.env_file();
        let kept = format!(
            "# Ours, since 2024\nexport OTHER='two words' # kept\nMAX_ATTEMPTS=5\nDOCSPACE_API_HOST={}\n# Added meanwhile\n",
            setting_up.host
        );
        assert!(text.starts_with(&kept), "{text}");
        assert!(!text.contains("CLIENT_ROOT_ID"), "{text}");
        assert_eq!(setting_up.mode("courier.env"), 0o600);
        // The key is in the env file now, and no longer in the draft.
        let draft = std::fs::read_to_string(setting_up.path("courier.env.draft")).unwrap();
        assert!(!draft.contains(setting_up.portal.api_key()), "{draft}");
        setting_up.stop().await;
    })
    .await;
}

#[tokio::test]
async fn without_the_scope_the_webhook_is_created_by_hand() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        let link = setting_up.start().await;
        let session = setting_up.session(&link).await;
        setting_up
            .portal
            .set_scopes(&["files:write", "rooms:read", "accounts.self:read"]);
        session.enter_everything().await;
        let fingerprint = session.fingerprint().await;
        session
            .submit("/setup/summary", &[("fingerprint", &fingerprint)])
            .await;
        let page = session.text("/setup/first-upload").await;
        for words in [
            "The service runs",
            "The webhook is not registered",
            "Create the webhook by hand",
            "file.created, file.uploaded",
        ] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
        setting_up.portal.set_scopes(&[]);
        session.submit("/setup/first-upload", &[]).await;
        let page = session.text("/setup/first-upload").await;
        assert!(page.contains("The webhook is created"), "{page}");

        // A delivery that is signed with another secret shows in the progress.
        let receiver = format!("http://{}/webhook", setting_up.address);
        let signature = format!("sha256={}", "0".repeat(64));
        let delivery = http()
            .post(receiver)
            .header("x-docspace-signature-256", signature)
            .body("{}");
        assert_eq!(delivery.send().await.unwrap().status(), 401);
        let page = session.text("/setup/first-upload").await;
        assert!(page.contains("1 rejected"), "{page}");
        setting_up.stop().await;
    })
    .await;
}

#[tokio::test]
async fn in_a_container_the_status_page_asks_for_the_token_that_the_last_page_shows() {
    bounded(async {
        let mut setting_up = SettingUp::new().await;
        setting_up.is_exposed = true;
        let link = setting_up.start().await;
        let here = format!("http://{}/setup", setting_up.admin);
        assert!(link.starts_with(&here), "{link}");
        // The health check of a container asks all the time.
        let ready = format!("http://{}/readyz", setting_up.admin);
        let ready = http().get(&ready).send().await.unwrap();
        assert_eq!(ready.status(), StatusCode::OK);
        let session = setting_up.session(&link).await;
        session.enter_everything().await;
        let fingerprint = session.fingerprint().await;
        let form = [("fingerprint", fingerprint.as_str())];
        session.submit("/setup/summary", &form).await;
        let text = setting_up.env_file();
        let mut lines = text.lines();
        let token = lines
            .find_map(|line| line.strip_prefix("ADMIN_TOKEN="))
            .unwrap();
        let done = session.post("/setup/done", &[]).await.text().await.unwrap();
        assert!(done.contains(token), "{done}");
        setting_up.stop().await;

        let service = setting_up.serve().await;
        let status = format!("http://{}/api/status", setting_up.admin);
        let anonymous = http().get(&status).send().await.unwrap();
        assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
        let operator = http().get(&status).bearer_auth(token);
        assert_eq!(operator.send().await.unwrap().status(), StatusCode::OK);
        drop(service);
    })
    .await;
}
