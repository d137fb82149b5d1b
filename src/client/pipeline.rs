//! Many calls under way on one connection. The caller's thread writes; one thread reads, and gives each reply
//! to a function together with what the caller noted about the call. At most a window of calls is unanswered;
//! then the caller waits.

use super::{
    ClientError, ServerAddress,
    connection::write_call,
    error::Malformed,
    slots::Slots,
    socket::{self, FrameBuffer},
};
use crate::{
    clock,
    wire::volt::{
        frame::FRAME_BYTES_MAX,
        invocation::{HANDLE_PUSH_PROCEDURES, HANDLE_PUSH_TOPOLOGY},
        response::Response,
    },
};
use parking_lot::{Condvar, Mutex};
use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tollgate_schema::codec::ParamWriter;

/// Calls are sent when this many bytes have gathered, at the latest.
const SEND_BYTES: usize = 64 << 10;

/// What a call came to.
pub struct Reply<'a> {
    /// `None`: the connection was lost before the answer came; the call may or may not have been done.
    pub response: Option<Response<'a>>,
    /// From the moment the call was meant to be sent until its answer was read.
    pub took: Duration,
}

struct Call<T> {
    tag: T,
    intended: Instant,
}

struct State<T> {
    calls: Slots<Call<T>>,
    /// Why no more replies come.
    ended: Option<Ended>,
    /// Whether calls were under way then.
    lost_calls: bool,
}

enum Ended {
    Io(io::Error),
    Malformed(Malformed),
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Told when calls have ended.
    room: Condvar,
}

/// See the module. Dropping it without [`Pipeline::finish`] closes the connection at once.
pub struct Pipeline<T> {
    stream: TcpStream,
    server: ServerAddress,
    shared: Arc<Shared<T>>,
    reader: Option<JoinHandle<()>>,
    out: Vec<u8>,
    parameters: Vec<u8>,
}

impl<T: Send + 'static> Pipeline<T> {
    /// Connects and logs in. `on_reply` runs on the reading thread and must not block: it gets the tag of
    /// each call and what the call came to, exactly once a call.
    pub fn open(
        server: &ServerAddress,
        window: u32,
        on_reply: impl FnMut(T, Reply<'_>) + Send + 'static,
    ) -> Result<Pipeline<T>, ClientError> {
        let (stream, server) = socket::log_in(server)?;
        let lost = |error| ClientError::Lost { server: server.clone(), error };
        let state = Mutex::new(State { calls: Slots::new(window), ended: None, lost_calls: false });
        let shared = Arc::new(Shared { state, room: Condvar::new() });
        let reading = stream.try_clone().map_err(lost)?;
        let thread = std::thread::Builder::new().name("replies".to_string());
        let for_reader = shared.clone();
        let reader = thread.spawn(move || read_replies(reading, &for_reader, on_reply)).map_err(lost)?;
        Ok(Pipeline { stream, server, shared, reader: Some(reader), out: Vec::new(), parameters: Vec::new() })
    }

    /// Makes a call, after waiting for room in the window. It is sent at [`Pipeline::flush`] or when enough
    /// has gathered. `intended`: when the call was due, from which its duration counts.
    pub fn call(
        &mut self,
        procedure: &str,
        tag: T,
        intended: Instant,
        fill: impl FnOnce(&mut ParamWriter<'_>),
    ) -> Result<(), ClientError> {
        let handle = self.admit(Call { tag, intended })?;
        let written = write_call(&mut self.out, &mut self.parameters, procedure, handle, fill);
        if written.is_err() {
            self.shared.state.lock().calls.take(handle);
        }
        written?;
        if self.out.len() >= SEND_BYTES { self.flush() } else { Ok(()) }
    }

    fn admit(&mut self, call: Call<T>) -> Result<i64, ClientError> {
        let call = match self.try_admit(call)? {
            Ok(handle) => return Ok(handle),
            Err(call) => call,
        };
        // What waits to be sent must be, or its replies would never make room.
        self.flush()?;
        let mut call = call;
        let mut state = self.shared.state.lock();
        loop {
            if let Some(ended) = &state.ended {
                return Err(self.ended(ended));
            }
            match state.calls.put(call) {
                Ok(handle) => return Ok(handle),
                Err(back) => call = back,
            }
            self.shared.room.wait(&mut state);
        }
    }

    fn try_admit(&self, call: Call<T>) -> Result<Result<i64, Call<T>>, ClientError> {
        let mut state = self.shared.state.lock();
        match &state.ended {
            Some(ended) => Err(self.ended(ended)),
            None => Ok(state.calls.put(call)),
        }
    }

    /// Sends what has gathered.
    pub fn flush(&mut self) -> Result<(), ClientError> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        sent.map_err(|error| {
            // Ends the reader too: it tells every call under way that it is lost.
            let _ = self.stream.shutdown(Shutdown::Both);
            ClientError::Lost { server: self.server.clone(), error }
        })
    }

    /// Calls that wait for their reply.
    pub fn waiting(&self) -> usize {
        self.shared.state.lock().calls.len()
    }

    /// Sends what has gathered and waits until every call is answered, at most this long. Then the connection
    /// is closed; calls still under way are told that they are lost, before this returns.
    pub fn finish(mut self, wait_max: Duration) -> Result<(), ClientError> {
        let flushed = self.flush();
        let deadline = clock::now() + wait_max;
        let mut state = self.shared.state.lock();
        while state.ended.is_none() && state.calls.len() > 0 {
            if self.shared.room.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        let outcome = match &state.ended {
            Some(ended) if state.lost_calls => Err(self.ended(ended)),
            None if state.calls.len() > 0 => Err(self.ended(&Ended::Io(io::ErrorKind::TimedOut.into()))),
            _ => Ok(()),
        };
        drop(state);
        self.close();
        flushed.and(outcome)
    }

    fn ended(&self, ended: &Ended) -> ClientError {
        let server = self.server.clone();
        match ended {
            Ended::Io(error) => {
                ClientError::Lost { server, error: io::Error::new(error.kind(), error.to_string()) }
            }
            Ended::Malformed(reason) => {
                let error = io::Error::new(io::ErrorKind::InvalidData, reason.to_string());
                ClientError::Lost { server, error }
            }
        }
    }
}

impl<T> Pipeline<T> {
    fn close(&mut self) {
        // The peer may have closed it already.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take()
            && let Err(panic) = reader.join()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl<T> Drop for Pipeline<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.close();
        }
    }
}

fn read_replies<T>(mut stream: TcpStream, shared: &Shared<T>, mut on_reply: impl FnMut(T, Reply<'_>)) {
    let mut frames = FrameBuffer::new(FRAME_BYTES_MAX);
    let ended = loop {
        let mut received = None;
        let read = frames.read_frames(&mut stream, |body| {
            let received = *received.get_or_insert_with(clock::now);
            let response = Response::read(body)?;
            if matches!(response.handle, HANDLE_PUSH_PROCEDURES | HANDLE_PUSH_TOPOLOGY) {
                return Ok(());
            }
            let call = shared.state.lock().calls.take(response.handle);
            let call = call.ok_or(Malformed::UnknownHandle(response.handle))?;
            let took = received.saturating_duration_since(call.intended);
            on_reply(call.tag, Reply { response: Some(response), took });
            Ok(())
        });
        match read {
            Ok(Ok(())) => shared.room.notify_one(),
            Ok(Err(malformed)) => break Ended::Malformed(malformed),
            Err(error) => break Ended::Io(error),
        };
    };
    let lost = {
        let mut state = shared.state.lock();
        let lost = state.calls.take_all();
        state.ended = Some(ended);
        state.lost_calls = !lost.is_empty();
        lost
    };
    let now = clock::now();
    for call in lost {
        let took = now.saturating_duration_since(call.intended);
        on_reply(call.tag, Reply { response: None, took });
    }
    shared.room.notify_all();
}

#[cfg(test)]
mod tests {
    use super::{super::testing, *};
    use crate::wire::volt::response::{self, Tables};
    use std::sync::mpsc;

    const WAIT: Duration = Duration::from_secs(30);

    #[test]
    fn every_call_gets_its_own_reply_though_they_come_in_another_order() {
        let mut held = Vec::new();
        let server = testing::serve(move |call, out| {
            held.push(call.handle);
            // Four at a time, the last one first.
            if held.len() == 4 {
                for handle in held.drain(..).rev() {
                    let text = handle.to_string();
                    response::Response {
                        status_text: Some(&text),
                        ..response::Response::success(handle, Tables::default())
                    }
                    .write(out);
                }
            }
            true
        });
        let (sender, replies) = mpsc::channel();
        let mut pipeline = Pipeline::open(&server, 8, move |tag: u32, reply| {
            let response = reply.response.expect("answered");
            assert_eq!(response.status_text, Some(response.handle.to_string().as_str()));
            sender.send(tag).unwrap();
        })
        .unwrap();
        for tag in 0..1000 {
            pipeline.call("P", tag, clock::now(), |_| ()).unwrap();
            assert!(pipeline.waiting() <= 8);
        }
        pipeline.finish(WAIT).unwrap();
        let mut tags: Vec<u32> = replies.iter().collect();
        tags.sort_unstable();
        assert_eq!(tags, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn calls_under_way_when_the_connection_ends_are_told() {
        let mut answered = 0;
        let server = testing::serve(move |call, out| {
            response::write_success(out, call.handle, Tables::default());
            answered += 1;
            answered < 10
        });
        let (sender, replies) = mpsc::channel();
        let mut pipeline = Pipeline::open(&server, 100, move |(), reply: Reply<'_>| {
            sender.send(reply.response.is_some()).unwrap();
        })
        .unwrap();
        let mut made = 0;
        let error = loop {
            let outcome = pipeline.call("P", (), clock::now(), |_| ()).and_then(|()| pipeline.flush());
            match outcome {
                Ok(()) => made += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ClientError::Lost { .. }), "{error}");
        drop(pipeline);
        let outcomes: Vec<bool> = replies.iter().collect();
        let done = outcomes.iter().filter(|done| **done).count();
        // The call that failed to go out may be among those that are told.
        assert!(outcomes.len() == made || outcomes.len() == made + 1, "{} of {made}", outcomes.len());
        assert!(done <= 10);
    }

    #[test]
    fn finish_gives_up_in_the_end() {
        let server = testing::serve(|_, _| true);
        let (sender, replies) = mpsc::channel();
        let mut pipeline = Pipeline::open(&server, 4, move |tag: u8, reply: Reply<'_>| {
            sender.send((tag, reply.response.is_none())).unwrap();
        })
        .unwrap();
        pipeline.call("P", 7, clock::now(), |_| ()).unwrap();
        let error = pipeline.finish(Duration::from_millis(20)).unwrap_err();
        assert!(matches!(error, ClientError::Lost { .. }));
        assert_eq!(replies.iter().collect::<Vec<_>>(), [(7, true)]);
    }

    #[test]
    fn nonsense_from_the_server_ends_it() {
        let server = testing::serve(|_, out| {
            out.extend_from_slice(&[0xff; 8]);
            true
        });
        let mut pipeline = Pipeline::open(&server, 1, |(), _: Reply<'_>| ()).unwrap();
        pipeline.call("P", (), clock::now(), |_| ()).unwrap();
        let error = pipeline.finish(WAIT).unwrap_err();
        assert!(error.to_string().contains("a frame of -1 bytes"), "{error}");
    }
}
