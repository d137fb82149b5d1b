//! The writing half of a connection: replies come from executors, leave in as few writes as possible.

use crate::{
    call::{Arrival, ReplySink},
    limits,
    node::{connections::ConnectionFacts, shared::Shared},
};
use crossbeam::queue::ArrayQueue;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::tcp::OwnedWriteHalf,
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
};

/// Where executors put replies. The channel is unbounded because the calls are bounded: a reader takes no
/// more calls while [`limits::CONNECTION_CALLS_MAX`] wait or [`limits::CONNECTION_REPLY_BYTES_MAX`] are
/// unsent.
pub(super) struct ConnectionSink {
    replies: UnboundedSender<Outgoing>,
    waiting_calls: AtomicU32,
    unsent_bytes: AtomicUsize,
    /// Told when either went down.
    eased: Notify,
    closed: AtomicBool,
    /// Buffers that were written, to be filled again.
    spare: ArrayQueue<Vec<u8>>,
    shared: Arc<Shared>,
    facts: Arc<ConnectionFacts>,
}

/// Buffers a connection keeps, and how large at most: a thousand connections must not hold memory worth
/// speaking of.
const SPARES: usize = 2;
const SPARE_BYTES_MAX: usize = 256 << 10;

pub(super) struct Outgoing {
    frames: Vec<u8>,
    calls: u32,
    /// Nothing comes after this.
    last: bool,
}

impl ConnectionSink {
    pub(super) fn new(
        shared: Arc<Shared>,
        facts: Arc<ConnectionFacts>,
    ) -> (Arc<ConnectionSink>, UnboundedReceiver<Outgoing>) {
        let (replies, outgoing) = unbounded_channel();
        let sink = ConnectionSink {
            replies,
            waiting_calls: AtomicU32::new(0),
            unsent_bytes: AtomicUsize::new(0),
            eased: Notify::new(),
            closed: AtomicBool::new(false),
            spare: ArrayQueue::new(SPARES),
            shared,
            facts,
        };
        (Arc::new(sink), outgoing)
    }

    /// Calls that were taken in and are not answered.
    pub(super) fn expect(&self, calls: u32) {
        self.waiting_calls.fetch_add(calls, Ordering::AcqRel);
        self.facts.calls_read.fetch_add(u64::from(calls), Ordering::Relaxed);
    }

    pub(super) fn waiting_calls(&self) -> u32 {
        self.waiting_calls.load(Ordering::Acquire)
    }

    fn is_full(&self) -> bool {
        self.waiting_calls() > limits::CONNECTION_CALLS_MAX
            || self.unsent_bytes.load(Ordering::Acquire) > limits::CONNECTION_REPLY_BYTES_MAX
    }

    /// Waits until the peer may send more, or will never.
    pub(super) async fn room(&self) {
        while self.is_full() && !self.closed.load(Ordering::Acquire) {
            let eased = self.eased.notified();
            if self.is_full() {
                eased.await;
            }
        }
    }

    /// Waits until every call is answered.
    pub(super) async fn drained(&self) {
        while self.waiting_calls() > 0 && !self.closed.load(Ordering::Acquire) {
            let eased = self.eased.notified();
            if self.waiting_calls() > 0 {
                eased.await;
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A reply the front end made itself.
    pub(super) fn answer(&self, frames: Vec<u8>, calls: u32) {
        self.unsent_bytes.fetch_add(frames.len(), Ordering::AcqRel);
        self.facts.replies_made.fetch_add(u64::from(calls), Ordering::Relaxed);
        // The writer is gone when the connection is: then nobody waits for the reply.
        let _ = self.replies.send(Outgoing { frames, calls, last: false });
    }

    /// Replies of executors that leave at `now_us`.
    pub(super) fn send_at(&self, frames: Vec<u8>, arrivals: &[Arrival], now_us: u64) {
        self.shared.latency.record(arrivals, now_us);
        self.answer(frames, arrivals.iter().map(|arrival| arrival.calls).sum());
    }

    /// Keeps a buffer that was written, if it is of a usual size and there is room.
    fn keep(&self, mut frames: Vec<u8>) {
        if (1..=SPARE_BYTES_MAX).contains(&frames.capacity()) {
            frames.clear();
            let _ = self.spare.push(frames);
        }
    }

    /// No more calls are taken in: the writer ends after what it was given so far.
    pub(super) fn finish(&self) {
        let _ = self.replies.send(Outgoing { frames: Vec::new(), calls: 0, last: true });
    }
}

impl ReplySink for ConnectionSink {
    fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]) {
        self.send_at(frames, arrivals, self.shared.monotonic_us());
    }

    fn buffer(&self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }
}

/// Small messages are put together up to this size before they are written.
const WRITE_BYTES: usize = 256 << 10;

/// Writes replies until the connection ends.
pub(super) async fn write_replies(
    mut socket: OwnedWriteHalf,
    mut outgoing: UnboundedReceiver<Outgoing>,
    sink: Arc<ConnectionSink>,
) {
    while let Some(mut message) = outgoing.recv().await {
        while message.frames.len() < WRITE_BYTES
            && let Ok(next) = outgoing.try_recv()
        {
            message.frames.extend_from_slice(&next.frames);
            sink.keep(next.frames);
            message.calls += next.calls;
            message.last |= next.last;
        }
        let written = write_all(&mut socket, &message.frames).await;
        sink.unsent_bytes.fetch_sub(message.frames.len(), Ordering::AcqRel);
        sink.waiting_calls.fetch_sub(message.calls, Ordering::AcqRel);
        sink.facts.bytes_written.fetch_add(message.frames.len() as u64, Ordering::Relaxed);
        sink.facts.replies_written.fetch_add(u64::from(message.calls), Ordering::Relaxed);
        if let Err(error) = written {
            tracing::debug!(%error, "replies could not be written");
            sink.closed.store(true, Ordering::Release);
        }
        sink.keep(message.frames);
        sink.eased.notify_waiters();
        if sink.is_closed() || message.last {
            break;
        }
    }
    let _ = socket.shutdown().await;
}

/// Gives up on a peer that takes no byte for too long.
async fn write_all(socket: &mut OwnedWriteHalf, mut bytes: &[u8]) -> io::Result<()> {
    let stall_max = Duration::from_millis(limits::REPLY_STALL_MAX_MS);
    while !bytes.is_empty() {
        // Most writes go through at once: no timer for those.
        let taken = match socket.try_write(bytes) {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                match tokio::time::timeout(stall_max, socket.write(bytes)).await {
                    Ok(taken) => taken?,
                    Err(_) => return Err(io::ErrorKind::TimedOut.into()),
                }
            }
            Err(error) => return Err(error),
        };
        bytes = &bytes[taken..];
    }
    Ok(())
}
