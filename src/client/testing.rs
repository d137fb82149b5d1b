//! A server for tests: logs clients in and answers each call as a function says.

use super::{ServerAddress, socket::FrameBuffer};
use crate::wire::volt::{
    frame::FRAME_BYTES_MAX,
    invocation::Invocation,
    login::{LoginReply, LoginRequest},
};
use parking_lot::Mutex;
use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    sync::Arc,
};

/// Serves one connection. `answer` appends whatever it likes to say; `false` closes the connection.
pub(crate) fn serve(
    answer: impl FnMut(&Invocation<'_>, &mut Vec<u8>) -> bool + Send + 'static,
) -> ServerAddress {
    serve_many(1, answer)
}

/// Serves so many connections, each on a thread of its own.
pub(crate) fn serve_many(
    connections: usize,
    answer: impl FnMut(&Invocation<'_>, &mut Vec<u8>) -> bool + Send + 'static,
) -> ServerAddress {
    let answer = Arc::new(Mutex::new(answer));
    listen_many(connections, move |mut stream| {
        let mut frames = FrameBuffer::new(FRAME_BYTES_MAX);
        let login = frames.next_frame(&mut stream).unwrap().unwrap();
        LoginRequest::read(login).unwrap();
        let mut out = Vec::new();
        let reply = LoginReply {
            host_id: 0,
            connection_id: 1,
            cluster_start_ms: 2,
            leader_address: [127, 0, 0, 1],
            build: "test",
        };
        reply.write(&mut out);
        stream.write_all(&out).unwrap();
        while let Ok(frame) = frames.next_frame(&mut stream) {
            out.clear();
            let goes_on = answer.lock()(&Invocation::read(frame.unwrap()).unwrap(), &mut out);
            if stream.write_all(&out).is_err() || !goes_on {
                break;
            }
        }
    })
}

/// Gives one connection to `with`, on a thread of its own.
pub(crate) fn listen(with: impl Fn(TcpStream) + Send + Sync + 'static) -> ServerAddress {
    listen_many(1, with)
}

fn listen_many(connections: usize, with: impl Fn(TcpStream) + Send + Sync + 'static) -> ServerAddress {
    let with = Arc::new(with);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for _ in 0..connections {
            let (stream, with) = (listener.accept().unwrap().0, with.clone());
            std::thread::spawn(move || with(stream));
        }
    });
    address.into()
}
