//! Lingering close: closes a connection so that the client can still read the last response.
//!
//! When a socket with unread bytes is closed, the kernel resets the connection, and the client may lose a
//! response that it has not read yet, for example the 413 to a body that is not read. Therefore only the
//! sending half is closed at first, and what the client still sends is read and discarded for a while.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connection_limit::ConnectionActivity;

/// How long to wait for the client to close its half.
const LINGERING_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of bytes to discard.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// A stream whose shutdown is a lingering close.
#[derive(Debug)]
pub(super) struct LingeringClose<S> {
    stream: S,
    activity: Arc<ConnectionActivity>,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    timeout: Pin<Box<Sleep>>,
    discarded_bytes: usize,
}

impl<S> LingeringClose<S> {
    pub(super) fn new(stream: S, activity: Arc<ConnectionActivity>) -> Self {
        Self {
            stream,
            activity,
            closing: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringClose<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringClose<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            // Nobody waits for more of it, also if hyper responded by itself, so it is evicted before others.
            this.activity.mark_idle();
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let closing = this.closing.get_or_insert_with(|| Closing {
            timeout: Box::pin(sleep(LINGERING_TIMEOUT)),
            discarded_bytes: 0,
        });
        let mut bytes = [0_u8; 8 * 1024];
        while closing.timeout.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            closing.discarded_bytes += buffer.filled().len();
            if read.is_err()
                || buffer.filled().is_empty()
                || closing.discarded_bytes > MAX_DISCARDED_BYTES
            {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncWriteExt as _, duplex};

    use crate::server::connection_limit::ConnectionLimiter;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_is_being_closed_is_evicted_first() {
        let client = IpAddr::from([192, 0, 2, 1]);
        let limiter = ConnectionLimiter::new(2);
        let older = limiter.acquire(client).await;
        let closing = limiter.acquire(client).await;
        let (_client, server) = duplex(16);
        let mut stream = LingeringClose::new(server, Arc::clone(closing.activity()));
        assert!(stream.shutdown().now_or_never().is_none(), "it lingers");
        assert!(limiter.acquire(client).now_or_never().is_none());
        assert!(closing.activity().evicted().now_or_never().is_some());
        assert!(older.activity().evicted().now_or_never().is_none());
    }
}
