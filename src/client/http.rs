//! One request over HTTP/1.1: `GET`, answered with a bounded body. Enough for our own server's JSON.

use super::{ClientError, ServerAddress, address::HTTP_PORT, socket};
use std::{
    io::{Read, Write},
    time::Duration,
};

/// A longer answer than this is refused.
const RESPONSE_BYTES_MAX: u64 = 64 << 20;
/// A server that sends nothing for this long is given up.
const READ_MAX: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Bytes that are no answer over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("the answer over HTTP has no {0}")]
    Missing(&'static str),
    #[error("the answer over HTTP has a malformed {0}")]
    Malformed(&'static str),
    #[error("the answer over HTTP was cut short")]
    Cut,
    #[error("the answer over HTTP is longer than 64 MiB")]
    TooLong,
}

/// Asks for a path, which begins with `/`. The port is 8080 unless the address has one.
pub fn get(server: &ServerAddress, path: &str) -> Result<HttpAnswer, ClientError> {
    assert!(path.starts_with('/') && !path.contains(['\r', '\n', ' ']), "a path, escaped: {path:?}");
    let mut stream = socket::connect(server, HTTP_PORT)?;
    let server = server.with_default_port(HTTP_PORT);
    let lost = |error| ClientError::Lost { server: server.clone(), error };
    stream.set_read_timeout(Some(READ_MAX)).map_err(lost)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(lost)?;
    let mut bytes = Vec::new();
    stream.take(RESPONSE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(lost)?;
    let answer =
        if bytes.len() as u64 > RESPONSE_BYTES_MAX { Err(HttpError::TooLong) } else { parse(&bytes) };
    answer.map_err(|error| ClientError::NotAServer { server: server.clone(), reason: error.to_string() })
}

/// Escapes a part of a path or of a query.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Reads an answer, complete up to the end of the stream.
fn parse(bytes: &[u8]) -> Result<HttpAnswer, HttpError> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or(HttpError::Missing("headers"))?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| HttpError::Malformed("header"))?;
    let body = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.get(2..5)?.parse().ok())
        .ok_or(HttpError::Missing("status"))?;
    let mut length = None;
    let mut chunked = false;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(HttpError::Malformed("header"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let parsed: usize = value.parse().map_err(|_| HttpError::Malformed("content-length"))?;
            length = Some(parsed);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        }
    }
    let body = match length {
        _ if chunked => unchunk(body)?,
        Some(length) => body.get(..length).ok_or(HttpError::Cut)?.to_vec(),
        None => body.to_vec(),
    };
    Ok(HttpAnswer { status, body })
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").ok_or(HttpError::Cut)?;
        let size = std::str::from_utf8(&rest[..end]).ok();
        let size = size.and_then(|line| usize::from_str_radix(line.split(';').next()?.trim(), 16).ok());
        let size = size.ok_or(HttpError::Malformed("chunk size"))?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..size).ok_or(HttpError::Cut)?);
        rest = rest[size..].strip_prefix(b"\r\n").ok_or(HttpError::Cut)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n";

    #[test]
    fn answers() {
        assert_eq!(parse(PLAIN), Ok(HttpAnswer { status: 200, body: b"{}".to_vec() }));
        assert_eq!(parse(CHUNKED), Ok(HttpAnswer { status: 404, body: b"abcde".to_vec() }));
        let until_the_end = b"HTTP/1.0 200 OK\r\n\r\nall of it";
        assert_eq!(parse(until_the_end).unwrap().body, b"all of it");
    }

    #[test]
    fn what_is_no_answer() {
        assert_eq!(parse(&PLAIN[..PLAIN.len() - 1]), Err(HttpError::Cut));
        assert_eq!(parse(&CHUNKED[..60]), Err(HttpError::Cut));
        assert_eq!(parse(b"SSH-2.0\r\n\r\n"), Err(HttpError::Missing("status")));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), Err(HttpError::Missing("headers")));
        let wrong = b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n";
        assert_eq!(parse(wrong), Err(HttpError::Malformed("content-length")));
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        let mut rng = SmallRng::seed_from_u64(4);
        let mut errors = 0;
        for n in 0..20_000 {
            let mut bytes = [PLAIN, CHUNKED][n % 2].to_vec();
            for _ in 0..rng.random_range(1..5) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = if rng.random() {
                    rng.random()
                } else {
                    b"0123456789abcdef\r\n"[rng.random_range(0..18)]
                };
            }
            bytes.truncate(rng.random_range(0..=bytes.len()));
            errors += parse(&bytes).is_err() as u32;
        }
        assert!(errors > 5_000, "most mutations break the answer, {errors} did");
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(escape("card_alert-export"), "card_alert-export");
        assert_eq!(escape("a b/é\r\n"), "a%20b%2F%C3%A9%0D%0A");
    }
}
