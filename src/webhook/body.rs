//! Reads request bodies within limits on size, time, and the memory of all bodies together.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a body in bytes; real deliveries have about 1 KiB.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// A complete body, and the share of the body memory that it occupies until it is dropped.
#[derive(Debug)]
pub struct BufferedBody {
    bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
}

impl Deref for BufferedBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It exceeds the size limit, or its `Content-Length` does.
    TooLarge,
    /// It took too long to arrive.
    TimedOut,
    /// The client closed the connection, or sent invalid chunks.
    Incomplete,
    /// The body memory is exhausted by other bodies.
    MemoryLimitReached,
}

/// Reads a body, taking one permit of `memory` per byte. A body whose `Content-Length` exceeds the limit is
/// not read at all.
pub async fn read(
    body: Body,
    headers: &HeaderMap,
    memory: &Arc<Semaphore>,
) -> Result<BufferedBody, BodyError> {
    let content_length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if content_length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(BodyError::TooLarge);
    }
    tokio::time::timeout(BODY_TIMEOUT, read_frames(body, memory))
        .await
        .unwrap_or(Err(BodyError::TimedOut))
}

async fn read_frames(mut body: Body, memory: &Arc<Semaphore>) -> Result<BufferedBody, BodyError> {
    // Nearly every body arrives as one frame, which is not copied.
    let mut single = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    let mut permit: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else {
            continue;
        };
        let received = single.len().max(joined.len());
        if received + data.len() > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        let bytes = u32::try_from(data.len()).map_err(|_| BodyError::TooLarge)?;
        let more = Arc::clone(memory)
            .try_acquire_many_owned(bytes)
            .map_err(|_| BodyError::MemoryLimitReached)?;
        match &mut permit {
            Some(permit) => permit.merge(more),
            None => permit = Some(more),
        }
        if single.is_empty() {
            single = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&single);
            }
            joined.extend_from_slice(&data);
        }
    }
    let bytes = if joined.is_empty() {
        single
    } else {
        Bytes::from(joined)
    };
    Ok(BufferedBody {
        bytes,
        _memory: permit,
    })
}
