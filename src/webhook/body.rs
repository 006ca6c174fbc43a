//! Reading a body within its limits: of size, of time, and of all bodies in hand together.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest body taken; real deliveries have about 1 KiB.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// A body, and the room it takes for as long as it is in hand.
#[derive(Debug)]
pub struct Held {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is over the limit, or says it will be.
    TooLarge,
    /// It took longer than it may.
    Slow,
    /// Its sender hung up, or sent chunks that are none.
    Broken,
    /// There is no room for it beside the bodies in hand.
    NoRoom,
}

/// Reads a body; one that announces more than the limit is not read at all.
pub async fn read(
    body: Body,
    headers: &HeaderMap,
    room: &Arc<Semaphore>,
) -> Result<Held, BodyError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY as u64) {
        return Err(BodyError::TooLarge);
    }
    tokio::time::timeout(BODY_TIMEOUT, read_frames(body, room))
        .await
        .unwrap_or(Err(BodyError::Slow))
}

async fn read_frames(mut body: Body, room: &Arc<Semaphore>) -> Result<Held, BodyError> {
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        let so_far = if rest.is_empty() {
            first.len()
        } else {
            rest.len()
        };
        if so_far + data.len() > LARGEST_BODY {
            return Err(BodyError::TooLarge);
        }
        let bytes = u32::try_from(data.len()).map_err(|_| BodyError::TooLarge)?;
        let more = Arc::clone(room)
            .try_acquire_many_owned(bytes)
            .map_err(|_| BodyError::NoRoom)?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        // Nearly every body comes as one piece, which is then not copied.
        if first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    let bytes = if rest.is_empty() {
        first
    } else {
        Bytes::from(rest)
    };
    Ok(Held { bytes, _room: held })
}
