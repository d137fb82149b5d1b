//! The codec against hostile and against known bytes.

mod bounds;
mod golden;
mod seeds;
mod versions;

use super::{ApiKey, Out, Request, read_any, write_request};
use bytes::Bytes;

/// A frame of every version of every API, without its length. Lower versions say less.
fn frames() -> Vec<(ApiKey, i16, Bytes)> {
    let mut frames = Vec::new();
    for (_, seed) in seeds::seeds() {
        let request = read_any(Bytes::from(seed)).unwrap();
        let api = request.api();
        for version in api.advertised().min..=api.advertised().max {
            frames.push((api, version, frame(version, &request)));
        }
    }
    frames
}

fn frame(version: i16, request: &Request) -> Bytes {
    let mut out = Out::default();
    write_request(&mut out, version, 258, Some("client"), request).unwrap();
    Bytes::from(out.into_vec()).slice(4..)
}
