//! A socket and bytes: the protocol as research found it, written down here once more so that a fault in the
//! product's own codec isn't hidden by using it on both sides.

use crate::support::{Server, wait};
use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

pub(super) fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.volt).expect("the server listens");
    socket.set_read_timeout(Some(wait::PATIENCE)).expect("a time that isn't zero");
    socket.set_nodelay(true).expect("a socket of TCP");
    socket
}

/// A connection that is logged in.
pub(super) fn log_in(server: &Server) -> TcpStream {
    let mut socket = connect(server);
    socket.write_all(&framed(&login())).expect("the server reads");
    let reply = read_frame(&mut socket).expect("a reply to a login").expect("the server does not hang up");
    assert_eq!(reply[..2], [0, 0], "logged in");
    socket
}

/// Version 1, SHA-256 of no password, service `database`, no user.
pub(super) fn login() -> Vec<u8> {
    let mut body = vec![1, 1];
    text(&mut body, "database");
    text(&mut body, "");
    body.extend([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);
    body
}

/// A call with its parameters as bytes: their count, and each with its type in front.
pub(super) fn call(name: &str, handle: i64, parameters: &[u8]) -> Vec<u8> {
    let mut body = vec![0];
    text(&mut body, name);
    body.extend(handle.to_be_bytes());
    body.extend(parameters);
    body
}

/// One parameter: a STRING.
pub(super) fn one_text(value: &str) -> Vec<u8> {
    let mut parameters = vec![0, 1, 9];
    text(&mut parameters, value);
    parameters
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(i32::try_from(text.len()).expect("a short text").to_be_bytes());
    out.extend(text.as_bytes());
}

pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).expect("a short body");
    [&length.to_be_bytes(), body].concat()
}

/// The next frame; `None` when the server has closed the connection.
pub(super) fn read_frame(socket: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match socket.read_exact(&mut length) {
        Err(e) if closed(&e) => return Ok(None),
        other => other?,
    }
    let mut body = vec![0; usize::try_from(i32::from_be_bytes(length)).expect("a length")];
    match socket.read_exact(&mut body) {
        Err(e) if closed(&e) => Ok(None),
        other => other.map(|()| Some(body)),
    }
}

fn closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// Handle, status and text of a response that has no tables.
pub(super) fn response(body: &[u8]) -> (i64, i8, String) {
    let handle = i64::from_be_bytes(body[1..9].try_into().expect("eight bytes"));
    let (fields, status) = (body[9], body[10] as i8);
    if fields & 0x20 == 0 {
        return (handle, status, String::new());
    }
    let length = i32::from_be_bytes(body[11..15].try_into().expect("four bytes"));
    let end = 15 + usize::try_from(length).unwrap_or(0);
    (handle, status, String::from_utf8_lossy(&body[15..end]).into_owned())
}

/// Whether the server closes the connection, whatever it says before that.
pub(super) fn is_closed_by_server(socket: &mut TcpStream) -> bool {
    loop {
        match read_frame(socket) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(e) => {
                assert!(matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{e}");
                return false;
            }
        }
    }
}
