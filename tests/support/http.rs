//! HTTP/1.1 by hand: a request on a connection of its own, so that nothing of the product's own dependencies
//! stands between a test and what the server sends.

use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::wait;

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {:?}", self.body))
    }
}

pub(crate) fn get(server: SocketAddr, path: &str) -> io::Result<Reply> {
    exchange(server, &format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn post(server: SocketAddr, path: &str, content_type: &str, body: &str) -> io::Result<Reply> {
    post_with(server, path, &format!("Content-Type: {content_type}"), body)
}

/// With headers of the caller's choice, CR LF between them.
pub(crate) fn post_with(server: SocketAddr, path: &str, headers: &str, body: &str) -> io::Result<Reply> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{headers}\r\n");
    exchange(server, &format!("{head}Content-Length: {length}\r\n\r\n{body}"))
}

fn exchange(server: SocketAddr, request: &str) -> io::Result<Reply> {
    let mut connection = TcpStream::connect(server)?;
    connection.set_read_timeout(Some(wait::PATIENCE))?;
    connection.write_all(request.as_bytes())?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("not a reply over HTTP: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(bad)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { joined(body).ok_or_else(bad)? } else { body.to_string() };
    Ok(Reply { status, body })
}

/// A body that came in chunks, each after its length in hexadecimal.
fn joined(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n")?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..length)?);
        body = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

#[test]
fn chunks_are_joined() {
    assert_eq!(joined("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n").as_deref(), Some("abc0123456789"));
    assert_eq!(joined("5\r\nabc"), None);
}
