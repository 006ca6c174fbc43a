//! The metrics, and the dashboard and alert rules that use them, as checked by Prometheus's own tool.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use docspace_courier::notify::mail::Mailer;
use docspace_sandbox::{Fault, FaultEffect};

use crate::mail_server::MailServer;
use crate::notify::{by_mail, closed_port};
use crate::programs::program;
use crate::scene::{Leftover, scenario};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus-rules.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana-dashboard.json");

/// Checks that promtool accepts this input.
fn check_with_promtool(arguments: &[&str], input: &str) {
    let mut promtool = program("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let said = promtool.wait_with_output().unwrap();
    let words = [said.stdout.as_slice(), &said.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    assert!(said.status.success(), "{words}\n{input}");
}

fn check_lines(metrics: &str, lines: &[&str]) {
    for line in lines {
        let there = metrics.lines().any(|there| there == *line);
        assert!(there, "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn deliveries_and_attempts_are_counted() {
    scenario(async |scene| {
scene.leaving(Leftover::DeadLetters, 1);
        let operator = scene.operator().await;
        scene.dead_copy("plan.docx").await;
        scene.portal.inject_fault(Fault {
            method: Some("PUT"),
            path_contains: "move",
            times: 1,
            effect: FaultEffect::Status(500),
        });
        scene.upload(&scene.client_room, "Invoice 7.pdf");
        scene.work_to_the_end().await;
        let unsigned = reqwest::Client::builder().no_proxy().build().unwrap();
        let unsigned = unsigned.post(&scene.address).body("{}").send();
        assert_eq!(unsigned.await.unwrap().status(), 401);

        let (code, metrics) = operator.get("/metrics").await;
        assert_eq!(code, 200);
        check_lines(
            &metrics,
            &[
                r#"courier_deliveries_total{answer="unauthorized",reason="missing"} 1"#,
                r#"courier_deliveries_total{answer="unauthorized",reason="mismatch"} 0"#,
                r#"courier_events_total{outcome="planned"} 2"#,
                r#"courier_events_total{outcome="dead"} 0"#,
                r#"courier_attempts_total{kind="copy",outcome="failed"} 11"#,
                r#"courier_attempts_total{kind="copy",outcome="dead"} 1"#,
                r#"courier_attempts_total{kind="move",outcome="done"} 1"#,
                r#"courier_action_delay_seconds_count{kind="move"} 1"#,
                r#"courier_attempt_duration_seconds_count{kind="move"} 2"#,
                r#"courier_portal_calls_total{method="PUT",route="files/fileops/move",status="500"} 1"#,
                r#"courier_portal_breaker_open{reason="down"} 0"#,
                // Twelve attempts of one copy, one of the other, two of the move.
                "courier_portal_daily_writes_remaining 9985",
                "courier_dead_letters 1",
                "courier_actions_waiting 0",
                "courier_oldest_waiting_seconds 0",
                "# TYPE courier_deliveries_total counter",
            ],
        );
        assert!(
            metrics.contains("courier_last_delivery_timestamp_seconds 177"),
            "{metrics}"
        );
        check_with_promtool(&["check", "metrics"], &metrics);
    })
    .await;
}

#[tokio::test]
async fn waiting_work_and_an_open_breaker_are_visible() {
    scenario(async |scene| {
        scene.leaving(Leftover::WaitingActions, 1);
        let operator = scene.operator().await;
        scene.portal.set_down(true);
        scene.upload(&scene.client_room, "plan.docx");
        for _ in 0..8 {
            scene.work().await;
            scene.clock.advance(Duration::from_secs(5));
        }
        let (_, metrics) = operator.get("/metrics").await;
        check_lines(
            &metrics,
            &[
                r#"courier_portal_breaker_open{reason="down"} 1"#,
                "courier_oldest_waiting_seconds 40",
            ],
        );
        let (_, page) = operator.get("/").await;
        assert!(page.contains("Calls stopped"), "{page}");
        assert!(page.contains("the portal is down; next attempt"), "{page}");
    })
    .await;
}

#[test]
fn the_alert_rules_are_valid() {
    check_with_promtool(&["check", "rules", RULES], "");
}

#[tokio::test]
async fn dashboard_and_alert_rules_use_existing_metrics() {
    scenario(async |scene| {
        // The worker of a scene runs without background tasks.
        scene.metrics.register_task("decide");
        let mailer = Mailer::new(MailServer::plain(closed_port())).unwrap();
        scene.notify_after_move(by_mail(mailer), Vec::new());
        let operator = scene.operator().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        let (_, metrics) = operator.get("/metrics").await;
        let names = |text: &str| -> BTreeSet<String> {
            text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
                .filter(|word| word.starts_with("courier_"))
                .map(str::to_owned)
                .collect()
        };
        let served = names(&metrics);
        let rules = std::fs::read_to_string(RULES).unwrap();
        let used = names(&(DASHBOARD.to_owned() + &rules));
        assert!(used.len() > 10, "{used:?}");
        let unknown: Vec<_> = used.difference(&served).collect();
        assert!(unknown.is_empty(), "{unknown:?} are not among {served:?}");
        serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
    })
    .await;
}

/// docs/API.md lists what is exported, and nothing else.
#[tokio::test]
async fn all_metrics_are_documented() {
    scenario(async |scene| {
        let operator = scene.operator().await;
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        scene.metrics.register_task("a task");
        let (_, metrics) = operator.get("/metrics").await;
        let types = metrics
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "));
        let exported: BTreeSet<&str> = types.filter_map(|rest| rest.split(' ').next()).collect();
        let document = include_str!("../../docs/API.md");
        let rows = document
            .lines()
            .filter_map(|line| line.strip_prefix("| `courier_"));
        let documented: Vec<String> = rows
            .filter_map(|row| Some(format!("courier_{}", row.split('`').next()?)))
            .collect();
        // Only a service with a certificate and channels has these.
        let others = [
            "courier_certificate_expiry_timestamp_seconds",
            "courier_channel_breaker_open",
        ];
        let documented: BTreeSet<&str> = documented.iter().map(String::as_str).collect();
        let expected: BTreeSet<&str> = exported.iter().copied().chain(others).collect();
        assert_eq!(documented, expected);
    })
    .await;
}
