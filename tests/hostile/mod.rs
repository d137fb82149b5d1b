//! Callers that mean harm, or are broken: none of them may hurt anyone else. While each of them does its
//! worst, an ordinary caller keeps tapping ([`honest`]); afterwards the server is well. [`raw`] speaks the
//! protocol, or not.

mod connections;
mod frames;
mod honest;
mod kafka;
mod kafka_crowds;
mod raw;

use crate::support::{Server, http};
use honest::Honest;

/// A server, and an ordinary caller that is at work during `attack`.
fn under_attack(attack: impl FnOnce(&Server)) {
    let server = Server::start();
    crate::support::line::load(&server);
    let honest = Honest::start(&server);
    attack(&server);
    // Answers that were asked for after the attack began to bite, not before it.
    honest.wait_for_answers(50);
    let answered = honest.finish();
    assert!(answered > 0, "the ordinary caller got answers");
    assert_eq!(http::get(server.http, "/api/v1/health").unwrap().status, 200);
}

/// Resident memory of the server, in bytes.
fn resident_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") * 1024
}
