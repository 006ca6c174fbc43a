//! `health`: the health check of a container.

use std::process::Output;

use axum::http::StatusCode;
use axum::routing::get;
use docspace_sandbox::PortalSettings;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::bounds::bounded;
use crate::process::{Deployment, binary, free_address};

fn health(variables: &[(&str, &str)]) -> Output {
    let mut command = binary();
    command.arg("health").envs(variables.iter().copied());
    command.output().unwrap()
}

fn check(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(said.starts_with(words), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ready_service_is_reported_as_ready() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let service = deployment.start();
        deployment.ready().await;
        let admin = deployment.admin.to_string();
        // The command reads no other variable.
        let variables = [("ADMIN_ADDR", admin.as_str()), ("PORT", "nonsense")];
        check(&health(&variables), 0, "ready");
        let everywhere = format!("0.0.0.0:{}", deployment.admin.port());
        check(&health(&[("ADMIN_ADDR", &everywhere)]), 0, "ready");
        service.kill();
        check(&health(&variables), 1, "not ready: 127.0.0.1:");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unready_service_is_reported_with_its_reason() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let answer = (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store is not writable\n",
        );
        let router = axum::Router::new().route("/readyz", get(async move || answer));
        tokio::spawn(docspace_courier::server::serve(
            listener,
            router,
            stop.clone(),
        ));
        let words = "not ready: 503 Service Unavailable, the store is not writable";
        check(&health(&[("ADMIN_ADDR", &address)]), 1, words);
        stop.cancel();

        let unused = free_address().to_string();
        check(&health(&[("ADMIN_ADDR", &unused)]), 1, "not ready: ");
        let nonsense = health(&[("ADMIN_ADDR", "nonsense")]);
        assert_eq!(nonsense.status.code(), Some(2));
        let said = String::from_utf8(nonsense.stderr).unwrap();
        assert!(said.contains("ADMIN_ADDR"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_service_is_not_ready_after_the_timeout() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = binary();
        command
            .args(["health", "--timeout", "1"])
            .env("ADMIN_ADDR", &address);
        let words = format!("not ready: {address} does not respond in time");
        check(&command.output().unwrap(), 1, &words);
        drop(listener);
    })
    .await;
}
