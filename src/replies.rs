//! Replies that wait, then leave. They were computed on state that is not committed yet, so they leave with
//! the block that makes it so; those that may leave at one time are put together by where they go. Order
//! between calls of one connection is not promised; the handle tells them apart.

use crate::{
    call::{Arrival, ReplySink},
    wire::volt::{
        frame::{self, Frame},
        response,
        status::Status,
    },
};
use rustc_hash::FxHashMap;
use std::{ops::Range, sync::Arc};

/// Response frames for any number of connections, in the order the calls ran.
#[derive(Default)]
pub struct Replies {
    pub bytes: Vec<u8>,
    parts: Vec<Part>,
}

struct Part {
    sink: Arc<dyn ReplySink>,
    end: usize,
    arrival: Arrival,
}

impl Replies {
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// One more frame was appended to `bytes`, for `sink`.
    #[inline]
    pub fn close_frame(&mut self, sink: &Arc<dyn ReplySink>, received_us: u64) {
        let end = self.bytes.len();
        match self.parts.last_mut() {
            Some(last) if last.arrival.received_us == received_us && Arc::ptr_eq(&last.sink, sink) => {
                last.end = end;
                last.arrival.calls += 1;
            }
            _ => self.parts.push(Part { sink: sink.clone(), end, arrival: Arrival::one(received_us) }),
        }
    }

    /// Appends another's frames.
    pub fn append(&mut self, other: Replies) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.parts.extend(other.parts.into_iter().map(|part| Part { end: part.end + offset, ..part }));
    }

    /// What the frames say did not come to be: the same calls, each answered with `status` and `text`.
    pub fn failed(self, status: Status, text: &str) -> Replies {
        let mut failed = Replies::default();
        for (part, range) in self.ranges() {
            for_each_handle(&self.bytes[range], |handle| {
                response::write_failure(&mut failed.bytes, handle, status, text);
                failed.close_frame(&part.sink, part.arrival.received_us);
            });
        }
        failed
    }

    /// Each part, and where its frames are.
    fn ranges(&self) -> impl Iterator<Item = (&Part, Range<usize>)> {
        let starts = std::iter::once(0).chain(self.parts.iter().map(|part| part.end));
        self.parts.iter().zip(starts).map(|(part, start)| (part, start..part.end))
    }
}

/// Replies that may leave, by where they go: what one round of an executor releases for a connection is one
/// message, however many partitions and batches it comes from.
#[derive(Default)]
pub struct Departures {
    groups: Vec<Departure>,
    /// The group of a sink, by the sink's address; the groups keep the sinks alive.
    places: FxHashMap<usize, usize>,
    /// Emptied, to be filled again: memory that is in the cache.
    spare_replies: Vec<Replies>,
    spare_arrivals: Vec<Vec<Arrival>>,
}

struct Departure {
    sink: Arc<dyn ReplySink>,
    frames: Vec<u8>,
    arrivals: Vec<Arrival>,
}

/// Buffers kept, and how large at most: more than a partition has blocks on their way, larger than they
/// usually are.
const SPARES_MAX: usize = 16;
const SPARE_BYTES_MAX: usize = 1 << 20;

impl Departures {
    /// Empty replies, best in a buffer that was used before.
    pub fn spare(&mut self) -> Replies {
        self.spare_replies.pop().unwrap_or_default()
    }

    /// These may leave.
    pub fn add(&mut self, mut replies: Replies) {
        for (part, range) in replies.ranges() {
            let group = self.group(&part.sink);
            group.frames.extend_from_slice(&replies.bytes[range]);
            match group.arrivals.last_mut() {
                Some(last) if last.received_us == part.arrival.received_us => {
                    last.calls += part.arrival.calls
                }
                _ => group.arrivals.push(part.arrival),
            }
        }
        if self.spare_replies.len() < SPARES_MAX && replies.bytes.capacity() <= SPARE_BYTES_MAX {
            replies.bytes.clear();
            replies.parts.clear();
            self.spare_replies.push(replies);
        }
    }

    fn group(&mut self, sink: &Arc<dyn ReplySink>) -> &mut Departure {
        let address = Arc::as_ptr(sink).cast::<()>() as usize;
        let place = *self.places.entry(address).or_insert_with(|| {
            let arrivals = self.spare_arrivals.pop().unwrap_or_default();
            self.groups.push(Departure { sink: sink.clone(), frames: sink.buffer(), arrivals });
            self.groups.len() - 1
        });
        &mut self.groups[place]
    }

    /// Off they go.
    pub fn send(&mut self) {
        self.places.clear();
        for Departure { sink, frames, mut arrivals } in self.groups.drain(..) {
            sink.send(frames, &arrivals);
            arrivals.clear();
            if self.spare_arrivals.len() < SPARES_MAX {
                self.spare_arrivals.push(arrivals);
            }
        }
    }
}

/// The handles of response frames that stand one after another: each behind a frame's length and version.
pub fn for_each_handle(mut frames: &[u8], mut each: impl FnMut(i64)) {
    while let Ok(Frame::Whole { body, rest }) = frame::split(frames) {
        let handle = body.get(1..9).expect("our own frames are whole");
        each(i64::from_be_bytes(handle.try_into().expect("eight bytes")));
        frames = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::volt::response::{Response, Tables};
    use parking_lot::Mutex;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Handles with their status, and how many calls were counted.
    type Message = (Vec<(i64, Status)>, Vec<Arrival>);

    /// What was sent.
    #[derive(Default)]
    struct Sink(Mutex<Vec<Message>>);

    impl ReplySink for Sink {
        fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]) {
            let mut answers = Vec::new();
            let mut rest = &frames[..];
            while let Ok(Frame::Whole { body, rest: after }) = frame::split(rest) {
                let response = Response::read(body).expect("a response");
                answers.push((response.handle, response.status));
                rest = after;
            }
            self.0.lock().push((answers, arrivals.to_vec()));
        }
    }

    /// Random calls of several connections in several blocks, some failing as a whole: each sink gets one
    /// message with all of its answers and as many arrivals, whatever was sent before from the same buffers.
    #[test]
    fn each_sink_gets_its_own_in_one_message() {
        let mut rng = SmallRng::seed_from_u64(4);
        let mut departures = Departures::default();
        let sinks: Vec<Arc<Sink>> = (0..5).map(|_| Arc::default()).collect();
        for round in 0..200 {
            let mut expected: Vec<Vec<(i64, Status, u64)>> = vec![Vec::new(); sinks.len()];
            for _ in 0..rng.random_range(1..4) {
                let mut replies = departures.spare();
                assert!(replies.is_empty() && replies.bytes.is_empty());
                let fails = rng.random_ratio(1, 4);
                let status = if fails { Status::ServerUnavailable } else { Status::Success };
                for _ in 0..rng.random_range(0..20) {
                    let (to, handle, at) =
                        (rng.random_range(0..sinks.len()), rng.random(), rng.random_range(0..3));
                    response::write_success(&mut replies.bytes, handle, Tables { count: 0, bytes: &[] });
                    let sink: Arc<dyn ReplySink> = sinks[to].clone();
                    replies.close_frame(&sink, at);
                    expected[to].push((handle, status, at));
                }
                let replies = if fails { replies.failed(status, "no") } else { replies };
                departures.add(replies);
            }
            departures.send();
            for (sink, expected) in sinks.iter().zip(expected) {
                let sent = std::mem::take(&mut *sink.0.lock());
                assert_eq!(sent.len(), usize::from(!expected.is_empty()), "round {round}");
                let Some((answers, arrivals)) = sent.into_iter().next() else { continue };
                assert!(
                    answers.iter().copied().eq(expected.iter().map(|(handle, status, _)| (*handle, *status)))
                );
                for at in 0..3 {
                    let counted: u32 = arrivals.iter().filter(|a| a.received_us == at).map(|a| a.calls).sum();
                    assert_eq!(counted as usize, expected.iter().filter(|(_, _, t)| *t == at).count());
                }
            }
        }
    }
}
