//! Replies that wait: they were computed on state that is not committed yet, so they leave with the block that makes
//! it so. Order between calls of one connection is not promised; the handle tells them apart.

use crate::{
    call::ReplySink,
    wire::volt::{
        frame::{self, Frame},
        response,
        status::Status,
    },
};
use std::sync::Arc;

/// Response frames for any number of connections, in the order the calls ran.
#[derive(Default)]
pub struct Replies {
    pub bytes: Vec<u8>,
    parts: Vec<Part>,
}

struct Part {
    sink: Arc<dyn ReplySink>,
    end: usize,
    calls: u32,
    received_us: u64,
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
            Some(last) if last.received_us == received_us && Arc::ptr_eq(&last.sink, sink) => {
                last.end = end;
                last.calls += 1;
            }
            _ => self.parts.push(Part { sink: sink.clone(), end, calls: 1, received_us }),
        }
    }

    /// Appends another's frames.
    pub fn append(&mut self, other: Replies) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.parts.extend(other.parts.into_iter().map(|part| Part { end: part.end + offset, ..part }));
    }

    /// Sends everything as it is.
    pub fn send(mut self) {
        if let [only] = &self.parts[..] {
            only.sink.send(std::mem::take(&mut self.bytes), only.calls, only.received_us);
            return;
        }
        let mut start = 0;
        for part in &self.parts {
            part.sink.send(self.bytes[start..part.end].to_vec(), part.calls, part.received_us);
            start = part.end;
        }
    }

    /// What the frames say did not come to be: sends each call `status` and `text` in their place.
    pub fn send_failure(self, status: Status, text: &str) {
        let mut failed = Replies::default();
        let mut start = 0;
        for part in self.parts {
            for_each_handle(&self.bytes[start..part.end], |handle| {
                response::write_failure(&mut failed.bytes, handle, status, text);
                failed.close_frame(&part.sink, part.received_us);
            });
            start = part.end;
        }
        failed.send();
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
