//! Frames that are malformed, or claim what they don't hold.

use super::{raw, resident_bytes, under_attack};
use crate::support::Server;
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::SmallRng};
use std::{io::Write as _, net::TcpStream};

const GRACEFUL_FAILURE: i8 = -2;
const UNEXPECTED_FAILURE: i8 = -3;

#[test]
fn lengths_that_no_frame_has() {
    under_attack(|server| {
        for length in [0, -1, i32::MIN, (50 << 20) + 1, i32::MAX] {
            for logged_in in [false, true] {
                let mut socket = if logged_in { raw::log_in(server) } else { raw::connect(server) };
                socket.write_all(&length.to_be_bytes()).unwrap();
                assert!(raw::is_closed_by_server(&mut socket), "length {length}, logged in: {logged_in}");
            }
        }
    });
}

#[test]
fn logins_that_are_none() {
    let good = raw::login();
    let mut digest_too_short = good.clone();
    digest_too_short.pop();
    let mut text_too_long = good.clone();
    text_too_long[2..6].copy_from_slice(&i32::MAX.to_be_bytes());
    let mut text_of_negative_length = good.clone();
    text_of_negative_length[2..6].copy_from_slice(&(-2_i32).to_be_bytes());
    let mut other_service = good.clone();
    other_service[6..14].copy_from_slice(b"exporter");
    let bodies = [
        digest_too_short,
        text_too_long,
        text_of_negative_length,
        other_service,
        vec![7],
        vec![1],
        b"GET / HT".to_vec(),
    ];
    under_attack(|server| {
        for body in &bodies {
            let mut socket = raw::connect(server);
            socket.write_all(&raw::framed(body)).unwrap();
            // A refusal is two bytes: a version and a code that is not 0. Or nothing at all.
            if let Some(reply) = raw::read_frame(&mut socket).unwrap() {
                assert!(reply.len() == 2 && reply[1] != 0, "{body:?}: {reply:?}");
            }
            assert!(raw::is_closed_by_server(&mut socket), "{body:?}");
        }
    });
}

#[test]
fn calls_that_cannot_be_read_are_answered_or_hung_up_on() {
    // Each with the handle 77, which the server can read: then it owes an answer, or a caller waits for
    // minutes.
    let bodies = [
        raw::call("ValidateEntry", 77, &[]),
        raw::call("ValidateEntry", 77, &[0x7f, 0xff]),
        raw::call("ValidateEntry", 77, &[0, 1, 5, 0, 0]),
        raw::call("ValidateEntry", 77, &[0, 1, 99, 0, 0, 0, 0]),
        raw::call("ValidateEntry", 77, &[0, 1, 9, 0x7f, 0xff, 0xff, 0xff]),
        // An array of no known length, as VoltDB's Python client writes an empty one.
        raw::call("ValidateEntry", 77, &[0, 2, 0x9d, 5, 5, 0, 0, 0, 1]),
        raw::call("ValidateEntry", 77, &[0, 1, 9, 0, 0, 0, 1, 0xff]),
        raw::call("ValidateEntry", 77, &[0, 0, 0, 0, 0, 0]),
        raw::call("@AdHoc", 77, &[0, 1, 21, 0x7f, 0xff, 0xff, 0xff]),
        raw::call(&"x".repeat(1 << 20), 77, &[0, 0]),
    ];
    under_attack(|server| {
        for body in &bodies {
            let mut socket = raw::log_in(server);
            socket.write_all(&raw::framed(body)).unwrap();
            let reply = raw::read_frame(&mut socket).unwrap().expect("an answer");
            let (handle, status, text) = raw::response(&reply);
            assert_eq!(handle, 77, "{text}");
            assert!([GRACEFUL_FAILURE, UNEXPECTED_FAILURE].contains(&status), "{status}: {text}");
            assert!(!text.is_empty());
            // The next call on the same connection is as good as any.
            socket.write_all(&raw::framed(&raw::call("@Ping", 78, &[0, 0]))).unwrap();
            let reply = raw::read_frame(&mut socket).unwrap().expect("an answer");
            assert_eq!(raw::response(&reply).0, 78);
        }
        for body in [&[9_u8][..], &[0], &[0, 0x7f, 0xff, 0xff, 0xff], &[2, 0xff, 0xff, 0xff, 0xff]] {
            let mut socket = raw::log_in(server);
            socket.write_all(&raw::framed(body)).unwrap();
            let _ = socket.shutdown(std::net::Shutdown::Write);
            assert!(raw::is_closed_by_server(&mut socket), "{body:?}");
        }
    });
}

/// A hundred callers claim 50 MiB each, and send next to nothing of it.
#[test]
fn claimed_lengths_are_not_believed() {
    under_attack(|server| {
        let before = resident_bytes(server);
        let callers: Vec<TcpStream> = (0..100)
            .map(|n| {
                let mut socket = if n % 2 == 0 { raw::log_in(server) } else { raw::connect(server) };
                socket.write_all(&(50_i32 << 20).to_be_bytes()).unwrap();
                socket.write_all(&[0; 64]).unwrap();
                socket
            })
            .collect();
        ping(server);
        let grown = resident_bytes(server).saturating_sub(before);
        assert!(grown < 500 << 20, "{} MiB for what was only claimed", grown >> 20);
        drop(callers);
    });
}

#[test]
fn random_bytes() {
    let mut random = SmallRng::seed_from_u64(4);
    under_attack(|server| {
        for n in 0..300 {
            let mut socket = if n % 3 == 0 { raw::connect(server) } else { raw::log_in(server) };
            let mut bytes = vec![0; random.random_range(1..2000)];
            random.fill_bytes(&mut bytes);
            // Some of it in a frame of the right length, so that more than the length is looked at.
            let bytes = if random.random_bool(0.7) { raw::framed(&bytes) } else { bytes };
            // The server may have hung up already.
            let _ = socket.write_all(&bytes);
            let _ = socket.shutdown(std::net::Shutdown::Write);
            assert!(raw::is_closed_by_server(&mut socket), "it hangs up when we do");
        }
    });
}

/// Good calls with a few bytes changed get further in.
#[test]
fn nearly_good_calls() {
    let mut random = SmallRng::seed_from_u64(5);
    let tap =
        [0, 5, 5, 0, 0, 0, 2, 6, 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0, 5, 0, 0, 0, 4, 3, 1, 5, 0, 0, 0, 0];
    let good = [
        raw::call("ValidateEntry", 1, &tap),
        raw::call("@AdHoc", 1, &raw::one_text("SELECT COUNT(*) FROM stations WHERE station_id > 3")),
        raw::call("@SystemCatalog", 1, &raw::one_text("TABLES")),
        raw::call("@Statistics", 1, &raw::one_text("TOPO")),
        raw::call("CARDS.insert", 1, &[0, 1, 5, 0, 0, 0, 9]),
    ];
    under_attack(|server| {
        for n in 0..300 {
            let mut socket = raw::log_in(server);
            for _ in 0..10 {
                let mut body = good[n % good.len()].clone();
                for _ in 0..random.random_range(1..4) {
                    let place = random.random_range(0..body.len());
                    body[place] = random.random();
                }
                if random.random_bool(0.2) {
                    body.truncate(random.random_range(1..body.len()));
                }
                let _ = socket.write_all(&raw::framed(&body));
            }
            let _ = socket.shutdown(std::net::Shutdown::Write);
            assert!(raw::is_closed_by_server(&mut socket), "it hangs up when we do");
        }
    });
}

fn ping(server: &Server) {
    let mut socket = raw::log_in(server);
    socket.write_all(&raw::framed(&raw::call("@Ping", 1, &[0, 0]))).unwrap();
    assert!(raw::read_frame(&mut socket).unwrap().is_some());
}
