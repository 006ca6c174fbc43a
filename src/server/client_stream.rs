//! The stream of a client, below TLS. What it sends counts as unused until [`ConnectionActivity`] learns otherwise. A
//! write that makes no progress, because the client does not read, fails after a while.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connection_limit::ConnectionActivity;
use super::record_meter::RecordMeter;

/// A stream that is metered, and whose writes time out.
#[derive(Debug)]
pub(super) struct ClientStream<S> {
    stream: S,
    activity: Arc<ConnectionActivity>,
    timeout: Duration,
    /// Follows what the client sends, if that is TLS.
    records: Option<RecordMeter>,
    /// Runs while a write is pending.
    pending: Option<Pin<Box<Sleep>>>,
}

impl<S> ClientStream<S> {
    pub(super) fn new(stream: S, activity: Arc<ConnectionActivity>, timeout: Duration) -> Self {
        Self {
            stream,
            activity,
            timeout,
            records: None,
            pending: None,
        }
    }

    /// The same for a stream that carries TLS.
    pub(super) fn with_records(self) -> Self {
        Self {
            records: Some(RecordMeter::default()),
            ..self
        }
    }

    /// The result of a write, which is an error if writes have been pending for too long.
    fn check<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.pending = None;
            return written;
        }
        let timeout = self.timeout;
        let pending = self.pending.get_or_insert_with(|| Box::pin(sleep(timeout)));
        pending
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let received = &buffer.filled()[before..];
        if let Some(records) = &mut self.records {
            records.add(received);
            let incomplete = records.incomplete_bytes();
            self.activity.holds_incomplete(incomplete);
        }
        self.activity.received(received.len());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.check(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = Pin::new(&mut self.stream).poll_shutdown(context);
        self.check(shut_down, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.check(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use crate::server::connection_limit::{ConnectionLimiter, ConnectionPermit};

    use super::*;

    async fn permit() -> ConnectionPermit {
        ConnectionLimiter::new(1)
            .acquire([192, 0, 2, 1].into())
            .await
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed() {
        let (client, server) = duplex(16);
        let permit = permit().await;
        let activity = Arc::clone(permit.activity());
        let mut server = ClientStream::new(server, activity, Duration::from_millis(20));
        let error = server.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    #[tokio::test]
    async fn a_client_that_reads_gets_everything() {
        let (mut client, server) = duplex(16);
        let permit = permit().await;
        let activity = Arc::clone(permit.activity());
        let mut server = ClientStream::new(server, activity, Duration::from_mins(1));
        let writing = tokio::spawn(async move { server.write_all(&[0; 1000]).await });
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        writing.await.unwrap().unwrap();
        assert_eq!(bytes.len(), 1000);
    }
}
