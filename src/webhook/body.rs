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

/// Size of the blocks in which a body of several frames is kept until it is complete.
const BLOCK_BYTES: usize = 8 * 1024;

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
    let mut several = Blocks::default();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = share.evicted() => return Err(BodyError::MemoryLimitReached),
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else {
            continue;
        };
        let received = single.len().max(several.len);
        if received + data.len() > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        share.grow(data.len())?;
        if single.is_empty() {
            single = data;
        } else {
            if several.len == 0 {
                several.append(&single);
            }
            several.append(&data);
        }
    }
    Ok(if several.len == 0 {
        single
    } else {
        several.join()
    })
}

/// The bytes of several frames. They are copied, because a frame keeps a whole buffer of its connection, and into
/// blocks, because one that grows is copied again and again, and leaves gaps in memory.
#[derive(Debug, Default)]
struct Blocks {
    blocks: Vec<Vec<u8>>,
    len: usize,
}

impl Blocks {
    fn append(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len();
        while !bytes.is_empty() {
            let last = self.blocks.last_mut();
            if let Some(block) = last.filter(|block| block.len() < BLOCK_BYTES) {
                let taken = bytes.len().min(BLOCK_BYTES - block.len());
                block.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
            } else {
                self.blocks.push(Vec::with_capacity(BLOCK_BYTES));
            }
        }
    }

    fn join(self) -> Bytes {
        let mut joined = Vec::with_capacity(self.len);
        for block in self.blocks {
            joined.extend_from_slice(&block);
        }
        joined.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_size_are_joined_in_their_order() {
        let bytes: Vec<u8> = (0..50_000_u32)
            .map(|number| number.to_le_bytes()[0])
            .collect();
        for size in [
            1,
            100,
            BLOCK_BYTES - 1,
            BLOCK_BYTES,
            BLOCK_BYTES + 1,
            bytes.len(),
        ] {
            let mut blocks = Blocks::default();
            bytes.chunks(size).for_each(|frame| blocks.append(frame));
            assert_eq!(blocks.len, bytes.len());
            assert_eq!(blocks.join(), bytes, "frames of {size} bytes");
        }
    }
}
