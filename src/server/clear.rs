//! A connection on which only clear heads come through.
//!
//! A head that [`Heads`] refuses is cut off before its end and spoiled, so that hyper answers 400 and
//! closes, and nothing after it is read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads::Heads;
use super::places::Turn;

/// What no head may hold, wherever it is put.
const SPOILER: &[u8] = b"\0";

/// Lets a request in chunks be the last one of its connection, so that what follows is read by nobody.
pub(super) async fn close_after_chunks(request: Request, next: Next) -> Response {
    let in_chunks = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = next.run(request).await;
    if in_chunks {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// A connection on which only clear heads come through. It also tells whose turn it is.
#[derive(Debug)]
pub(super) struct Clear<S> {
    stream: S,
    heads: Heads,
    spoiled: bool,
    turn: Arc<Turn>,
}

impl<S> Clear<S> {
    pub(super) fn new(stream: S, turn: Arc<Turn>) -> Self {
        Self {
            stream,
            heads: Heads::default(),
            spoiled: false,
            turn,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Clear<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.spoiled {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        if buffer.filled().len() == before {
            return Poll::Ready(Ok(()));
        }
        if let Err(clear) = this.heads.follow(&buffer.filled()[before..]) {
            buffer.set_filled(before + clear);
            buffer.put_slice(SPOILER);
            this.spoiled = true;
        }
        if this.heads.is_between_requests() {
            this.turn.is_ours();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Clear<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.turn.is_theirs();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.turn.is_theirs();
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
