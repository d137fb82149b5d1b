//! Files of version 1 as they were first written: they are read for ever, and what is written today is the
//! same bytes.
//!
//! `TOLLGATE_WRITE_GOLDEN=1 cargo test -p tollgate-cluster --test golden` writes a missing one; an existing
//! one never changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tollgate_cluster::disk::{Disk, FaultyDisk};
use tollgate_cluster::log::{self, GroupAppend, LogBatch, LogConfig, LogStart, Membership, SnapshotMeta};
use tollgate_cluster::replica::{GroupConfig, MemberChange, Outbox, Replica};
use tollgate_cluster::snapshot::{self, SnapshotHead, SnapshotWriter};

fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var_os("TOLLGATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, written).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert_eq!(written, golden, "{name}: the format changed without a new version");
    golden
}

fn log_config() -> LogConfig {
    LogConfig { spares_at_open: 0, ..LogConfig::default() }
}

fn members() -> Membership {
    Membership {
        voters: vec![1, 2, 3],
        voters_outgoing: vec![1, 2],
        learners: vec![4],
        learners_next: vec![2],
        auto_leave: true,
    }
}

/// Every kind of thing a record can hold, from a replica and from hand-made parts.
fn write_log(disk: &FaultyDisk) {
    let mut opened = log::open(Arc::new(disk.clone()), Path::new("log"), log_config()).unwrap();
    let mut replica = Replica::new(&GroupConfig::new(1, 1, vec![1]), opened.take_group(1), None, 1).unwrap();
    let mut out = Outbox::default();
    let mut settle = |replica: &mut Replica| {
        while replica.poll(&mut out) {
            for part in out.appends.drain(..) {
                let ready_number = part.ready_number;
                opened.writer.append(&LogBatch { groups: vec![part] }).unwrap();
                replica.persisted(ready_number);
            }
            out.committed.drain(..).for_each(|entry| replica.applied_to(entry.position.index));
        }
    };
    settle(&mut replica);
    replica.propose(Bytes::from_static(b"a block")).unwrap();
    settle(&mut replica);
    replica.propose_members(&[MemberChange::AddLearner(4)]).unwrap();
    settle(&mut replica);
    let blocks = vec![Bytes::from_static(b"one"), Bytes::new(), Bytes::from(vec![0xee; 100])];
    let start = LogStart { reset: true, index: 40, term: 6, members: members() };
    let first = GroupAppend::of_blocks(2, 7, 41, blocks).with_start(start.clone());
    let replaced = GroupAppend::of_blocks(2, 8, 42, vec![Bytes::from_static(b"two")])
        .with_start(LogStart { reset: false, ..start });
    opened.writer.append(&LogBatch { groups: vec![first, replaced] }).unwrap();
}

#[test]
fn the_log_of_version_1_is_read_and_written() {
    let disk = FaultyDisk::new(1);
    write_log(&disk);
    let path = Path::new("log/0000000000000001.log");
    let golden = golden("log-v1.segment", &disk.read(path).unwrap());

    let disk = FaultyDisk::new(2);
    disk.overwrite(path, &golden);
    let mut opened = log::open(Arc::new(disk.clone()), Path::new("log"), log_config()).unwrap();
    assert_eq!(opened.groups(), [1, 2]);
    let first = opened.take_group(1);
    let entries: Vec<_> = first.entries().map(|(index, term, data)| (index, term, data.len())).collect();
    assert_eq!(entries, [(2, 2, 0), (3, 2, 7), (4, 2, 6)]);
    let second = opened.take_group(2);
    assert_eq!(second.start(), Some(&LogStart { reset: false, index: 40, term: 6, members: members() }));
    let entries: Vec<_> = second.entries().map(|(index, term, data)| (index, term, &data[..])).collect();
    assert_eq!(entries, [(41, 7, &b"one"[..]), (42, 8, b"two")]);
    let mut lines = Vec::new();
    let report = log::inspect(&disk, Path::new("log"), &mut |record| lines.push(record)).unwrap();
    assert_eq!((report.records, lines.len(), report.torn), (lines.len() as u64, lines.len(), None));
    assert!(
        lines
            .iter()
            .any(|record| record.groups.iter().any(|group| group.entries.iter().any(|e| e.membership)))
    );
    // The replica goes on from it.
    let replica = Replica::new(&GroupConfig::new(1, 1, vec![1]), first, None, 1).unwrap();
    assert!(!replica.is_leader(), "a committed change of members must be applied first");
}

#[test]
fn the_snapshot_of_version_1_is_read_and_written() {
    let disk = FaultyDisk::new(1);
    let head = SnapshotHead {
        group: 2,
        meta: SnapshotMeta { index: 40, term: 6, members: members() },
        created_us: 1_700_000_000_123_456,
        state_us: -1,
        manifest: Bytes::from_static(b"the manifest"),
    };
    let mut pace = |_| ();
    let mut writer =
        SnapshotWriter::create(Arc::new(disk.clone()), Path::new("snap"), &head, &mut pace).unwrap();
    for (kind, data) in [(1, &b"rows of one table"[..]), (0xffff_0000, b""), (2, &[7; 64])] {
        writer.section(kind).unwrap();
        writer.write(data).unwrap();
    }
    let path = writer.finish().unwrap().path;
    let golden = golden("v1.snapshot", &disk.read(&path).unwrap());

    let disk = FaultyDisk::new(2);
    disk.overwrite(&path, &golden);
    let read = snapshot::open_file(&disk, &path).unwrap();
    assert_eq!(read.head, head);
    let sections: Vec<_> = read.sections.iter().map(|section| (section.kind, &section.data[..])).collect();
    assert_eq!(sections, [(1, &b"rows of one table"[..]), (0xffff_0000, b""), (2, &[7; 64])]);
}
