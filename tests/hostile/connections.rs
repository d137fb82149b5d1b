//! Connections that are slow, silent, half closed, or very many.

use super::{raw, resident_bytes, under_attack};
use crate::support::{Server, files, http, wait};
use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};
use tollgate_schema::value::Value;

/// Connections that the server has, as it says itself.
fn connections(server: &Server) -> usize {
    let mut connection = server.connect();
    let arguments = [Value::Varchar("LIVECLIENTS".to_string()), Value::TinyInt(0)];
    let answer = connection.call("@Statistics", &arguments).unwrap();
    assert!(answer.is_success(), "{}", answer.status_text);
    answer.into_first_table().rows.len()
}

/// The server lets go of connections that are over; the ordinary caller and the one that asks remain.
fn only_the_honest_remain(server: &Server) {
    let remain = wait::until(|| (connections(server) <= 3).then_some(()));
    assert!(remain.is_some(), "{} connections are left", connections(server));
}

#[test]
fn a_thousand_idle_connections() {
    files::allow_open(4096);
    under_attack(|server| {
        let mut idle: Vec<TcpStream> = (0..1000).map(|_| raw::log_in(server)).collect();
        assert!(connections(server) >= 1000);
        // None of them is forgotten, either.
        for socket in idle.iter_mut().step_by(97) {
            socket.write_all(&raw::framed(&raw::call("@Ping", 5, &[0, 0]))).unwrap();
            assert!(raw::read_frame(socket).unwrap().is_some());
        }
        drop(idle);
        only_the_honest_remain(server);
    });
}

/// A hundred callers log in one byte at a time, and never come to the end; then the server's patience is
/// over.
#[test]
fn logins_that_never_end() {
    under_attack(|server| {
        let mut callers: Vec<TcpStream> = (0..100).map(|_| raw::connect(server)).collect();
        let login = raw::framed(&raw::login());
        for byte in &login[..20] {
            for socket in &mut callers {
                socket.write_all(&[*byte]).unwrap();
            }
            wait::pause(Duration::from_millis(20));
        }
        // Logins that do come to their end are not held up.
        raw::log_in(server);
        for socket in &mut callers {
            assert!(raw::is_closed_by_server(socket), "a login has half a minute");
        }
    });
}

#[test]
fn calls_that_never_end() {
    under_attack(|server| {
        let mut callers: Vec<TcpStream> = (0..100).map(|_| raw::log_in(server)).collect();
        let call = raw::framed(&raw::call("@AdHoc", 1, &raw::one_text("SELECT COUNT(*) FROM stations")));
        for byte in &call[..call.len() - 1] {
            for socket in &mut callers {
                socket.write_all(&[*byte]).unwrap();
            }
        }
        // Each of them is answered as soon as its last byte is there.
        for socket in &mut callers {
            socket.write_all(&call[call.len() - 1..]).unwrap();
            assert!(raw::read_frame(socket).unwrap().is_some());
        }
    });
}

#[test]
fn half_closed_connections() {
    under_attack(|server| {
        let ping = raw::framed(&raw::call("@Ping", 3, &[0, 0]));
        for n in 0..200 {
            let mut socket = raw::log_in(server);
            // Some in the middle of a call, some after one.
            socket.write_all(if n % 2 == 0 { &ping[..7] } else { &ping }).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            assert!(raw::is_closed_by_server(&mut socket), "there is nobody to answer");
        }
        only_the_honest_remain(server);
    });
}

/// Callers ask for more and more, and read nothing: the server stops reading them, and keeps its memory.
#[test]
fn callers_that_never_read() {
    under_attack(|server| {
        let before = resident_bytes(server);
        let call = raw::framed(&raw::call("@SystemCatalog", 1, &raw::one_text("COLUMNS"))).repeat(100);
        let callers: Vec<TcpStream> = (0..8)
            .map(|_| {
                let mut socket = raw::log_in(server);
                socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
                let stuck = (0..10_000).find_map(|_| socket.write_all(&call).err());
                let stuck = stuck.expect("the server stops reading a caller that does not read");
                let kind = stuck.kind();
                assert!(matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{stuck}");
                socket
            })
            .collect();
        let grown = resident_bytes(server).saturating_sub(before);
        assert!(grown < 1 << 30, "{} MiB for callers that do not read", grown >> 20);
        drop(callers);
        only_the_honest_remain(server);
    });
}

#[test]
fn connections_that_come_and_go() {
    under_attack(|server| {
        for n in 0..1000 {
            let mut socket = raw::connect(server);
            if n % 2 == 0 {
                let _ = socket.write_all(&raw::framed(&raw::login())[..n % 50]);
            }
        }
        only_the_honest_remain(server);
    });
}

#[test]
fn one_connection_more_than_allowed() {
    let more = "[limits]\nconnections = 20\n";
    let server = Server::with(&crate::support::Settings { more, ..Default::default() });
    let admitted: Vec<TcpStream> = (0..20).map(|_| raw::log_in(&server)).collect();
    let mut refused = raw::connect(&server);
    // The server may refuse before it has read anything.
    let _ = refused.write_all(&raw::framed(&raw::login()));
    let reply = raw::read_frame(&mut refused).unwrap().expect("a refusal with its reason");
    assert_eq!(reply, [0, 1], "too many connections");
    drop(admitted);
    let again = wait::until(|| {
        let mut socket = raw::connect(&server);
        let _ = socket.write_all(&raw::framed(&raw::login()));
        raw::read_frame(&mut socket).ok().flatten().filter(|reply| reply[..2] == [0, 0])
    });
    assert!(again.is_some(), "there is room again");
}

/// The HTTP port gets the same treatment.
#[test]
fn http_that_is_none() {
    under_attack(|server| {
        let http_socket = || {
            let socket = TcpStream::connect(server.http).expect("the server listens");
            socket.set_read_timeout(Some(wait::PATIENCE)).expect("a time that isn't zero");
            socket
        };
        let slow: Vec<TcpStream> = (0..50)
            .map(|_| {
                let mut socket = http_socket();
                socket
                    .write_all(b"POST /api/v1/procedures/ValidateEntry HTTP/1.1\r\nHost: x\r\nContent-Le")
                    .unwrap();
                socket
            })
            .collect();
        for bytes in [&b"\0\x01\x02\x03\xff\xfe\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", &[b'a'; 100_000]] {
            let mut socket = http_socket();
            // The server may hang up before it has all of it.
            let _ = socket.write_all(bytes);
            let _ = socket.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
        let json = "application/json";
        let deep = format!("{{\"parameters\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let path = "/api/v1/procedures/ValidateEntry";
        for body in ["", "{", "[]", "{\"parameters\": 7}", "{\"parameters\": [1, 2]}", &deep] {
            let status = http::post(server.http, path, json, body).unwrap().status;
            assert!((400..500).contains(&status), "{status} for {}", &body[..body.len().min(100)]);
        }
        let huge = format!("{{\"parameters\": [\"{}\"]}}", "x".repeat(3 << 20));
        // It may hang up on what is too large, before it has all of it.
        if let Ok(reply) = http::post(server.http, path, json, &huge) {
            assert_eq!(reply.status, 413, "{}", reply.body);
        }
        drop(slow);
    });
}
