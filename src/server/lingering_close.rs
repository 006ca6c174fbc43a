//! Lingering close: closes a connection so that the client can still read the last response.
//!
//! When a socket with unread bytes is closed, the kernel resets the connection, and the client may lose a
//! response that it has not read yet, for example the 413 to a body that is not read. Therefore only the
//! sending half is closed at first, and what the client still sends is read and discarded for a while.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long to wait for the client to close its half.
const LINGERING_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of bytes to discard.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// A stream whose shutdown is a lingering close.
#[derive(Debug)]
pub(super) struct LingeringClose<S> {
    stream: S,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    timeout: Pin<Box<Sleep>>,
    discarded_bytes: usize,
}

impl<S> LingeringClose<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
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
