//! A group of one voter on the real file system: what was confirmed is there after a restart, in order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_cluster::disk::RealDisk;
use tollgate_cluster::log::{self, LogBatch, LogConfig, LogWriter};
use tollgate_cluster::replica::{EntryKind, GroupConfig, Outbox, Replica, RoleChange};

/// One executor and its log in one thread.
struct Node {
    writer: LogWriter,
    replica: Replica,
    applied: Vec<Bytes>,
    led: Vec<RoleChange>,
}

impl Node {
    fn start(directory: &Path) -> Self {
        let config = LogConfig { segment_bytes: 64 << 10, spares_kept: 2, ..LogConfig::default() };
        let mut opened = log::open(Arc::new(RealDisk), directory, config).unwrap();
        let recovered = opened.take_group(7);
        let replica = Replica::new(&GroupConfig::new(7, 1, vec![1]), recovered, None, 42).unwrap();
        let mut node = Self { writer: opened.writer, replica, applied: Vec::new(), led: Vec::new() };
        node.settle();
        node
    }

    /// Runs everything there is to do.
    fn settle(&mut self) {
        let mut out = Outbox::default();
        loop {
            while self.replica.poll(&mut out) {}
            if out.appends.is_empty() && out.committed.is_empty() {
                break;
            }
            let batch = LogBatch { groups: std::mem::take(&mut out.appends) };
            self.writer.append(&batch).unwrap();
            for part in &batch.groups {
                self.replica.persisted(part.ready_number);
            }
            for entry in out.committed.drain(..) {
                if entry.kind == EntryKind::Block {
                    self.applied.push(entry.data);
                }
                self.replica.applied_to(entry.position.index);
            }
        }
        self.led.append(&mut out.role_changes);
        assert!(out.messages.is_empty(), "a lone voter has nobody to talk to");
    }
}

#[test]
fn confirmed_blocks_come_back_in_order_after_each_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected: Vec<Bytes> = Vec::new();
    for round in 0..4u32 {
        let mut node = Node::start(directory.path());
        assert!(node.replica.ready_to_lead(), "a lone voter leads at once");
        assert_eq!(node.led, [RoleChange::BecameLeader { term: u64::from(round) + 2 }]);
        assert_eq!(node.applied, expected);
        for number in 0..300u32 {
            let block = Bytes::from(format!("round {round} block {number} {}", "x".repeat(number as usize)));
            let position = node.replica.propose(block.clone()).unwrap();
            assert_eq!(position.index, node.replica.last_index());
            expected.push(block);
            if number % 7 == 0 {
                node.settle();
            }
        }
        node.settle();
        assert_eq!(node.applied, expected);
        let stats = node.writer.stats();
        assert!(stats.segments > round as usize, "several segments were written: {stats:?}");
    }
    let report = log::verify(&RealDisk, directory.path()).unwrap();
    assert_eq!(report.entries, 4 * 300 + 4, "each term begins with an empty entry");
}
