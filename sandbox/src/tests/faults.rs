//! Injected faults as the client sees them.

use super::*;

fn fault(effect: FaultEffect) -> Fault {
    Fault {
        method: None,
        path_contains: "",
        times: 1,
        effect,
    }
}

#[tokio::test]
async fn a_fault_can_be_a_status() {
    let served = Served::new().await;
    let profile = async || served.request("GET", "people/@self").send().await.unwrap();

    served.portal.inject_fault(fault(FaultEffect::Status(429)));
    let limited = profile().await;
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["x-ratelimit-remaining"], "0");
    assert!(!limited.headers().contains_key("retry-after"));
    assert_eq!(limited.text().await.unwrap(), "");

    served
        .portal
        .inject_fault(fault(FaultEffect::StatusWithRetryAfter(503, 7)));
    let later = profile().await;
    assert_eq!(
        (later.status().as_u16(), &later.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );

    served.portal.inject_fault(fault(FaultEffect::Status(500)));
    let broken: Value = profile().await.json().await.unwrap();
    assert_eq!(broken["error"]["type"], "System.NullReferenceException");

    assert_eq!(profile().await.status(), 200);
    let statuses: Vec<_> = served
        .portal
        .calls()
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [Some(429), Some(503), Some(500), Some(200)]);
}

#[tokio::test]
async fn a_call_can_be_processed_although_its_response_fails() {
    let served = Served::new().await;
    let path = "files/fileops/copy";
    let copy = async |title: &str| {
        let body = served.to_inbox(&served.file(title), 0);
        let response = served.request("PUT", path).json(&body).send().await;
        served.portal.wait_for_operations().await;
        response.map(|response| response.status().as_u16())
    };
    served.portal.inject_fault(fault(FaultEffect::DropBefore));
    assert!(copy("a.pdf").await.is_err());
    assert_eq!(served.inbox().len(), 0);

    served.portal.inject_fault(fault(FaultEffect::DropAfter));
    assert!(copy("b.pdf").await.is_err());
    assert_eq!(served.inbox().len(), 1);

    served
        .portal
        .inject_fault(fault(FaultEffect::StatusAfter(502)));
    assert_eq!(copy("c.pdf").await.unwrap(), 502);
    assert_eq!(served.inbox().len(), 2);

    let statuses: Vec<_> = served
        .portal
        .calls()
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [None, None, Some(502)]);
}

#[tokio::test]
async fn a_proxy_can_respond_in_the_portals_place() {
    let served = Served::new().await;
    let path = "files/fileops/copy";
    for (effect, copied) in [
        (FaultEffect::Gateway(403), 0),
        (FaultEffect::GatewayAfter(403), 1),
    ] {
        served.portal.inject_fault(fault(effect));
        let body = served.to_inbox(&served.file("a.pdf"), 0);
        let response = served.request("PUT", path).json(&body).send().await;
        let response = response.unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        served.portal.wait_for_operations().await;
        assert_eq!(served.inbox().len(), copied);
    }
}

#[tokio::test]
async fn a_call_can_hang() {
    let served = Served::new().await;
    served.portal.inject_fault(fault(FaultEffect::Hang));
    let call = served
        .request("GET", "people/@self")
        .timeout(Duration::from_millis(50));
    assert!(call.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_portal_that_is_down_closes_every_connection() {
    let served = Served::new().await;
    served.portal.set_down(true);
    assert!(served.request("GET", "people/@self").send().await.is_err());
    served.portal.set_down(false);
    served.get("people/@self").await;
}

#[tokio::test]
async fn an_operation_can_fail_or_lose_its_result() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    served
        .portal
        .inject_fault(fault(FaultEffect::OperationError("Quota exceeded")));
    let failed = served.operate("copy", &file, 0).await;
    assert_eq!(
        (&failed["error"], &failed["processed"]),
        (&json!("Quota exceeded"), &json!("0"))
    );
    assert!(failed["folders"].is_array());
    assert_eq!(served.inbox().len(), 0);

    served
        .portal
        .inject_fault(fault(FaultEffect::OperationResultLost));
    assert_eq!(served.operate("copy", &file, 0).await, Value::Null);
    assert_eq!(served.inbox().len(), 1);
}

#[tokio::test]
async fn latency_is_added_to_every_call() {
    let served = Served::new().await;
    served.portal.set_latency(Duration::from_hours(1));
    let call = served.request("GET", "people/@self");
    let response = call.timeout(Duration::from_millis(50)).send().await;
    assert!(response.is_err());
}
