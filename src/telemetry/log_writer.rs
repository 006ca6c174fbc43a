//! Writes log lines on a thread of its own, through a bounded queue.
//!
//! A write to a pipe blocks for as long as the reader is stopped, so a thread that serves requests or runs
//! actions must not write. While the queue is full, lines are dropped and counted; the number is logged once
//! lines can be written again.
//!
//! `tracing-appender` has such a writer, but when it is dropped with a full queue, it prints to standard
//! output, which blocks or panics in just this case.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

/// Maximum size in bytes of the lines that wait to be written: some 20,000 lines, which the busiest service
/// logs in about half a second.
const MAX_PENDING_BYTES: usize = 4 * 1024 * 1024;

/// Lines that wait are written together up to about this size in bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// Pause after the queue was emptied. Without it, a busy service would wake the thread for every line.
const PAUSE: Duration = Duration::from_millis(1);

/// How long the end of the process waits for the last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the end of the process checks whether the last lines are written.
const FLUSH_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What the threads that log share with the thread that writes.
#[derive(Debug, Default)]
struct Counters {
    /// Bytes that wait or are being written.
    pending_bytes: AtomicUsize,
    /// Lines that did not fit the queue or could not be written.
    dropped: AtomicU64,
}

impl Counters {
    fn has_pending(&self) -> bool {
        self.pending_bytes.load(Ordering::Acquire) > 0
    }
}

/// The queue of lines; each call of `write` takes one line.
#[derive(Debug)]
pub(super) struct LogWriter {
    lines: Sender<Vec<u8>>,
    counters: Arc<Counters>,
}

impl LogWriter {
    /// Starts the thread that writes to the sink.
    pub(super) fn start(sink: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(&receiver, sink, &shared))
            .expect("a process can start its first threads");
        Self {
            lines: sender,
            counters,
        }
    }

    /// Total number of lines dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.counters.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written, but not for long: the sink may be blocked.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        while self.counters.has_pending() && Instant::now() < deadline {
            thread::sleep(FLUSH_POLL_INTERVAL);
        }
    }
}

impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let pending = &self.counters.pending_bytes;
        // Added before sending, so that the writing thread cannot subtract first.
        let is_full = pending.fetch_add(line.len(), Ordering::Relaxed) > MAX_PENDING_BYTES;
        if is_full || self.lines.send(line.to_vec()).is_err() {
            pending.fetch_sub(line.len(), Ordering::Relaxed);
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(lines: &Receiver<Vec<u8>>, mut sink: impl Write, counters: &Counters) {
    let mut reported = 0;
    while let Ok(mut batch) = lines.recv() {
        let mut count = 1;
        let mut is_drained = false;
        while batch.len() < BATCH_BYTES && !is_drained {
            if let Ok(line) = lines.try_recv() {
                batch.extend_from_slice(&line);
                count += 1;
            } else {
                is_drained = true;
            }
        }
        // There is nowhere to report a failure to, and the next line may succeed, as when a full disk has
        // been cleared.
        if sink.write_all(&batch).is_ok() {
            let dropped = counters.dropped.load(Ordering::Relaxed);
            // This adds a line to the queue, which must have room for it.
            if dropped > reported && is_drained {
                warn!(lines = dropped - reported, "log lines were dropped");
                reported = dropped;
            }
        } else {
            counters.dropped.fetch_add(count, Ordering::Relaxed);
        }
        counters
            .pending_bytes
            .fetch_sub(batch.len(), Ordering::Release);
        if is_drained {
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A sink that takes a write only when the test lets it.
    struct Gate {
        opened: Receiver<io::Result<()>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.opened.recv().unwrap()?;
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Written = Arc<Mutex<Vec<u8>>>;

    fn gated() -> (LogWriter, Sender<io::Result<()>>, Written) {
        let (open, opened) = channel();
        let written = Written::default();
        let sink = Gate {
            opened,
            written: Arc::clone(&written),
        };
        (LogWriter::start(sink), open, written)
    }

    fn log(writer: &LogWriter, line: &str) {
        let mut writer = writer;
        writer.write_all(line.as_bytes()).unwrap();
    }

    fn wait_until_written(writer: &LogWriter) {
        while writer.counters.has_pending() {
            thread::yield_now();
        }
    }

    #[test]
    fn lines_beyond_the_queue_are_dropped_and_counted() {
        let (writer, open, written) = gated();
        let line = format!("{}\n", "x".repeat(1023));
        let lines = 2 * MAX_PENDING_BYTES / line.len();
        for _ in 0..lines {
            log(&writer, &line);
        }
        let dropped = usize::try_from(writer.dropped()).unwrap();
        assert!(dropped.abs_diff(lines / 2) <= 1, "{dropped}");
        for _ in 0..lines {
            open.send(Ok(())).unwrap();
        }
        wait_until_written(&writer);
        let written = written.lock().unwrap().len() / line.len();
        assert_eq!(written + dropped, lines);
    }

    #[test]
    fn a_failed_write_loses_its_lines_and_no_others() {
        let (writer, open, written) = gated();
        open.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        log(&writer, "lost\n");
        wait_until_written(&writer);
        open.send(Ok(())).unwrap();
        log(&writer, "kept\n");
        wait_until_written(&writer);
        assert_eq!(writer.dropped(), 1);
        assert_eq!(*written.lock().unwrap(), b"kept\n");
    }
}
