//! Tries the claims about deliveries and their log.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::docspace::Exchange;
use crate::ids::WebhookId;

use super::claim::Claim;
use super::deliveries::{Delivery, Receiver};
use super::evidence::form_of;
use super::operations::{Done, id_json};
use super::session::{Session, Stop};

/// How exact the times of the log are compared.
const PRECISION: SignedDuration = SignedDuration::from_mins(5);

/// Looks at the log this many times for a row that the portal has not completed yet.
const LOOKS: usize = 50;

/// The wait between two of them.
const INTERVAL: std::time::Duration = std::time::Duration::from_millis(200);

/// Tries all of them, given what was done.
pub(super) async fn try_all(
    session: &mut Session<'_>,
    receiver: &Receiver,
    webhook: WebhookId,
    done: &Done,
) -> Result<(), Stop> {
    let is_complete = |deliveries: &[Delivery]| {
        let repeated = retry_of(deliveries).is_some();
        let copied = |it: &Delivery| it.is("file.copied", &done.copied);
        let moved = |it: &Delivery| it.is("file.moved", &done.moved["id"]);
        repeated && deliveries.iter().any(copied) && deliveries.iter().any(moved)
    };
    receiver.wait_until(is_complete).await;
    let deliveries = receiver.deliveries();
    for delivery in &deliveries {
        session.evidence.add_delivery(delivery);
    }
    let probes = receiver.probes();
    session.decide(Claim::HeadProbe, probes > 0, || {
        "no HEAD arrived".to_owned()
    });
    try_signatures(session, &deliveries, receiver.invalid_signatures());
    try_bodies(session, &deliveries, done);
    try_triggers(session, &deliveries, done);
    try_retry(session, &deliveries);
    if let Some(moved) = deliveries
        .iter()
        .find(|it| it.is("file.moved", &done.moved["id"]))
    {
        try_log(session, webhook, moved, &done.moved).await?;
    }
    Ok(())
}

fn try_signatures(session: &mut Session<'_>, deliveries: &[Delivery], invalid: usize) {
    let expected = "sha256= and 64 upper-case digits";
    let other = deliveries
        .iter()
        .map(|it| form_of(&it.signature))
        .find(|form| form != expected);
    let holds = invalid == 0 && other.is_none() && !deliveries.is_empty();
    session.decide(Claim::Signature, holds, || match other {
        Some(form) => format!("the signature has {form}"),
        None => format!(
            "{invalid} deliveries with another signature, {} with a valid one",
            deliveries.len()
        ),
    });
}

fn try_bodies(session: &mut Session<'_>, deliveries: &[Delivery], done: &Done) {
    let Some(first) = deliveries
        .iter()
        .find(|it| it.is("file.created", &done.uploaded["id"]))
    else {
        return;
    };
    let mut members: Vec<_> = first
        .json
        .as_object()
        .into_iter()
        .flat_map(|it| it.keys())
        .collect();
    members.sort();
    let is_plain = first.json["webhook"].get("retryCount").is_none();
    session.decide(
        Claim::Envelope,
        members == ["event", "payload", "webhook"] && is_plain,
        || format!("the members are {members:?}"),
    );
    let payload = &first.json["payload"];
    let root = payload
        .get("rootId")
        .or_else(|| payload.get("rootFolderId"));
    let is_section = root == Some(&done.section);
    let is_folder = payload["parentId"] == id_json(&done.source);
    session.decide(Claim::RootIsSection, is_section && is_folder, || {
        format!("rootId is the section: {is_section}; parentId is the folder: {is_folder}")
    });
    let others = deliveries
        .iter()
        .filter(|it| it.json["event"]["createBy"] != *session.account);
    let others = others.count();
    session.decide(Claim::Actor, others == 0, || {
        format!("{others} deliveries name another account")
    });
}

fn try_triggers(session: &mut Session<'_>, deliveries: &[Delivery], done: &Done) {
    let event_of = |trigger: &str, id: &Value| {
        let found = deliveries.iter().filter(|it| it.is(trigger, id));
        found.filter_map(|it| it.json["event"]["id"].as_i64()).min()
    };
    let created = event_of("file.created", &done.uploaded["id"]);
    let uploaded = event_of("file.uploaded", &done.uploaded["id"]);
    let in_order = created.is_some() && created < uploaded;
    session.decide(Claim::UploadEvents, in_order, || {
        format!(
            "file.created: {}, file.uploaded: {}",
            created.is_some(),
            uploaded.is_some()
        )
    });
    let copied = event_of("file.copied", &done.copied);
    session.decide(Claim::CopyEvent, copied.is_some(), || {
        "it did not arrive".to_owned()
    });
    let moved = deliveries
        .iter()
        .find(|it| it.is("file.moved", &done.moved["id"]));
    let folder = moved.map(|it| it.json["payload"]["parentId"].clone());
    session.decide(
        Claim::MoveEvent,
        folder == Some(id_json(&done.target)),
        || match folder {
            Some(_) => "parentId is not the new folder".to_owned(),
            None => "it did not arrive".to_owned(),
        },
    );
}

/// The refused attempt, and the one that repeats it.
fn retry_of(deliveries: &[Delivery]) -> Option<(&Delivery, &Delivery)> {
    let refused = deliveries.iter().find(|it| it.refused)?;
    let id = &refused.json["event"]["id"];
    let mut repeated = deliveries
        .iter()
        .filter(|it| it.json["event"]["id"] == *id && !it.refused);
    Some((refused, repeated.next()?))
}

fn try_retry(session: &mut Session<'_>, deliveries: &[Delivery]) {
    let Some((refused, repeated)) = retry_of(deliveries) else {
        let sentence = "no attempt with the same event.id followed";
        return session.decide(Claim::Retry, false, || sentence.to_owned());
    };
    let count = &repeated.json["webhook"]["retryCount"];
    let is_signed_anew = refused.signature != repeated.signature;
    session.decide(Claim::Retry, *count == 1 && is_signed_anew, || {
        format!("retryCount is {count}; another signature: {is_signed_anew}")
    });
}

/// Compares the row of a delivery in the log with the delivery.
async fn try_log(
    session: &mut Session<'_>,
    webhook: WebhookId,
    delivery: &Delivery,
    file: &Value,
) -> Result<(), Stop> {
    let id = &delivery.json["event"]["id"];
    let mut row = Value::Null;
    for _ in 0..LOOKS {
        let log = session.portal.log(webhook).await;
        let log = session.record(log)?;
        row = row_of(&log, id);
        if row["status"] == 200 {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
    }
    let is_same = row["requestPayload"] == *delivery.body;
    let status = &row["status"];
    session.decide(Claim::LogRow, is_same && *status == 200, || {
        format!("the status is {status}; the body is the same: {is_same}")
    });
    let created = time(&row["creationTime"]);
    let happened = time(&delivery.json["event"]["createOn"]);
    let (Some(created), Some(happened)) = (created, happened) else {
        return Ok(());
    };
    let ahead = created.duration_since(happened);
    let offset = file["updated"]
        .as_str()
        .and_then(offset_of)
        .unwrap_or_default();
    let is_right = ahead.abs() < PRECISION || (ahead + offset).abs() < PRECISION;
    session.decide(Claim::LogTimes, is_right, || {
        format!(
            "the log is {} s ahead, the portal {} s",
            ahead.as_secs(),
            offset.as_secs()
        )
    });
    Ok(())
}

fn row_of(log: &Exchange, id: &Value) -> Value {
    let rows = log.response().as_array().into_iter().flatten();
    rows.clone()
        .find(|row| row["id"] == *id)
        .cloned()
        .unwrap_or_default()
}

fn time(value: &Value) -> Option<Timestamp> {
    crate::wire::parse_time(value.as_str()?)
}

/// The offset from UTC at the end of a date.
fn offset_of(date: &str) -> Option<SignedDuration> {
    let local = date.get(..19)?.parse::<jiff::civil::DateTime>().ok()?;
    let local = local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(local.duration_since(crate::wire::parse_time(date)?))
}
