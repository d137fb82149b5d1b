//! A connection that can send what the product's own client never does: calls with options, many at once.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use tollgate::{
    client::Answer,
    wire::volt::{
        frame::{self, Frame},
        invocation::Invocation,
        login::LoginRequest,
        response::Response,
    },
};

pub(super) struct RawConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl RawConnection {
    pub(super) fn open(address: SocketAddr) -> RawConnection {
        let mut stream = TcpStream::connect(address).expect("the server takes connections");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit that is not zero");
        let mut login = Vec::new();
        LoginRequest::write(&mut login, "", "");
        stream.write_all(&login).expect("the server reads");
        let mut connection = RawConnection { stream, buffer: Vec::new() };
        connection.frame();
        connection
    }

    pub(super) fn send(&mut self, call: &Invocation<'_>) {
        let mut bytes = Vec::new();
        call.write(&mut bytes);
        self.stream.write_all(&bytes).expect("the server reads");
    }

    /// The next response, with its handle.
    pub(super) fn receive(&mut self) -> (i64, Answer) {
        let body = self.frame();
        let response = Response::read(&body).expect("a response");
        (response.handle, Answer::of(&response).expect("tables that read back"))
    }

    pub(super) fn call(&mut self, call: &Invocation<'_>) -> Answer {
        self.send(call);
        let (handle, answer) = self.receive();
        assert_eq!(handle, call.handle);
        answer
    }

    fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Ok(Frame::Whole { body, rest }) = frame::split(&self.buffer) {
                let (body, rest) = (body.to_vec(), rest.to_vec());
                self.buffer = rest;
                return body;
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).expect("the server answers in time");
            assert!(count > 0, "the server hung up");
            self.buffer.extend_from_slice(&bytes[..count]);
        }
    }
}
