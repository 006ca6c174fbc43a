//! The limit on open files of a real process.

use std::process::Command;

use docspace_courier::signature::WebhookSecret;
use docspace_sandbox::PortalSettings;
use tokio::net::TcpStream;

use crate::bounds::bounded;
use crate::process::{Deployment, Process};

/// A command with a hard limit, and a soft one, on open files.
fn limited(command: &Command, soft: u32, hard: u32) -> Command {
    let script = format!(r#"ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@""#);
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_low_soft_limit_is_raised() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let service = Process::spawn(&mut limited(&deployment.command(), 64, 4096));
        deployment.ready().await;
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.id())).unwrap();
        let files = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let soft = files.unwrap().split_whitespace().nth(3);
        assert_eq!(soft, Some("4096"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_leave_files_for_deliveries() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let _service = Process::spawn(&mut limited(&deployment.command(), 200, 200));
        deployment.ready().await;
        let mut silent = Vec::new();
        for address in [deployment.address, deployment.admin] {
            for _ in 0..300 {
                silent.push(TcpStream::connect(address).await.unwrap());
            }
        }
        let secret = WebhookSecret::new(deployment.portal.secret());
        // A new connection for each, as the service may close idle ones.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0);
        let client = client.build().unwrap();
        for id in 1..=20 {
            let body = format!(r#"{{"event": {{"id": {id}, "trigger": "user.created"}}}}"#);
            let request = client
                .post(format!("http://{}/webhook", deployment.address))
                .header("x-docspace-signature-256", secret.sign(body.as_bytes()))
                .body(body);
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
        let health = format!("http://{}/healthz", deployment.admin);
        assert_eq!(client.get(health).send().await.unwrap().status(), 200);
        let output = limited(&deployment.check(), 200, 200).output().unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(
            report.contains("is 200, which allows only 50 connections"),
            "{report}"
        );
    })
    .await;
}
