//! Peers that send too much, too little, or many things at once.

use super::{Client, Server};
use crate::limits;
use std::{io::Read, net::Shutdown};

#[test]
fn a_connection_is_kept_and_requests_may_be_pipelined() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = server.connect();
    let request = b"GET /api/v1/health HTTP/1.1\r\nHost: test\r\n\r\n";
    client.write(
        &[&request[..], &request[..], b"POST /api/v1/nothing HTTP/1.1\r\nHost: test\r\n\r\n"].concat(),
    );
    assert_eq!([client.read().status, client.read().status, client.read().status], [200, 200, 404]);
    assert_eq!(client.send("GET", "/api/v1/health", &[], b"").status, 200);
}

#[test]
fn a_body_is_bounded_whether_its_length_is_told_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let announced = format!(
        "POST /api/v1/procedures/Pay HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n",
        limits::HTTP_BODY_BYTES_MAX + 1
    );
    let mut client = server.connect();
    client.write(announced.as_bytes());
    assert_eq!(client.read().error().0, 413);

    let mut client = server.connect();
    client.write(b"POST /api/v1/procedures/Pay HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = [b"100000\r\n", &vec![b' '; 1 << 20][..], b"\r\n"].concat();
    client.write(&chunk);
    client.write(&chunk);
    client.write(b"1\r\n");
    client.write(b" ");
    assert_eq!(client.read().error().0, 413);
}

#[test]
fn what_is_not_http_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = server.connect();
    client.write(b"\0\0\0\x20SSH-2.0 what is this\r\n\r\n");
    assert_eq!(client.read().status, 400);
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2 * limits::HTTP_HEAD_BYTES_MAX));
    let mut client = server.connect();
    client.write(long.as_bytes());
    assert_eq!(client.read().status, 431);
    assert_eq!(server.get("/api/v1/health").status, 200);
}

#[test]
fn a_peer_that_only_stops_sending_gets_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = server.connect();
    client.write(b"GET /api/v1/health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read().status, 200);
    assert_eq!(client.stream.read(&mut [0]).unwrap(), 0, "the server hangs up after it");
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    // A call that waits for the log: that no more comes is known long before its answer.
    let mut client = server.connect();
    let body = r#"{"parameters":[1,3]}"#;
    let head = format!(
        "POST /api/v1/procedures/Pay HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    client.write(&[head.as_bytes(), body.as_bytes()].concat());
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read().status, 200);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::with(directory.path(), |config| config.limits.connections = 2);
    let mut kept = [server.connect(), server.connect()];
    // Both are in use once they have an answer; the harness's own may still be counted before that.
    let mut third = loop {
        if kept.iter_mut().all(|client| client.send("GET", "/api/v1/health", &[], b"").status == 200) {
            break server.connect();
        }
        kept = [server.connect(), server.connect()];
    };
    assert_eq!(third.read().error().0, 503);
    drop(third);
    let [one, _other] = kept;
    drop(one);
    while Client::to(server.address()).send("GET", "/api/v1/health", &[], b"").status != 200 {}
}
