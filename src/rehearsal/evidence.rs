//! The exchanges with the portal and the deliveries from it, as they go into the report: without data of the portal.

use serde::Serialize;
use serde_json::Value;

use crate::docspace::Exchange;

use super::deliveries::Delivery;
use super::redaction::Redaction;

/// One exchange or delivery, in which ids and names are replaced.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// What was called, or received.
    pub what: String,
    /// The body that was sent to the portal, or received from it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub request: Value,
    /// The status of the response.
    pub status: u16,
    /// The portal's response.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub response: Value,
}

/// The records so far.
#[derive(Debug)]
pub(super) struct Evidence {
    redaction: Redaction,
    pub(super) records: Vec<Record>,
}

impl Evidence {
    pub(super) fn new(token: &str) -> Self {
        Self {
            redaction: Redaction::new(token),
            records: Vec::new(),
        }
    }

    /// Records an exchange. If it repeats the one before, only the last one is kept.
    pub(super) fn add(&mut self, exchange: &Exchange) {
        let path = self.redaction.path(&exchange.path);
        let request = exchange.request.as_ref();
        let record = Record {
            what: format!("{} {path}", exchange.method),
            request: request.map_or(Value::Null, |body| self.redaction.value(body)),
            status: exchange.status,
            response: self.redaction.value(&exchange.body),
        };
        self.records
            .pop_if(|last| last.what == record.what && last.request == record.request);
        self.records.push(record);
    }

    /// Records a delivery, with the form of its signature.
    pub(super) fn add_delivery(&mut self, delivery: &Delivery) {
        let form = form_of(&delivery.signature);
        self.records.push(Record {
            what: format!("delivery, signature {form}"),
            request: self.redaction.value(&delivery.json),
            status: if delivery.refused { 503 } else { 200 },
            response: Value::Null,
        });
    }
}

/// The form of a signature, without the signature.
pub(super) fn form_of(signature: &str) -> String {
    let (prefix, digits) = signature.split_once('=').unwrap_or(("", signature));
    let case = match digits {
        _ if digits
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'A'..=b'F')) =>
        {
            "upper-case"
        }
        _ if digits
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) =>
        {
            "lower-case"
        }
        _ => "other",
    };
    format!("{prefix}= and {} {case} digits", digits.len())
}
