//! The load generator: keep-alive connections that write requests and time their answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::deliveries::Deliveries;

/// Connections that send side by side.
const CONNECTIONS: u64 = 64;

/// What a round came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Answers with 200 a second.
    pub rate: f64,
    /// How long each answer took.
    latencies: Vec<Duration>,
    /// Answers with another status.
    pub refused: u64,
}

impl Report {
    /// How many were accepted.
    pub fn accepted(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// The latency that this part of the answers did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        quantile(&self.latencies, part)
    }
}

/// The value that this part of sorted values does not exceed.
pub fn quantile<T: Copy>(sorted: &[T], part: f64) -> T {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of at most a few million"
    )]
    let place = (sorted.len() as f64 * part) as usize;
    sorted[place.min(sorted.len() - 1)]
}

/// A keep-alive connection.
struct Connection {
    stream: TcpStream,
    path: String,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let rest = address.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            path: format!("/{path}"),
            answer: Vec::with_capacity(1024),
        }
    }

    /// Sends a request and returns the status of its answer.
    async fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert!(read > 0, "the receiver closed the connection");
            let Some(head) = find(&self.answer, b"\r\n\r\n") else {
                continue;
            };
            let text = std::str::from_utf8(&self.answer[..head]).unwrap();
            let length = text
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.parse().unwrap());
            if self.answer.len() >= head + 4 + length {
                return text[9..12].parse().unwrap();
            }
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

/// The numbers of the events that are sent.
#[derive(Clone, Copy)]
pub enum Numbers {
    /// From this one on, each once.
    From(u64),
    /// From 1 to this one, again and again.
    Repeated(u64),
}

impl Numbers {
    fn get(self, position: u64) -> u64 {
        match self {
            Self::From(first) => first + position,
            Self::Repeated(last) => 1 + position % last,
        }
    }
}

/// Sends as fast as the answers come, for this long.
pub async fn closed_loop(
    address: &str,
    deliveries: &Deliveries,
    duration: Duration,
    numbers: Numbers,
) -> Report {
    let positions = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + duration;
    let sending = (0..CONNECTIONS).map(|_| {
        let (positions, deliveries) = (Arc::clone(&positions), deliveries.clone());
        let address = address.to_owned();
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            let (mut latencies, mut refused) = (Vec::new(), 0);
            while Instant::now() < end {
                let number = numbers.get(positions.fetch_add(1, Ordering::Relaxed));
                let request = deliveries.request(number, &connection.path);
                let begun = Instant::now();
                match connection.exchange(&request).await {
                    200 => latencies.push(begun.elapsed()),
                    _ => refused += 1,
                }
            }
            (latencies, refused)
        })
    });
    gather(sending.collect(), duration).await
}

/// Sends so many a second, whether answers come or not: the latency counts from when it was to be sent.
pub async fn open_loop(
    address: &str,
    deliveries: &Deliveries,
    a_second: u64,
    duration: Duration,
) -> Report {
    let begin = Instant::now() + Duration::from_millis(200);
    let interval = Duration::from_secs(1) / u32::try_from(a_second).unwrap();
    let count = a_second * duration.as_secs();
    let sending = (0..CONNECTIONS).map(|connection| {
        let (deliveries, address) = (deliveries.clone(), address.to_owned());
        tokio::spawn(async move {
            let mut open = Connection::open(&address).await;
            let (mut latencies, mut refused) = (Vec::new(), 0);
            for number in (connection..count).step_by(usize::try_from(CONNECTIONS).unwrap()) {
                let due = begin + interval * u32::try_from(number).unwrap();
                let request = deliveries.request(number + 1, &open.path);
                sleep_until(due).await;
                let bound = due + Duration::from_mins(1);
                match timeout_at(bound, open.exchange(&request)).await.unwrap() {
                    200 => latencies.push(due.elapsed()),
                    _ => refused += 1,
                }
            }
            (latencies, refused)
        })
    });
    gather(sending.collect(), duration).await
}

/// Sends so many deliveries, each of which must be accepted.
pub async fn send_all(address: &str, deliveries: &Deliveries, count: u64) {
    let next = Arc::new(AtomicU64::new(1));
    let sending = (0..CONNECTIONS).map(|_| {
        let (deliveries, next) = (deliveries.clone(), Arc::clone(&next));
        let address = address.to_owned();
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > count {
                    return;
                }
                let request = deliveries.request(number, &connection.path);
                assert_eq!(connection.exchange(&request).await, 200);
            }
        })
    });
    for sender in sending.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
}

type Sender = tokio::task::JoinHandle<(Vec<Duration>, u64)>;

async fn gather(sending: Vec<Sender>, duration: Duration) -> Report {
    let (mut latencies, mut refused) = (Vec::new(), 0);
    for sender in sending {
        let (of_one, refused_of_one) = sender.await.unwrap();
        latencies.extend(of_one);
        refused += refused_of_one;
    }
    assert!(!latencies.is_empty(), "nothing was accepted");
    latencies.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of at most a few million"
    )]
    let rate = latencies.len() as f64 / duration.as_secs_f64();
    Report {
        rate,
        latencies,
        refused,
    }
}
