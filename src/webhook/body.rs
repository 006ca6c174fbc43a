//! Reads request bodies within limits on size, time, and the memory of all bodies together.

use std::ops::Deref;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;

use super::body_memory::{BodyMemory, BodyShare, MemoryFull};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a body in bytes; real deliveries have about 1 KiB.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// A body of several frames is joined in a buffer that grows by this many bytes.
const GROWTH_BYTES: usize = 16 * 1024;

/// A complete body, and the share of the body memory that it occupies until it is dropped.
#[derive(Debug)]
pub struct BufferedBody {
    bytes: Bytes,
    _share: BodyShare,
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

impl From<MemoryFull> for BodyError {
    fn from(_: MemoryFull) -> Self {
        Self::MemoryLimitReached
    }
}

/// Rejects a body whose `Content-Length` exceeds the limit; it need not be read.
pub fn check_length(headers: &HeaderMap) -> Result<(), BodyError> {
    let content_length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match content_length {
        Some(length) if length > MAX_BODY_BYTES as u64 => Err(BodyError::TooLarge),
        _ => Ok(()),
    }
}

/// Reads a body into the body memory, until it is given up in favour of a smaller one.
pub async fn read(body: Body, memory: &BodyMemory) -> Result<BufferedBody, BodyError> {
    let mut share = memory.share();
    let bytes = tokio::time::timeout(BODY_TIMEOUT, read_frames(body, &mut share))
        .await
        .unwrap_or(Err(BodyError::TimedOut))?;
    share.complete()?;
    Ok(BufferedBody {
        bytes,
        _share: share,
    })
}

async fn read_frames(mut body: Body, share: &mut BodyShare) -> Result<Bytes, BodyError> {
    // Nearly every body arrives as one frame, which is not copied.
    let mut single = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = share.evicted() => return Err(BodyError::MemoryLimitReached),
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else {
            continue;
        };
        let received = single.len().max(joined.len());
        if received + data.len() > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        share.grow(data.len())?;
        if single.is_empty() {
            single = data;
        } else {
            if joined.is_empty() {
                append(&mut joined, &single);
            }
            append(&mut joined, &data);
        }
    }
    Ok(if joined.is_empty() {
        single
    } else {
        Bytes::from(joined)
    })
}

/// Unlike a vector's own growth, wastes no more than [`GROWTH_BYTES`].
fn append(joined: &mut Vec<u8>, bytes: &[u8]) {
    if joined.capacity() - joined.len() < bytes.len() {
        joined.reserve_exact(bytes.len().max(GROWTH_BYTES));
    }
    joined.extend_from_slice(bytes);
}
