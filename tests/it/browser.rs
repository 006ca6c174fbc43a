//! A real Chromium without a window, driven through chromedriver's plain `WebDriver` HTTP protocol.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::bounds::until;
use crate::process::free_address;
use crate::programs::{installed, program};

/// The longest that the browser may take to start or to show a page.
const BOUND: Duration = Duration::from_mins(1);

/// The start of the driver's address.
const HTTP: &str = "http://";

/// The options that make the browser small, quiet and quick.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
];

/// axe-core, as a script for a page.
#[expect(
    clippy::disallowed_methods,
    reason = "tests/install puts it into the cache of the user"
)]
fn axe() -> String {
    installed();
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"),
        PathBuf::from,
    );
    std::fs::read_to_string(cache.join("docspace-courier-tests/axe.min.js")).unwrap()
}

/// A browser with one window, which is closed when its test ends.
pub struct Browser {
    driver: Child,
    http: reqwest::Client,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let address = free_address();
        let log = File::create(profile.path().join("driver.log")).unwrap();
        let driver = program("chromedriver")
            .arg(format!("--port={}", address.port()))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("{HTTP}{address}");
        let status = format!("{base}/status");
        until(BOUND, "chromedriver answers", async || {
            http.get(&status).send().await.is_ok()
        })
        .await;
        let data = format!("--user-data-dir={}", profile.path().join("data").display());
        let arguments: Vec<&str> = FLAGS.into_iter().chain([data.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Self {
            driver,
            http,
            session: format!("{base}/session"),
            _profile: profile,
        };
        let started = browser.post("", &wanted).await;
        let id = started["sessionId"].as_str().unwrap();
        browser.session = format!("{base}/session/{id}");
        browser
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let value = self.post_anyway(path, body).await;
        assert!(value.get("error").is_none(), "{path}: {value}");
        value
    }

    /// The response of chromedriver, even if it is an error.
    async fn post_anyway(&self, path: &str, body: &Value) -> Value {
        let address = format!("{}{path}", self.session);
        let answer = self.http.post(address).timeout(BOUND).json(body).send();
        let answer: Value = answer.await.unwrap().json().await.unwrap();
        answer["value"].clone()
    }

    /// Opens an address and waits until the page is loaded.
    pub async fn go(&self, address: &str) {
        self.post("/url", &json!({ "url": address })).await;
    }

    /// The result of a script in the page.
    pub async fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", &body).await
    }

    /// The visible text.
    pub async fn text(&self) -> String {
        let text = self.run("return document.body.innerText").await;
        text.as_str().unwrap().to_owned()
    }

    async fn find(&self, using: &str, value: &str) -> String {
        let found = self
            .post("/element", &json!({ "using": using, "value": value }))
            .await;
        let element = found.as_object().unwrap().values().next().unwrap();
        element.as_str().unwrap().to_owned()
    }

    /// Clicks on the element of this CSS selector, and waits for the next page: chromedriver may respond
    /// before the browser leaves the old one.
    pub async fn click(&self, selector: &str) {
        let element = self.find("css selector", selector).await;
        self.run("window.isOld = true").await;
        self.post(&format!("/element/{element}/click"), &json!({}))
            .await;
        let script = "return !window.isOld && document.readyState === 'complete'";
        let body = json!({ "script": script, "args": [] });
        until(BOUND, "the page behind the click is shown", async || {
            // Between two pages there is no page that could respond.
            self.post_anyway("/execute/sync", &body).await == json!(true)
        })
        .await;
    }

    /// Types into the element of this CSS selector.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.find("css selector", selector).await;
        let body = json!({ "text": text });
        self.post(&format!("/element/{element}/value"), &body).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body).await;
    }

    /// Emulates a screen of this size, in the light or dark color scheme.
    pub async fn show_on(&self, width: u32, height: u32, scheme: &str) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", screen)
            .await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The console messages since the last call: script errors, and what the content security policy blocked.
    pub async fn console(&self) -> Vec<Value> {
        let log = self.post("/se/log", &json!({ "type": "browser" })).await;
        log.as_array().unwrap().clone()
    }

    /// What axe finds wrong with the page for people with disabilities (WCAG 2.2 AA, and what is good practice).
    pub async fn violations(&self) -> Vec<String> {
        if self.run("return !window.axe").await == json!(true) {
            let script = format!("{}; window.axe = axe", axe());
            self.run(&script).await;
        }
        let script = "const done = arguments[0];
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
            axe.run(document, { runOnly: tags }).then(({ violations }) => done(violations.map(
                ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)))";
        let body = json!({ "script": script, "args": [] });
        let found = self.post("/execute/async", &body).await;
        serde_json::from_value(found).unwrap()
    }

    /// By how many pixels the page is wider than the screen.
    pub async fn too_wide(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - window.innerWidth";
        self.run(script).await.as_i64().unwrap()
    }
}

impl Browser {
    /// Ends the session from `drop`, which cannot await.
    fn quit(&self) -> std::io::Result<()> {
        let (host, path) = self.session[HTTP.len()..]
            .split_once('/')
            .unwrap_or_default();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(BOUND))?;
        let request =
            format!("DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        stream.read(&mut [0; 64]).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes its browser when its session ends; a killed driver would leave it running.
        let _ = self.quit();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
