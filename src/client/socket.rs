//! Connecting and logging in; reading frames from a blocking socket.

use super::{ClientError, ServerAddress, address::VOLT_PORT, error::Malformed};
use crate::wire::volt::{
    frame::{self, Frame},
    login::{LoginReply, LoginRequest},
};
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// A server that does not answer the first packet within this is unreachable.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A server that does not answer the login within this is none.
const LOGIN_MAX: Duration = Duration::from_secs(10);
/// A login reply is about fifty bytes; what claims more is another protocol.
const LOGIN_REPLY_BYTES_MAX: usize = 4096;

/// A connection over TCP to the first address of the host that answers.
pub(super) fn connect(server: &ServerAddress, default_port: u16) -> Result<TcpStream, ClientError> {
    let addresses = (server.host(), server.port_or(default_port))
        .to_socket_addrs()
        .map_err(|error| ClientError::UnknownHost { server: server.clone(), error })?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    let server = server.with_default_port(default_port);
    Err(match last.kind() {
        io::ErrorKind::ConnectionRefused => ClientError::NothingListens(server),
        _ => ClientError::Unreachable { server, error: last },
    })
}

/// A connection to the Volt port, logged in.
pub(super) fn log_in(server: &ServerAddress) -> Result<(TcpStream, ServerAddress), ClientError> {
    let mut stream = connect(server, VOLT_PORT)?;
    let server = server.with_default_port(VOLT_PORT);
    match exchange_login(&mut stream, &server) {
        Ok(()) => Ok((stream, server)),
        Err(LoginError::Io(error)) if is_timeout(&error) => {
            Err(ClientError::NotAServer { server, reason: "no answer to the login".to_string() })
        }
        Err(LoginError::Io(error)) => Err(ClientError::Lost { server, error }),
        Err(LoginError::Client(error)) => Err(error),
    }
}

enum LoginError {
    Io(io::Error),
    Client(ClientError),
}

impl From<io::Error> for LoginError {
    fn from(error: io::Error) -> LoginError {
        LoginError::Io(error)
    }
}

fn exchange_login(stream: &mut TcpStream, server: &ServerAddress) -> Result<(), LoginError> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOGIN_MAX))?;
    let mut request = Vec::new();
    LoginRequest::write(&mut request, "", "");
    stream.write_all(&request)?;
    let mut frames = FrameBuffer::new(LOGIN_REPLY_BYTES_MAX);
    let not_a_server =
        |reason: String| LoginError::Client(ClientError::NotAServer { server: server.clone(), reason });
    let body = match frames.next_frame(stream)? {
        Ok(body) => body,
        Err(error) => return Err(not_a_server(error.to_string())),
    };
    LoginReply::read(body)
        .map_err(|failure| LoginError::Client(ClientError::Login { server: server.clone(), failure }))?;
    stream.set_read_timeout(None)?;
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Received bytes, and where the next frame in them begins.
pub(super) struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    frame_bytes_max: usize,
}

/// Read at once where the socket has that much.
const READ_BYTES: usize = 256 << 10;

impl FrameBuffer {
    /// `frame_bytes_max`: a longer frame than this is malformed, whatever the protocol allows.
    pub(super) fn new(frame_bytes_max: usize) -> FrameBuffer {
        FrameBuffer { bytes: Vec::new(), start: 0, end: 0, frame_bytes_max }
    }

    /// The next frame's body, after reading as much as it takes. An end of the stream is an error.
    pub(super) fn next_frame(&mut self, stream: &mut impl Read) -> io::Result<Result<&[u8], Malformed>> {
        loop {
            match self.buffered() {
                Ok(Some(range)) => return Ok(Ok(&self.bytes[range])),
                Ok(None) => self.fill(stream)?,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// The next frame's place in the buffer if all of it is there; it is taken off.
    fn buffered(&mut self) -> Result<Option<std::ops::Range<usize>>, Malformed> {
        let received = &self.bytes[self.start..self.end];
        match frame::split(received)? {
            Frame::Whole { body, .. } => {
                let from = self.start + (received.len().min(4));
                let range = from..from + body.len();
                self.start = range.end;
                Ok(Some(range))
            }
            Frame::Partial { missing } => {
                let whole = received.len() + missing;
                if whole > self.frame_bytes_max.saturating_add(4) {
                    let length = i32::try_from(whole - 4).unwrap_or(i32::MAX);
                    return Err(Malformed::Frame(frame::FrameError { length }));
                }
                Ok(None)
            }
        }
    }

    /// All frames that are there after one read, each given to `each`. An end of the stream is an error.
    pub(super) fn read_frames(
        &mut self,
        stream: &mut impl Read,
        mut each: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> io::Result<Result<(), Malformed>> {
        self.fill(stream)?;
        loop {
            match self.buffered() {
                Ok(Some(range)) => {
                    if let Err(error) = each(&self.bytes[range]) {
                        return Ok(Err(error));
                    }
                }
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn fill(&mut self, stream: &mut impl Read) -> io::Result<()> {
        self.make_room();
        loop {
            match stream.read(&mut self.bytes[self.end..]) {
                Ok(0) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed it"));
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves what is left to the front; grows only after a buffer's worth of a frame has really arrived.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize((self.bytes.len() * 2).max(READ_BYTES), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], SmallRng);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.random_range(1..=7).min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn frames_come_whole_however_they_arrive() {
        let mut rng = SmallRng::seed_from_u64(1);
        let bodies: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; rng.random_range(1..50)]).collect();
        let mut bytes = Vec::new();
        for body in &bodies {
            let start = frame::begin(&mut bytes);
            bytes.extend_from_slice(body);
            frame::end(&mut bytes, start);
        }
        let mut buffer = FrameBuffer::new(1000);
        let mut stream = Trickle(&bytes, SmallRng::seed_from_u64(2));
        let (some, rest) = bodies.split_at(100);
        for body in some {
            assert_eq!(buffer.next_frame(&mut stream).unwrap().unwrap(), body);
        }
        let mut taken = Vec::new();
        while taken.len() < rest.len() {
            let frames = buffer.read_frames(&mut stream, |body| {
                taken.push(body.to_vec());
                Ok(())
            });
            frames.unwrap().unwrap();
        }
        assert_eq!(taken, rest);
        let ended = buffer.next_frame(&mut stream).unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_length_beyond_the_bound_is_not_waited_for() {
        for bytes in [&b"HTTP/1.1 400 Bad Request"[..], &[0, 0, 3, 233, 0], &[0, 0, 0, 0]] {
            let mut buffer = FrameBuffer::new(1000);
            let frame = buffer.next_frame(&mut &bytes[..]).unwrap();
            assert!(matches!(frame, Err(Malformed::Frame(_))), "{bytes:?}");
        }
    }
}
