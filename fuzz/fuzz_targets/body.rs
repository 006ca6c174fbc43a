//! Bodies in pieces of any size: what is handed on is what came, and nothing is kept in hand afterwards.
#![no_main]

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use docspace_courier::webhook::body;
use futures_util::stream;
use libfuzzer_sys::fuzz_target;
use tokio::sync::Semaphore;

/// Room for the body in hand, so small that some do not fit.
const ROOM: usize = 4096;

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
    let room = Arc::new(Semaphore::new(ROOM));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let read = runtime.expect("a runtime").block_on(async {
        let body = Body::from_stream(stream::iter(pieces));
        body::read(body, &headers, &room).await
    });
    match read {
        Ok(held) => {
            assert_eq!(&*held, bytes);
            assert_eq!(room.available_permits(), ROOM - bytes.len());
        }
        Err(body::BodyError::NoRoom) => assert!(bytes.len() > ROOM),
        Err(error) => assert_eq!(error, body::BodyError::TooLarge),
    }
    assert_eq!(room.available_permits(), ROOM);
});
