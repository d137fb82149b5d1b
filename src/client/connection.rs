//! One call at a time.

use super::{
    Answer, ClientError, ServerAddress,
    error::Malformed,
    socket::{self, FrameBuffer},
};
use crate::wire::volt::{
    frame::FRAME_BYTES_MAX,
    invocation::{HANDLE_PUSH_PROCEDURES, HANDLE_PUSH_TOPOLOGY, Invocation},
    response::Response,
};
use std::{io::Write, net::TcpStream};
use tollgate_schema::{codec::ParamWriter, value::Value};

/// A connection that is logged in.
pub struct Connection {
    stream: TcpStream,
    server: ServerAddress,
    frames: FrameBuffer,
    request: Vec<u8>,
    parameters: Vec<u8>,
    next_handle: i64,
}

impl Connection {
    /// Connects and logs in. The port is 21212 unless the address has one.
    pub fn open(server: &ServerAddress) -> Result<Connection, ClientError> {
        let (stream, server) = socket::log_in(server)?;
        let frames = FrameBuffer::new(FRAME_BYTES_MAX);
        Ok(Connection { stream, server, frames, request: Vec::new(), parameters: Vec::new(), next_handle: 1 })
    }

    /// Where it is connected to.
    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// Calls a procedure and waits for its answer, whatever its status.
    pub fn call(&mut self, procedure: &str, parameters: &[Value]) -> Result<Answer, ClientError> {
        self.call_with(procedure, |params| {
            for value in parameters {
                params.put_value(value);
            }
        })
    }

    /// As [`Connection::call`], with the parameters that `fill` puts.
    pub fn call_with(
        &mut self,
        procedure: &str,
        fill: impl FnOnce(&mut ParamWriter<'_>),
    ) -> Result<Answer, ClientError> {
        let handle = self.next_handle;
        self.next_handle += 1;
        self.request.clear();
        write_call(&mut self.request, &mut self.parameters, procedure, handle, fill)?;
        self.stream.write_all(&self.request).map_err(|error| self.lost(error))?;
        loop {
            let frame = self.frames.next_frame(&mut self.stream);
            let server = &self.server;
            let body = frame
                .map_err(|error| ClientError::Lost { server: server.clone(), error })?
                .map_err(|reason| malformed(server, reason))?;
            let response = Response::read(body).map_err(|error| malformed(server, error.into()))?;
            match response.handle {
                answered if answered == handle => {
                    return Answer::of(&response).map_err(|reason| malformed(server, reason));
                }
                HANDLE_PUSH_PROCEDURES | HANDLE_PUSH_TOPOLOGY => {}
                unknown => return Err(malformed(server, Malformed::UnknownHandle(unknown))),
            }
        }
    }

    fn lost(&self, error: std::io::Error) -> ClientError {
        ClientError::Lost { server: self.server.clone(), error }
    }
}

fn malformed(server: &ServerAddress, reason: Malformed) -> ClientError {
    ClientError::Malformed { server: server.clone(), reason }
}

/// Appends a call's frame, with `parameters` as a place to work in; nothing is appended if it would be longer
/// than a frame can be.
pub(super) fn write_call(
    out: &mut Vec<u8>,
    parameters: &mut Vec<u8>,
    procedure: &str,
    handle: i64,
    fill: impl FnOnce(&mut ParamWriter<'_>),
) -> Result<(), ClientError> {
    parameters.clear();
    let mut writer = ParamWriter::new(parameters);
    fill(&mut writer);
    writer.finish();
    let bytes = parameters.len() + procedure.len() + CALL_HEAD_BYTES_MAX;
    if bytes > FRAME_BYTES_MAX {
        return Err(ClientError::TooLong { procedure: procedure.to_string(), bytes });
    }
    Invocation::new(procedure, handle, parameters).write(out);
    Ok(())
}

/// Everything of a call's frame but name and parameters.
const CALL_HEAD_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{super::testing, *};
    use crate::wire::volt::{
        response::{self, Tables},
        status::Status,
    };
    use std::{
        io::Read,
        net::{TcpListener, TcpStream},
    };
    use tollgate_schema::codec::ParamReader;

    #[test]
    fn calls_one_by_one_whatever_is_pushed_between() {
        let server = testing::serve(|call, out| {
            response::write_success(out, HANDLE_PUSH_TOPOLOGY, Tables::default());
            let mut params = ParamReader::new(call.params).unwrap();
            let text = format!("{} of {} parameters", call.name, params.by_ref().count());
            response::write_failure(out, call.handle, Status::UserAbort, &text);
            true
        });
        let mut connection = Connection::open(&server).unwrap();
        for count in 0..3 {
            let answer = connection.call("P", &vec![Value::TinyInt(1); count]).unwrap();
            assert_eq!(answer.status, Status::UserAbort);
            assert_eq!(answer.status_text, format!("P of {count} parameters"));
        }
    }

    fn message(result: Result<impl Sized, ClientError>) -> String {
        result.err().expect("it fails").to_string()
    }

    #[test]
    fn nothing_listens() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = message(Connection::open(&free.into()));
        assert_eq!(
            text,
            format!(
                "nothing listens on {free}; start a server there with `tollgate serve`, or name another with --server"
            )
        );
    }

    #[test]
    fn another_protocol_listens() {
        let server = testing::listen(|mut stream: TcpStream| {
            stream.read_exact(&mut [0; 8]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let text = message(Connection::open(&server));
        assert!(text.contains("does not speak the VoltDB protocol"), "{text}");
    }

    #[test]
    fn the_server_goes_away_or_answers_nonsense() {
        let server = testing::serve(|_, _| false);
        let mut connection = Connection::open(&server).unwrap();
        let text = message(connection.call("P", &[]));
        assert!(text.contains("was lost"), "{text}");

        let server = testing::serve(|call, out| {
            response::write_success(out, call.handle + 1, Tables::default());
            true
        });
        let mut connection = Connection::open(&server).unwrap();
        let text = message(connection.call("P", &[]));
        assert!(text.contains("a call that was not made"), "{text}");
    }

    #[test]
    fn a_call_longer_than_a_frame_is_not_sent() {
        let server = testing::serve(|call, out| {
            response::write_success(out, call.handle, Tables::default());
            true
        });
        let mut connection = Connection::open(&server).unwrap();
        let text = message(connection.call("P", &[Value::Varbinary(vec![0; FRAME_BYTES_MAX])]));
        assert!(text.contains("at most 50 MiB"), "{text}");
        assert!(connection.call("P", &[]).unwrap().is_success(), "the connection is as good as before");
    }
}
