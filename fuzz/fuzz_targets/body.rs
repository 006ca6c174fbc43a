//! Bodies in frames of any size are joined unchanged, and all body memory is released afterwards.
#![no_main]

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use docspace_courier::webhook::body;
use docspace_courier::webhook::body_memory::BodyMemory;
use futures_util::stream;
use libfuzzer_sys::fuzz_target;

/// Body memory in bytes; some inputs are larger.
const MEMORY: usize = 4096;

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (piece, length, bytes) = input;
    let pieces: Vec<_> = bytes
        .chunks(usize::from(piece).max(1))
        .map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk)))
        .collect();
    let mut headers = HeaderMap::new();
    if let Ok(length) = HeaderValue::from_bytes(length) {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    let memory = BodyMemory::new(MEMORY);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let read = runtime.expect("a runtime").block_on(async {
        let body = Body::from_stream(stream::iter(pieces));
        body::check_length(&headers)?;
        body::read(body, &memory).await
    });
    match read {
        Ok(read) => {
            assert_eq!(&*read, bytes);
            assert_eq!(memory.free_bytes(), MEMORY - bytes.len());
        }
        Err(body::BodyError::MemoryLimitReached) => assert!(bytes.len() > MEMORY),
        Err(error) => assert_eq!(error, body::BodyError::TooLarge),
    }
    assert_eq!(memory.free_bytes(), MEMORY);
});
