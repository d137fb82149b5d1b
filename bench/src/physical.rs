//! `bench limits`: what the disk and the loopback device allow, whatever runs on them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clock::now_ns;

const PREALLOCATED_BYTES: usize = 64 << 20;
const MESSAGE_BYTES: usize = 100;
/// Bytes of whole messages in one batch; two batches are in flight, which the loopback device buffers easily.
const PIPELINE_BYTES: usize = 64 * 1024 / MESSAGE_BYTES * MESSAGE_BYTES;

#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    pub(crate) name: &'static str,
    /// Each write with its fdatasync.
    pub(crate) syncs: Vec<Sync>,
    pub(crate) echo_p50_us: f64,
    pub(crate) echo_messages_per_s: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Sync {
    pub(crate) file: &'static str,
    pub(crate) write_bytes: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) per_second: f64,
}

/// Measures for about `seconds` in all.
pub(crate) fn run(seconds: f64) -> anyhow::Result<Limits> {
    let share = seconds / 6.0;
    let mut syncs = Vec::new();
    for preallocated in [true, false] {
        for write_bytes in [4 << 10, 64 << 10] {
            syncs.push(sync(preallocated, write_bytes, share).context("measuring fdatasync")?);
        }
    }
    Ok(Limits {
        name: "limits",
        syncs,
        echo_p50_us: echo_p50_us(share).context("measuring a loopback echo")?,
        echo_messages_per_s: echo_per_second(share).context("measuring a loopback stream")?,
    })
}

fn sync(preallocated: bool, write_bytes: usize, seconds: f64) -> anyhow::Result<Sync> {
    let directory = tempfile::Builder::new().prefix("bench-disk-").tempdir()?;
    let file = File::create(directory.path().join("log"))?;
    if preallocated {
        // Written, not only reserved: a reserved extent changes its state at the first write, which costs a
        // journal entry.
        file.write_all_at(&vec![0; PREALLOCATED_BYTES], 0)?;
        file.sync_all()?;
    }
    let block = vec![0x5a; write_bytes];
    let mut latency_ns = Histogram::<u64>::new(3)?;
    let start_ns = now_ns();
    let deadline_ns = start_ns + (seconds * 1e9) as u64;
    let mut at = 0;
    while now_ns() < deadline_ns {
        let before_ns = now_ns();
        file.write_all_at(&block, at as u64)?;
        file.sync_data()?;
        latency_ns.record(now_ns() - before_ns)?;
        at += write_bytes;
        if preallocated && at + write_bytes > PREALLOCATED_BYTES {
            at = 0;
        }
    }
    let elapsed_s = (now_ns() - start_ns) as f64 / 1e9;
    Ok(Sync {
        file: if preallocated { "written in advance" } else { "growing" },
        write_bytes,
        p50_ms: latency_ns.value_at_quantile(0.5) as f64 / 1e6,
        p99_ms: latency_ns.value_at_quantile(0.99) as f64 / 1e6,
        per_second: (latency_ns.len() as f64 / elapsed_s).round(),
    })
}

/// A socket whose other end, on another thread, sends everything back until it is closed.
fn echo_peer() -> anyhow::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let socket = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    peer.set_nodelay(true)?;
    std::thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        // An error or an end means that the measurement is over.
        while let Ok(count @ 1..) = peer.read(&mut buffer) {
            if peer.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
    });
    Ok(socket)
}

fn echo_p50_us(seconds: f64) -> anyhow::Result<f64> {
    let mut socket = echo_peer()?;
    let mut latency_ns = Histogram::<u64>::new(3)?;
    let deadline_ns = now_ns() + (seconds * 1e9) as u64;
    let mut byte = [0u8; 1];
    while now_ns() < deadline_ns {
        let before_ns = now_ns();
        socket.write_all(&byte)?;
        socket.read_exact(&mut byte)?;
        latency_ns.record(now_ns() - before_ns)?;
    }
    Ok(latency_ns.value_at_quantile(0.5) as f64 / 1e3)
}

/// Messages of 100 bytes there and back, several hundred in flight.
fn echo_per_second(seconds: f64) -> anyhow::Result<f64> {
    let mut socket = echo_peer()?;
    let mut buffer = vec![0u8; PIPELINE_BYTES];
    let start_ns = now_ns();
    let deadline_ns = start_ns + (seconds * 1e9) as u64;
    let mut messages = 0;
    socket.write_all(&buffer)?;
    while now_ns() < deadline_ns {
        // One batch is always on its way while the other is sent.
        socket.write_all(&buffer)?;
        socket.read_exact(&mut buffer)?;
        messages += PIPELINE_BYTES / MESSAGE_BYTES;
    }
    Ok((messages as f64 * 1e9 / (now_ns() - start_ns) as f64).round())
}
