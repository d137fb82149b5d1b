//! Measures what the log and the raft driver cost on this machine:
//! `cargo run --release -p tollgate-cluster --example measure [DIRECTORY]`.

#![allow(clippy::unwrap_used, reason = "a measurement stops at the first error")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tollgate_cluster::disk::RealDisk;
use tollgate_cluster::log::{self, GroupAppend, LogBatch, LogConfig};
use tollgate_cluster::replica::{GroupConfig, Outbox, Replica};

#[allow(clippy::disallowed_methods, reason = "measuring is what this program is for")]
fn now() -> Instant {
    Instant::now()
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |fraction: f64| times[((times.len() - 1) as f64 * fraction) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.3} ms  p90 {:.3} ms  p99 {:.3} ms", at(0.5), at(0.9), at(0.99))
}

/// Writes and syncs of one size after another, in a file that is as `prepare` leaves it.
fn syncs(path: &Path, write_bytes: usize, count: usize, prepare: impl Fn(&File, usize)) -> String {
    let file = File::create(path).unwrap();
    prepare(&file, write_bytes * count);
    file.sync_all().unwrap();
    let data = vec![7u8; write_bytes];
    let times = (0..count)
        .map(|number| {
            let begin = now();
            file.write_all_at(&data, (number * write_bytes) as u64).unwrap();
            file.sync_data().unwrap();
            begin.elapsed()
        })
        .collect();
    std::fs::remove_file(path).unwrap();
    percentiles(times)
}

fn measure_syncs(directory: &Path) {
    let path = directory.join("sync.test");
    for write_bytes in [4 << 10, 16 << 10, 64 << 10] {
        let count = 1000;
        let grows = syncs(&path, write_bytes, count, |_, _| ());
        let zeroed = syncs(&path, write_bytes, count, |file, bytes| {
            let zeros = vec![0u8; 1 << 20];
            for offset in (0..bytes).step_by(zeros.len()) {
                file.write_all_at(&zeros, offset as u64).unwrap();
            }
        });
        println!("write + fdatasync of {:>2} KiB: growing file     {grows}", write_bytes >> 10);
        println!("write + fdatasync of {:>2} KiB: zeroed in advance {zeroed}", write_bytes >> 10);
    }
}

fn measure_replica(directory: &Path, block_bytes: usize) {
    let mut opened = log::open(Arc::new(RealDisk), &directory.join("unused"), LogConfig::default()).unwrap();
    let mut replica = Replica::new(&GroupConfig::new(1, 1, vec![1]), opened.take_group(1), None, 1).unwrap();
    let block = Bytes::from(vec![1u8; block_bytes]);
    let mut out = Outbox::default();
    let count = 200_000;
    let mut committed = 0;
    let begin = now();
    for number in 0..count + 1 {
        if number > 0 {
            replica.propose(block.clone()).unwrap();
        }
        while replica.poll(&mut out) {}
        let ready = out.appends.drain(..).last().unwrap().ready_number;
        replica.persisted(ready);
        while replica.poll(&mut out) {}
        if let Some(last) = out.committed.last() {
            replica.applied_to(last.position.index);
        }
        committed += out.committed.drain(..).count();
    }
    let each = begin.elapsed() / count;
    assert_eq!(committed as u32, count + 1);
    println!(
        "one voter, {block_bytes} bytes a block: propose, poll, persisted, poll, applied {each:?} a block"
    );
}

fn measure_append(directory: &Path, block_bytes: usize) {
    let path = directory.join("append");
    let config = LogConfig { spares_at_open: 2, ..LogConfig::default() };
    let mut writer = log::open(Arc::new(RealDisk), &path, config).unwrap().writer;
    let block = Bytes::from(vec![1u8; block_bytes]);
    let times = (0..1000u64)
        .map(|number| {
            let batch =
                LogBatch { groups: vec![GroupAppend::of_blocks(1, 1, number + 1, vec![block.clone()])] };
            let begin = now();
            writer.append(&batch).unwrap();
            begin.elapsed()
        })
        .collect();
    println!("LogWriter::append of one block of {:>2} KiB: {}", block_bytes >> 10, percentiles(times));
    std::fs::remove_dir_all(&path).unwrap();
}

fn measure_recovery(directory: &Path) {
    let path = directory.join("recovery");
    let config = LogConfig { durability: log::Durability::Async, spares_at_open: 0, ..LogConfig::default() };
    let mut writer = log::open(Arc::new(RealDisk), &path, config.clone()).unwrap().writer;
    let block = Bytes::from(vec![1u8; 8 << 10]);
    let count = (500 << 20) / block.len() as u64;
    let begin = now();
    for number in 0..count {
        let batch = LogBatch { groups: vec![GroupAppend::of_blocks(1, 1, number + 1, vec![block.clone()])] };
        writer.append(&batch).unwrap();
    }
    writer.sync().unwrap();
    println!("500 MiB of 8 KiB blocks written in {:?}", begin.elapsed());
    drop(writer);
    let begin = now();
    let mut opened = log::open(Arc::new(RealDisk), &path, config).unwrap();
    println!("and opened again in {:?}, {} entries", begin.elapsed(), opened.take_group(1).entries().count());
    std::fs::remove_dir_all(&path).unwrap();
}

fn main() {
    let directory =
        std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from).join("tollgate-measure");
    std::fs::create_dir_all(&directory).unwrap();
    measure_syncs(&directory);
    for block_bytes in [100, 8 << 10, 64 << 10] {
        measure_replica(&directory, block_bytes);
    }
    for block_bytes in [4 << 10, 64 << 10] {
        measure_append(&directory, block_bytes);
    }
    measure_recovery(&directory);
    std::fs::remove_dir_all(&directory).unwrap();
}
