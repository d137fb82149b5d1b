//! A one-request HTTP client for the node's `/metrics` and its admin calls. It asks for the connection to be
//! closed after the answer, so that the end of the stream is the end of the body.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// Larger answers are not ours.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// Sends a request without a body and returns the answer's body; any status but 2xx is an error with its
/// text.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    limit: Duration,
) -> anyhow::Result<String> {
    let mut socket =
        TcpStream::connect(address).with_context(|| format!("connecting to http://{address}"))?;
    socket.set_read_timeout(Some(limit))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    socket.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).with_context(|| format!("{method} {path}"))?;
    body_of(&String::from_utf8_lossy(&answer)).with_context(|| format!("{method} {path}"))
}

fn body_of(answer: &str) -> anyhow::Result<String> {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("the answer has no end of headers") };
    let status = head.split_whitespace().nth(1).unwrap_or("");
    ensure!(status.starts_with('2'), "status {status}: {body}");
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    if chunked { dechunked(body) } else { Ok(body.to_owned()) }
}

fn dechunked(mut rest: &str) -> anyhow::Result<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").context("a chunk without a size")?;
        let size = usize::from_str_radix(size.trim(), 16).context("a chunk's size")?;
        if size == 0 {
            return Ok(body);
        }
        body.push_str(after.get(..size).context("a chunk shorter than its size")?);
        rest = after.get(size + 2..).context("a chunk without an end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_found_plain_and_chunked() {
        assert_eq!(body_of("HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello").unwrap(), "hello");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        assert_eq!(body_of(chunked).unwrap(), "hello");
        assert!(body_of("HTTP/1.1 503 Busy\r\n\r\nlater").unwrap_err().to_string().contains("later"));
        assert!(dechunked("ff\r\nshort").is_err());
    }
}
